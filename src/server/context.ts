import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppError, KeyScope } from '../shared/contract/index.ts';
import type { Role } from '../shared/lifecycle/index.ts';

/** Who calls, as the key says. */
export interface Caller {
  readonly keyId: string;
  readonly keyKind: 'admin' | 'api' | 'session' | 'desktop';
  readonly principalId: string;
  readonly principalName: string;
  readonly role: Role;
  /** What the key may be used for, within the role. */
  readonly scopes: readonly KeyScope[];
}

/** Finds the caller of a bearer key. @throws {AppError} `unauthenticated` with the reason. */
export type Authenticate = (token: string) => Caller;

/** Whether a call to the gateway may come, and what its key has left. */
export interface Admission {
  readonly refusal: AppError | null;
  /** For the answer, whether it is let in or not. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Counts a call against the limits of its key, before anything is looked up. `spends`: whether it costs tokens. */
export type Admit = (caller: Caller, spends: boolean) => Admission;

/** What a handler knows about its request besides the validated input. */
export interface RequestContext {
  readonly caller: Caller;
  readonly requestId: string;
  /** The number of `If-Match`, or null. */
  readonly ifMatch: number | null;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** A handler that writes the answer itself. */
export interface RawContext extends RequestContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** The bytes of the body as they came. */
  readonly rawBody: Buffer;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    rawBody: Buffer | null;
  }
}
