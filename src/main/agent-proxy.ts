import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import { Readable } from 'node:stream';
import { AppError, errorBody } from '../shared/contract/index.ts';

/**
 * Carries the page's calls to the agent and its answers back, both as streams. It speaks node:http, because
 * Electron's own `net` never closes the connection of a stream that the page gave up, and then the runtime behind
 * the agent would compute on for nobody.
 */
export interface AgentTarget {
  readonly url: string;
  readonly token: string;
}

export interface ProxyDeps {
  /** The agent; waits a while for one that is about to answer. @throws {AppError} `agent_unreachable`. */
  readonly target: () => Promise<AgentTarget>;
  /** Another key in the place of one that the agent no longer takes; null when there is none. */
  readonly renewed: (spentToken: string) => Promise<AgentTarget | null>;
}

/** What belongs to a connection and not to the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What the page's browser adds about itself, and what only the desktop may say. */
const NOT_FOR_THE_AGENT = new Set([
  'authorization',
  'cookie',
  'expect',
  'host',
  'origin',
  'referer',
  'accept-encoding',
]);
const NOT_FOR_THE_PAGE = new Set(['set-cookie', 'www-authenticate']);
const WITHOUT_BODY = new Set([204, 205, 304]);
const BUFFERED_BYTES = 64 * 1024;

/** The headers of a call as the agent gets them. Pure. */
export function headersForAgent(
  headers: Iterable<readonly [string, string]>,
  token: string,
): Record<string, string> {
  const kept = [...headers].filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !NOT_FOR_THE_AGENT.has(lower) && !lower.startsWith('sec-');
  });
  return { ...Object.fromEntries(kept), authorization: `Bearer ${token}` };
}

/** The headers of an answer as the page gets them. Pure. */
export function headersForPage(headers: http.IncomingHttpHeaders): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || NOT_FOR_THE_PAGE.has(name)) continue;
    kept.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return kept;
}

/**
 * Answers a call of the page with what the agent answers.
 * @throws when there is no agent and the call is an event stream: a refusal would end the stream for good, while a
 *   broken connection is tried again.
 */
export async function proxyToAgent(request: Request, deps: ProxyDeps): Promise<Response> {
  const { pathname } = new URL(request.url);
  try {
    const target = await deps.target();
    const answer = await exchange(request, target);
    if (answer.status !== 401 || !mayRepeat(request)) return answer;
    const renewed = await deps.renewed(target.token);
    if (renewed === null) return answer;
    await answer.body?.cancel();
    return await exchange(request, renewed);
  } catch (error) {
    if (isEventStream(request, pathname)) throw error;
    return refusalOf(pathname, error, request.body !== null);
  }
}

function mayRepeat(request: Request): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

function isEventStream(request: Request, pathname: string): boolean {
  return pathname === '/v1/events' || request.headers.get('accept') === 'text/event-stream';
}

function exchange(request: Request, target: AgentTarget): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const url = new URL(pathname + search, target.url);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  // A connection of its own for each call: loopback makes that cheap, and no call dies with another's old connection.
  const upstream = (url.protocol === 'https:' ? https : http).request(url, {
    method: request.method,
    headers: headersForAgent(request.headers, target.token),
    agent: false,
  });
  upstream.once('response', (answer) => resolve(responseOf(answer, upstream, request.method)));
  upstream.on('error', reject);
  const giveUp = (): void => void upstream.destroy(new Error('the page gave up'));
  request.signal.addEventListener('abort', giveUp, { once: true });
  upstream.once('close', () => request.signal.removeEventListener('abort', giveUp));
  if (request.body === null) upstream.end();
  else send(Readable.fromWeb(request.body), upstream);
  return promise;
}

/** An answer may come before the whole body has gone; only a body that breaks off ends the call. */
function send(body: Readable, upstream: http.ClientRequest): void {
  body.on('error', (error) => upstream.destroy(error));
  upstream.once('close', () => body.destroy());
  body.pipe(upstream);
}

function responseOf(answer: http.IncomingMessage, upstream: http.ClientRequest, method: string): Response {
  const status = answer.statusCode ?? 502;
  const init = {
    status,
    statusText: answer.statusMessage ?? '',
    headers: headersForPage(answer.headers),
  };
  if (WITHOUT_BODY.has(status) || method === 'HEAD') {
    answer.resume();
    return new Response(null, init);
  }
  return new Response(bodyOf(answer, upstream), init);
}

/** The agent's answer as it comes. A page that reads slowly slows it down; one that gives up closes the connection. */
function bodyOf(answer: http.IncomingMessage, upstream: http.ClientRequest): ReadableStream<Uint8Array> {
  let isOver = false;
  const once = (run: () => void) => (): void => {
    if (isOver) return;
    isOver = true;
    run();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        answer.on('data', (chunk: Buffer) => {
          if (isOver) return;
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) answer.pause();
        });
        answer.once(
          'end',
          once(() => controller.close()),
        );
        answer.once('error', (error) => once(() => controller.error(error))());
        answer.once(
          'close',
          once(() => controller.error(new Error('the agent broke the connection'))),
        );
      },
      pull() {
        answer.resume();
      },
      cancel() {
        isOver = true;
        upstream.destroy();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }),
  );
}

/** What the agent would say if it could, in the envelope of the route that was called. Pure but for the request id. */
export function refusalOf(pathname: string, cause: unknown, hadBody: boolean): Response {
  const error = cause instanceof AppError ? cause : brokenConnection(cause, hadBody);
  const requestId = `desktop_${randomBytes(6).toString('hex')}`;
  const isGateway = /^\/v1\/(chat|completions|embeddings|models)\b/.test(pathname);
  const { message, hint } = error;
  const body = isGateway
    ? { error: { message, type: 'server_error', code: error.code, param: null, hint, request_id: requestId } }
    : { ...errorBody(error), request_id: requestId };
  return Response.json(body, {
    status: error.status,
    headers: { 'cache-control': 'no-store', 'x-request-id': requestId },
  });
}

/** An agent that answers before it has read all of a body closes the connection, and its answer may be lost with it. */
function brokenConnection(cause: unknown, hadBody: boolean): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  if (hadBody && (code === 'EPIPE' || code === 'ECONNRESET')) {
    return new AppError(
      'upstream_failed',
      'The agent closed the connection before it had read the request.',
      {
        hint: 'The request may be larger than the agent accepts, or the agent has just ended.',
        cause,
      },
    );
  }
  return new AppError('agent_unreachable', 'The agent does not answer.', {
    hint: 'The desktop starts it again; the tray says how that goes.',
    cause,
  });
}
