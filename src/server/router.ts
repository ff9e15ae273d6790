import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  AppError,
  scopeOf,
  type Endpoint,
  type EndpointOutput,
  type EndpointRequest,
  type Method,
} from '../shared/contract/index.ts';
import { roleCovers } from '../shared/lifecycle/index.ts';
import { assertCleanInput } from './clean-input.ts';
import type { Admit, Authenticate, Caller, RawContext, RequestContext } from './context.ts';
import { invalidArgument } from './errors.ts';
import { GATEWAY_BODY_LIMIT } from './http-server.ts';

export type Handler<E extends Endpoint> = (
  request: EndpointRequest<E>,
  context: RequestContext,
) => Promise<z.input<E['response']>> | z.input<E['response']>;
export type RawHandler<E extends Endpoint> = (
  request: EndpointRequest<E>,
  context: RawContext,
) => Promise<void>;

const NO_BODY = z.strictObject({}).optional();
const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const NO_BYTES = Buffer.alloc(0);
const NO_QUERY = z.strictObject({});
const ANONYMOUS: Caller = {
  keyId: '',
  keyKind: 'api',
  principalId: '',
  principalName: '',
  role: 'user',
  scopes: [],
};

/** What the router asks of whoever knows the keys. */
export interface Door {
  readonly authenticate: Authenticate;
  readonly admit: Admit;
}

/** Binds rows of the contract to handlers. A row without a handler, or with two, stops the boot. */
export class Router<Rows extends Record<string, Endpoint>> {
  readonly #app: FastifyInstance;
  readonly #rows: Rows;
  readonly #door: Door;
  readonly #checkResponses: boolean;
  readonly #bound = new Set<keyof Rows>();

  constructor(app: FastifyInstance, rows: Rows, door: Door, checkResponses: boolean) {
    this.#app = app;
    this.#rows = rows;
    this.#door = door;
    this.#checkResponses = checkResponses;
  }

  /** An ordinary JSON route. */
  implement<Id extends keyof Rows>(id: Id, handler: Handler<Rows[Id]>): void {
    const row: Endpoint = this.#rows[id]!;
    this.#route(id, row, async (input, context, reply) => {
      const answer = await handler(input, context);
      if (this.#checkResponses) assertShape(row, answer);
      const status = row.otherStatus?.when(answer as object) === true ? row.otherStatus.status : row.status;
      return reply.status(status).header('x-request-id', context.requestId).send(answer);
    });
  }

  /** A route that writes its answer itself: streams, and the gateway. */
  implementRaw<Id extends keyof Rows>(id: Id, handler: RawHandler<Rows[Id]>): void {
    const row: Endpoint = this.#rows[id]!;
    this.#route(id, row, async (input, context, reply) => {
      await handler(input, context);
      return reply;
    });
  }

  /** PENDING */
  missing(): (keyof Rows & string)[] {
    return Object.keys(this.#rows).filter((id) => !this.#bound.has(id));
  }

  /** Ends the binding: other methods of known paths get their refusal. @throws {Error} naming the rows nobody implements. */
  assertComplete(): void {
    const missing = Object.keys(this.#rows).filter((id) => !this.#bound.has(id));
    if (missing.length > 0) throw new Error(`contract rows without a handler: ${missing.join(', ')}`);
    this.#refuseOtherMethods();
  }

  #refuseOtherMethods(): void {
    const rows = Object.values<Endpoint>(this.#rows);
    for (const path of new Set(rows.map((row) => row.path))) {
      // A path with a name in it (`/models/bulk`) may be one with an id for another method (`/models/:id`).
      const reaching = rows.filter((row) => row.path === path || reaches(row.path, path));
      const known = reaching.map((row) => row.method);
      const allow = [...new Set(known)].toSorted().join(', ');
      const row = rows.find((one) => one.path === path)!;
      const others = METHODS.filter((method) => !known.includes(method));
      if (others.length === 0) continue;
      this.#app.route({
        method: others,
        url: path,
        config: { row },
        onRequest: (request, reply) => {
          if (row.role !== 'open') this.#authorise({ ...row, role: 'user', scope: 'any' }, request, reply);
          void reply.header('allow', allow);
          throw new AppError('method_not_allowed', `This path takes ${allow}, not ${request.method}.`);
        },
        handler: () => undefined,
      });
    }
  }

  #route(
    id: keyof Rows,
    row: Endpoint,
    run: (
      input: EndpointRequest<Endpoint>,
      context: RawContext,
      reply: FastifyReply,
    ) => Promise<FastifyReply>,
  ): void {
    if (this.#bound.has(id)) throw new Error(`contract row ${String(id)} has two handlers`);
    this.#bound.add(id);
    this.#app.route({
      method: row.method,
      url: row.path,
      config: { row },
      ...(row.kind === 'openai' ? { bodyLimit: GATEWAY_BODY_LIMIT } : {}),
      // Before the body is read: a stranger must not make the agent buffer megabytes.
      onRequest: (request, reply, done) => {
        if (row.role !== 'open') request.caller = this.#authorise(row, request, reply);
        done();
      },
      handler: async (request, reply) => {
        const input = validate(row, request);
        return run(input, new HandlerContext(request, reply), reply);
      },
    });
  }

  #authorise(row: Endpoint, request: FastifyRequest, reply: FastifyReply): Caller {
    const header = request.headers.authorization;
    const token = header === undefined ? '' : (/^Bearer\s+(\S+)$/i.exec(header)?.[1] ?? '');
    if (token === '') throw new AppError('unauthenticated', 'This call carries no key.');
    const caller = this.#door.authenticate(token);
    if (row.role === 'open') return caller;
    const scope = scopeOf(row);
    if (scope !== 'any' && !caller.scopes.includes(scope)) {
      throw new AppError(
        'forbidden',
        `This key may not ${scope}; its scopes are ${caller.scopes.join(', ')}.`,
        {
          hint: 'Use a key with that scope, or ask a superadmin to add it.',
          details: { needed_scope: scope, scopes: [...caller.scopes] },
        },
      );
    }
    // Where the owner of an object may do more, the use case asks whose it is.
    if (!roleCovers(caller.role, row.owner ?? row.role))
      throw new AppError(
        'insufficient_role',
        `This needs the role ${row.role}; the key has ${caller.role}.`,
        { details: { needed: row.role, held: caller.role } },
      );
    if (scope === 'invoke') this.#admit(caller, row, reply);
    return caller;
  }

  /** @throws {AppError} `rate_limited`. */
  #admit(caller: Caller, row: Endpoint, reply: FastifyReply): void {
    const { refusal, headers } = this.#door.admit(caller, row.method !== 'GET');
    // On the raw answer, because the gateway's handlers write theirs without Fastify.
    for (const [name, value] of headers) reply.raw.setHeader(name, value);
    if (refusal !== null) throw refusal;
  }
}

