import type { RawContext } from '../../server/context.ts';
import type { ModelRow } from '../catalog/index.ts';
import {
  answerHeaders,
  assertHonoured,
  count,
  type CallBody,
  type CallInProgress,
  type GatewayDeps,
  type GatewayRoute,
} from './calls.ts';
import { forward, NO_TOKENS, type ForwardResult } from './forward.ts';
import { relayAnswer } from './provider-relay.ts';

const NOTHING: ForwardResult = { ok: false, tokens: NO_TOKENS, firstByteAt: null };

/** Passes a call of OpenAI's routes on to exactly the model it names, and its answer back as it comes. */
export async function pass(
  deps: GatewayDeps,
  context: RawContext,
  route: GatewayRoute,
  body: CallBody & { readonly model: string },
): Promise<void> {
  const { caller, requestId, reply, rawBody } = context;
  await deps.slots.observedOnce();
  const { model, endpoint } = deps.directory.target(body.model, caller, route.capability);
  if (endpoint === null) return passToProvider(deps, context, route, model, body);
  assertHonoured(endpoint, body);
  const headers = answerHeaders(model, requestId);
  const call: CallInProgress = {
    model,
    path: route.path,
    streamed: body['stream'] === true,
    started: performance.now(),
  };
  let result = NOTHING;
  let error: unknown = null;
  try {
    const onStart = (): void => void reply.hijack();
    result = await forward({
      path: route.path,
      body: rawBody,
      endpoint,
      response: reply.raw,
      headers,
      requestId,
      onStart,
    });
    // The client left before a byte was written: nobody is there for Fastify to answer.
    if (!reply.sent) reply.hijack();
  } catch (thrown) {
    error = thrown;
    throw thrown;
  } finally {
    count(deps, context, call, result, error);
  }
}

async function passToProvider(
  { providers, accounts, ...rest }: GatewayDeps,
  context: RawContext,
  route: GatewayRoute,
  model: ModelRow,
  body: CallBody,
): Promise<void> {
  const { requestId, reply, signal } = context;
  const account = accounts.account(model.credential_id ?? '');
  const call: CallInProgress = {
    model,
    path: route.path,
    streamed: body['stream'] === true,
    started: performance.now(),
  };
  let result = NOTHING;
  let error: unknown = null;
  try {
    const invocation = { route: route.provider, providerModelId: model.provider_model_id ?? '', body };
    const answer = await providers.invoke(account, invocation, signal);
    reply.hijack();
    result = await relayAnswer({
      answer,
      modelId: model.id,
      response: reply.raw,
      headers: answerHeaders(model, requestId),
      requestId,
      wantsUsage: asksForUsage(body),
      signal,
    });
  } catch (thrown) {
    if (signal.aborted) {
      // Nobody is there to answer, and nobody failed.
      if (!reply.sent) reply.hijack();
      result = { ...NOTHING, ok: true };
      return;
    }
    error = thrown;
    throw thrown;
  } finally {
    count({ providers, accounts, ...rest }, context, call, result, error);
  }
}

function asksForUsage(body: CallBody): boolean {
  const options = body['stream_options'];
  return (
    typeof options === 'object' &&
    options !== null &&
    (options as { include_usage?: unknown }).include_usage === true
  );
}
