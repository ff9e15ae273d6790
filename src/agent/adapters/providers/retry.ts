import { retryAfterSeconds, type UpstreamAnswer } from './refusals.ts';

/** What went wrong with one attempt: no connection, or an answer that is no success. */
export type Failure =
  | { readonly connect: string }
  | { readonly answer: Pick<UpstreamAnswer, 'status' | 'headers'> };

const MAX_RETRIES = 2;
const MAX_WAIT_SECONDS = 5;
const CONNECT_WAIT_MS = 150;
/** Nothing was sent, and the next moment may be better. A connection that takes too long is none of these. */
const PASSING = new Set(['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN']);
/** Answers by which a provider says that it did not take the request on. */
const NOT_TAKEN = new Set([429, 503]);

/**
 * Pure. Milliseconds to wait before the same request may be sent again, or null: only when the provider surely did not
 * work on it, because a second answer costs a second time. `attempt` counts from 0.
 */
export function retryWait(failure: Failure, attempt: number, now: number): number | null {
  if (attempt >= MAX_RETRIES) return null;
  if ('connect' in failure) return PASSING.has(failure.connect) ? CONNECT_WAIT_MS * 2 ** attempt : null;
  const { status, headers } = failure.answer;
  if (!NOT_TAKEN.has(status)) return null;
  const wait = retryAfterSeconds(headers, now);
  return wait === null || wait > MAX_WAIT_SECONDS ? null : wait * 1000;
}
