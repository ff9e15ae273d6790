import type { z } from 'zod';
import type { Role } from '../lifecycle/index.ts';
import type { ErrorCode } from './errors.ts';
import type { KeyScope } from './resources/index.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * One row of the contract. Server routes, validation, roles, OpenAPI, the typed client and the CLI read it; there is no
 * second place where a path or a shape is written down.
 */
export interface Endpoint {
  readonly method: Method;
  /** With `:name` parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** `open` needs no key. */
  readonly role: Role | 'open';
  /** The role that suffices where the object of the path is the caller's own; the use case asks who owns it. */
  readonly owner?: Role;
  /** What the scopes of a key have to hold; `read` for GET, `invoke` for the gateway and `manage` else, unless said here. */
  readonly scope?: KeyScope | 'any';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly status: 200 | 201 | 202;
  /** The other status a successful answer can have, and which answers have it. */
  readonly otherStatus?: { readonly status: 200 | 201 | 202; readonly when: (answer: object) => boolean };
  readonly response: z.ZodType;
  /** Codes beyond those that every route can answer with (COMMON_ERRORS). */
  readonly errors: readonly ErrorCode[];
  /**
   * `events`: server-sent events. `openai`: OpenAI's shapes and error envelope, may stream. `text` and `file`: the answer
   * is no JSON.
   */
  readonly kind?: 'events' | 'openai' | 'text' | 'file';
  /** Of the answer, where it is not the usual one of its kind. */
  readonly mediaType?: string;
}

/** The scope a key needs for a row. */
export function scopeOf(row: Endpoint): KeyScope | 'any' {
  if (row.scope !== undefined) return row.scope;
  if (row.kind === 'openai') return 'invoke';
  return row.method === 'GET' ? 'read' : 'manage';
}

/** What any route with a key may answer. */
export const COMMON_ERRORS = [
  'invalid_argument',
  'unauthenticated',
  'insufficient_role',
  'forbidden',
  'payload_too_large',
  'shutting_down',
  'database_corrupt',
  'internal_error',
] as const satisfies readonly ErrorCode[];

type Shape<T> = T extends z.ZodType ? z.input<T> : never;

/** What a caller passes to the typed client for a row. */
export type EndpointInput<E extends Endpoint> = (E['params'] extends z.ZodObject
  ? { params: Shape<E['params']> }
  : unknown) &
  (E['query'] extends z.ZodObject ? { query?: Shape<E['query']> } : unknown) &
  (E['body'] extends z.ZodType ? { body: Shape<E['body']> } : unknown);

/** What a handler gets after validation. */
export interface EndpointRequest<E extends Endpoint> {
  readonly params: E['params'] extends z.ZodType ? z.output<E['params']> : undefined;
  readonly query: E['query'] extends z.ZodType ? z.output<E['query']> : undefined;
  readonly body: E['body'] extends z.ZodType ? z.output<E['body']> : undefined;
}

export type EndpointOutput<E extends Endpoint> = z.output<E['response']>;
