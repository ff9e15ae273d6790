import { AppError } from '../../../shared/contract/index.ts';
import type { ProviderAccount } from './provider.ts';

/** What a provider says when it does not answer, in the words of the error table. Pure. */

/** Why a call failed on the provider's side, in `details.reason`. */
export type UpstreamReason =
  | 'unreachable'
  | 'stalled'
  | 'cut'
  | 'malformed'
  | 'redirected'
  | 'credential_refused'
  | 'model_unknown'
  | 'status';

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The beginning of the body. */
  readonly text: string;
}

const MAX_MESSAGE = 500;
const SHORTEST_SECRET = 4;

/** A text of a provider's with the key, and what looks like one, blacked out, cut to a sentence or two. */
export function quotable(text: string, apiKey: string): string {
  const known = apiKey.length < SHORTEST_SECRET ? text : text.replaceAll(apiKey, '[key]');
  return known
    .replace(/\b(sk|pk|rk|key|api|xai|gsk)[-_][\w*-]{8,}/gi, '[key]')
    .replace(/\bBearer\s+\S+/gi, 'Bearer [key]')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MAX_MESSAGE);
}

/** `providerModelId` is null when no model was asked for. */
export function upstreamRefusal(
  account: Pick<ProviderAccount, 'provider' | 'baseUrl' | 'apiKey'>,
  providerModelId: string | null,
  answer: UpstreamAnswer,
  now: number,
): AppError {
  const { status } = answer;
  const { host } = new URL(account.baseUrl);
  const { message, param } = errorOf(answer.text);
  const said = quotable(message, account.apiKey);
  const details = { status_code: status, provider: account.provider };
  const failed = (reason: UpstreamReason, sentence: string, hint?: string): AppError =>
    new AppError('upstream_failed', sentence, {
      details: { reason, ...details },
      ...(hint === undefined ? {} : { hint }),
    });
  // What is said with a refused key may quote it in ways nobody can foresee, so it is not passed on.
  if (status === 401 || status === 403)
    return failed(
      'credential_refused',
      `${host} refused the credential (${status}).`,
      'Check the credential: it may be revoked, expired, or not allowed to use this model.',
    );
  if (status >= 300 && status < 400)
    return failed(
      'redirected',
      `${host} answered with a redirect, and redirects are not followed.`,
      'Give the credential the address that it leads to.',
    );
  if (status === 404)
    return failed(
      'model_unknown',
      providerModelId === null
        ? `${host} has no list of models at this address.`
        : `${host} does not know ${providerModelId}: ${said}`,
      'Check the base address of the credential, and whether the provider still offers the model.',
    );
  if (status === 429) {
    const wait = retryAfterSeconds(answer.headers, now);
    return new AppError('rate_limited', `${host} takes no more calls now: ${said}`, {
      details: { ...details, ...(wait === null ? {} : { retry_after_seconds: wait }) },
      ...(wait === null ? { hint: 'Wait a little, then try again.' } : {}),
    });
  }
  if (status === 400 || status === 413 || status === 422)
    return new AppError('invalid_argument', `${host} refused the request: ${said}`, {
      hint: 'Correct what the provider names.',
      details: { ...details, fields: [typeof param === 'string' ? quotable(param, account.apiKey) : 'body'] },
    });
  return failed('status', `${host} answered with ${status}: ${said}`, 'Try again later.');
}

/** Seconds of a `Retry-After`, given as such or as a date; null without one. */
export function retryAfterSeconds(headers: UpstreamAnswer['headers'], now: number): number | null {
  const value = headers['retry-after'];
  if (typeof value !== 'string' || value.trim() === '') return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, (date - now) / 1000);
}

/** A failure on the way to a provider or in the middle of its answer. */
export function transportFailure(reason: UpstreamReason, sentence: string, cause?: unknown): AppError {
  return new AppError('upstream_failed', sentence, {
    hint: 'Try again; if it stays, check the credential and its base address.',
    details: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The message in any of the shapes that providers use. */
export function errorOf(text: string): { message: string; param?: unknown } {
  try {
    const body = JSON.parse(text) as {
      error?: { message?: unknown; param?: unknown } | string;
      message?: unknown;
      detail?: unknown;
    };
    if (typeof body.error === 'string') return { message: body.error };
    if (typeof body.error?.message === 'string')
      return { message: body.error.message, param: body.error.param };
    if (typeof body.message === 'string') return { message: body.message };
    if (body.detail !== undefined) return { message: JSON.stringify(body.detail) };
  } catch {
    // Not JSON: the first line says most.
  }
  return { message: text.split('\n')[0] || 'no reason given' };
}
