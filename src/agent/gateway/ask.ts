import { AppError } from '../../shared/contract/index.ts';
import type { RequestContext } from '../../server/context.ts';
import type { JsonBody } from '../adapters/providers/index.ts';
import type { SlotEndpoint } from '../runtimes/index.ts';
import {
  assertHonoured,
  count,
  type CallBody,
  type CallInProgress,
  type GatewayDeps,
  type GatewayRoute,
} from './calls.ts';
import type { Target } from './directory.ts';
import { brokenOff, NO_TOKENS, upstreamRefusal, type ForwardResult } from './forward.ts';
import { tokensOf } from './provider-relay.ts';

const MAX_ERROR_CHARACTERS = 64 * 1024;

/** A whole answer of a model, for routes that shape it themselves: the same rules, limits and counting as `pass`. */
export interface Question {
  readonly target: Target;
  readonly route: GatewayRoute;
  /** The path that was called. */
  readonly path: string;
  /** Without `model` and without `stream`. */
  readonly body: CallBody;
}

/** @throws {AppError} what the runtime or the provider refuses; `read` may throw what it cannot use, which counts as an error. */
export async function ask<T>(
  deps: GatewayDeps,
  context: RequestContext,
  { target, route, path, body }: Question,
  read: (answer: JsonBody) => T,
): Promise<T> {
  const { model, endpoint } = target;
  const { signal } = context;
  if (endpoint !== null) assertHonoured(endpoint, body);
  const account = endpoint === null ? deps.accounts.account(model.credential_id ?? '') : null;
  const call: CallInProgress = { model, path, streamed: false, started: performance.now() };
  let result: ForwardResult = { ok: false, tokens: NO_TOKENS, firstByteAt: null };
  let error: unknown = null;
  try {
    let answer: JsonBody;
    if (account === null) answer = await askRuntime(endpoint!, route.path, body, signal);
    else {
      const invocation = { route: route.provider, providerModelId: model.provider_model_id ?? '', body };
      const given = await deps.providers.invoke(account, invocation, signal);
      answer = given.streaming ? {} : given.body;
    }
    const shaped = read(answer);
    result = { ok: true, tokens: tokensOf(answer) ?? NO_TOKENS, firstByteAt: performance.now() };
    return shaped;
  } catch (thrown) {
    if (signal.aborted) result = { ...result, ok: true };
    error = thrown;
    throw thrown;
  } finally {
    count(deps, context, call, result, error);
  }
}

/** @throws {AppError} in the words of the error table; the reason of `signal`. */
export async function askRuntime(
  endpoint: SlotEndpoint,
  path: string,
  body: CallBody,
  signal: AbortSignal,
): Promise<JsonBody> {
  endpoint.enter();
  try {
    const response = await endpoint.pool.request({
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, model: endpoint.runtimeModelId }),
      signal,
    });
    const text = await response.body.text();
    if (response.statusCode !== 200)
      throw upstreamRefusal(response.statusCode, text.slice(0, MAX_ERROR_CHARACTERS));
    endpoint.noteAnswer();
    return JSON.parse(text) as JsonBody;
  } catch (error) {
    if (signal.aborted || error instanceof AppError) throw error;
    endpoint.reportFailure();
    throw brokenOff(endpoint, error);
  } finally {
    endpoint.leave();
  }
}
