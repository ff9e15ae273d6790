import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AppError, toAppError, type Endpoint } from '../shared/contract/index.ts';
import { fromFastify, openaiProblem, problem } from './errors.ts';
import { assertSameSite, type OriginRules } from './origin-guard.ts';

export interface HttpServerOptions {
  readonly log: Logger;
  readonly origins: OriginRules;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Asked before each request; true refuses it with `shutting_down`. */
  readonly stopping: () => boolean;
  /** Parses every answer against its row: for tests, where a wrong answer shall fail. */
  readonly checkResponses: boolean;
}

/** Bodies of ordinary routes. The gateway's are larger, because messages may carry images. */
const BODY_LIMIT = 1024 * 1024;
export const GATEWAY_BODY_LIMIT = 32 * 1024 * 1024;

/** The HTTP host that agent and central share: errors, same-site checks, request ids. Routes are added by `Router`. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const nextId = requestIds();
  const app = fastify({
    loggerInstance: options.log,
    // A logger of its own for each request costs more than most requests; what is logged names the request itself.
    childLoggerFactory: (logger) => logger,
    logController: new fastify.LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'request_id',
    }),
    bodyLimit: BODY_LIMIT,
    genReqId: nextId,
    requestIdHeader: false,
    return503OnClosing: false,
    // What Fastify refuses before it knows a route has our envelope too.
    frameworkErrors: (thrown, request, reply) => {
      sendError(reply, request, fromFastify(thrown) ?? toAppError(thrown));
    },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 256 },
    // Closing ends idle connections at once and waits for those that are answering.
    forceCloseConnections: 'idle',
    keepAliveTimeout: 75_000,
    ...(options.tls === null
      ? {}
      : { https: { cert: readFileSync(options.tls.cert), key: readFileSync(options.tls.key) } }),
  }) as unknown as FastifyInstance;

  app.decorateRequest('caller', null);
  app.decorateRequest('rawBody', null);
  useJsonBodies(app);

  endUnusedConnections(app, options.tls === null ? 'connection' : 'secureConnection');

  app.addHook('onRequest', (request, _reply, done) => {
    assertSameSite(request.headers.host, request.headers.origin, options.origins);
    if (options.stopping()) throw new AppError('shutting_down', 'The agent is stopping.');
    done();
  });

  app.setErrorHandler((thrown, request, reply) => {
    const error = thrown instanceof AppError ? thrown : (fromFastify(thrown) ?? toAppError(thrown));
    if (error.status >= 500 && error.code !== 'model_not_loaded' && error.code !== 'shutting_down') {
      request.log.error(
        { err: error.cause ?? error, code: error.code, request_id: request.id },
        'request failed',
      );
    }
    sendError(reply, request, error);
  });
  app.setNotFoundHandler((request, reply) => sendError(reply, request, unknownRoute(request)));
  return app;
}

/** Browsers and undici open connections ahead of need. Node counts those as busy, and a stop would wait for them. */
function endUnusedConnections(app: FastifyInstance, opened: 'connection' | 'secureConnection'): void {
  const unused = new Set<Socket>();
  app.server.on(opened, (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }) => unused.delete(socket));
  app.addHook('preClose', (done) => {
    for (const socket of unused) socket.destroy();
    done();
  });
}

/** Where a listening server is reached from this machine. */
export function serverUrl(app: FastifyInstance, tls: boolean): string {
  const address = app.server.address() as AddressInfo;
  const host = address.address === '::' || address.address === '0.0.0.0' ? '127.0.0.1' : address.address;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function sendError(reply: FastifyReply, request: FastifyRequest, error: AppError): void {
  const row = (request.routeOptions.config as { row?: Endpoint } | undefined)?.row;
  const isGateway =
    row?.kind === 'openai' ||
    (row === undefined && /^\/v1\/(chat|completions|embeddings|models)\b/.test(request.url));
  if (error.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
  const retryAfter = error.details?.['retry_after_seconds'];
  if (typeof retryAfter === 'number') void reply.header('retry-after', String(Math.ceil(retryAfter)));
  void reply
    .status(error.status)
    .header('x-request-id', request.id)
    .header('content-type', 'application/json; charset=utf-8')
    .send(JSON.stringify(isGateway ? openaiProblem(error, request.id) : problem(error, request.id)));
}

function unknownRoute(request: FastifyRequest): AppError {
  return new AppError('not_found', `There is no ${request.method} ${request.url.split('?')[0] ?? ''}.`, {
    hint: 'See /v1/openapi.json.',
  });
}

/** Keeps the bytes of a JSON body beside the value: the gateway passes them on unchanged. */
function useJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    request.rawBody = body;
    if (body.length === 0) done(null, undefined);
    else void parse(request, body.toString('utf8'), done);
  });
}

/** Short, unique in a process and unlikely to repeat over restarts. */
function requestIds(): () => string {
  const prefix = `req_${randomBytes(4).toString('hex')}`;
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}${count.toString(36).padStart(5, '0')}`;
  };
}