/** Whether a path is one that a pattern takes. Pure. */
function reaches(pattern: string, path: string): boolean {
  const pieces = pattern.split('/');
  const given = path.split('/');
  return (
    pieces.length === given.length && pieces.every((piece, i) => piece.startsWith(':') || piece === given[i])
  );
}

function validate(row: Endpoint, request: FastifyRequest): EndpointRequest<Endpoint> {
  // What the gateway passes on is text for an engine, whatever it is.
  const anyText = row.kind === 'openai';
  const parse = (schema: z.ZodType, value: unknown, where: 'params' | 'query' | 'body'): unknown => {
    assertCleanInput(value, where, anyText && where === 'body');
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw invalidArgument(parsed.error, where);
    return parsed.data;
  };
  const hasBody = row.method !== 'GET';
  return {
    params: row.params === undefined ? undefined : parse(row.params, request.params, 'params'),
    query: parse(row.query ?? NO_QUERY, request.query, 'query'),
    // Every body is an object, and an absent one means: all defaults. `null` is not absent.
    body: hasBody
      ? parse(row.body ?? NO_BODY, request.body === undefined ? {} : request.body, 'body')
      : undefined,
  } as EndpointRequest<Endpoint>;
}

/**
 * A class, because an object literal with a getter gets a hidden class of its own each time, and that one keeps the
 * whole request alive until the next full garbage collection.
 */
class HandlerContext implements RawContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly ifMatch: number | null;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly rawBody: Buffer;
  #controller: AbortController | null = null;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    const match = request.headers['if-match'];
    this.caller = request.caller ?? ANONYMOUS;
    this.requestId = request.id;
    this.ifMatch = match === undefined ? null : ifMatchNumber(match);
    this.request = request;
    this.reply = reply;
    this.rawBody = request.rawBody ?? NO_BYTES;
  }

  /** Made only when somebody asks: most handlers are done before a client could leave. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const made = new AbortController();
      const { raw } = this.reply;
      this.#controller = made;
      const gone = (): void => {
        if (!raw.writableFinished) made.abort(new AppError('shutting_down', 'The client went away.'));
      };
      if (raw.destroyed) gone();
      else raw.once('close', gone);
    }
    return this.#controller.signal;
  }
}

function ifMatchNumber(header: string): number {
  const digits = /^(?:"(\d{1,15})"|(\d{1,15}))$/.exec(header.trim());
  if (digits !== null) return Number(digits[1] ?? digits[2]);
  throw new AppError('invalid_argument', 'If-Match carries the rev of what you read, a whole number.', {
    details: { fields: ['if-match'] },
  });
}

function assertShape(row: Endpoint, answer: EndpointOutput<Endpoint>): void {
  const parsed = row.response.safeParse(JSON.parse(JSON.stringify(answer)));
  if (parsed.success) return;
  throw new Error(
    `${row.method} ${row.path} answered against its contract: ${z.prettifyError(parsed.error)}`,
  );
}
