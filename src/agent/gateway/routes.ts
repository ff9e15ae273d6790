import {
  AppError,
  toAppError,
  type Capability,
  type Endpoints,
  type ErrorCode,
} from '../../shared/contract/index.ts';
import type { RawContext } from '../../server/context.ts';
import type { Router } from '../../server/router.ts';
import type { ModelRow } from '../catalog/index.ts';
import type { SlotEndpoint, Slots } from '../runtimes/index.ts';
import type { UsageRecorder } from '../usage/index.ts';
import type { ServingDirectory } from './directory.ts';
import { forward, NO_TOKENS, type ForwardResult } from './forward.ts';

export interface GatewayDeps {
  readonly directory: ServingDirectory;
  readonly usage: UsageRecorder;
  readonly slots: Slots;
}

/** OpenAI's door: lists what can be called, and passes calls on to exactly the model they name. */
export function gatewayRoutes(router: Router<Endpoints>, deps: GatewayDeps): void {
  const { directory, slots } = deps;

  router.implement('listServedModels', async (_request, { caller }) => {
    await slots.observedOnce();
    return { object: 'list' as const, data: directory.served(caller).map(servedModel) };
  });
  router.implement('getServedModel', async ({ params }, { caller }) => {
    await slots.observedOnce();
    const row = directory.served(caller).find((model) => model.id === params.id);
    if (row === undefined) throw new AppError('not_found', `This key cannot call a model ${params.id} now.`);
    return servedModel(row);
  });
  router.implementRaw('createChatCompletion', ({ body }, context) =>
    pass(deps, context, '/v1/chat/completions', 'llm_inference', body),
  );
  router.implementRaw('createCompletion', ({ body }, context) =>
    pass(deps, context, '/v1/completions', 'llm_inference', body),
  );
  router.implementRaw('createEmbedding', ({ body }, context) =>
    pass(deps, context, '/v1/embeddings', 'embeddings', body),
  );
}

async function pass(
  deps: GatewayDeps,
  context: RawContext,
  path: string,
  capability: Capability,
  body: { model: string; [parameter: string]: unknown },
): Promise<void> {
  const { caller, requestId, reply, rawBody } = context;
  await deps.slots.observedOnce();
  const { model, endpoint } = deps.directory.target(body.model, caller, capability);
  assertHonoured(endpoint, body);
  const headers = {
    'x-modelops-model-id': model.id,
    'x-modelops-global-model-id': model.content_id,
    'x-request-id': requestId,
  };
  const started = performance.now();
  let result: ForwardResult = { ok: false, tokens: NO_TOKENS, firstByteAt: null };
  let error: ErrorCode = 'upstream_failed';
  try {
    const onStart = (): void => void reply.hijack();
    result = await forward({
      path,
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
    error = toAppError(thrown).code;
    throw thrown;
  } finally {
    deps.usage.record({
      modelId: model.id,
      keyId: caller.keyId,
      requestId,
      route: path,
      ok: result.ok,
      error: result.ok ? null : error,
      streamed: body['stream'] === true,
      firstByteMs: result.firstByteAt === null ? null : result.firstByteAt - started,
      promptTokens: result.tokens.prompt,
      completionTokens: result.tokens.completion,
      latencyMs: performance.now() - started,
    });
  }
}

/** @throws {AppError} `invalid_argument` for a parameter that this runtime would take and ignore. */
function assertHonoured(endpoint: SlotEndpoint, body: Readonly<Record<string, unknown>>): void {
  if (endpoint.refusedParameters.size === 0) return;
  for (const key of Object.keys(body)) {
    if (!endpoint.refusedParameters.has(key) || body[key] === null) continue;
    throw new AppError(
      'invalid_argument',
      `${key} would be ignored by the runtime of this model, so it is refused.`,
      {
        hint: 'Leave it out.',
        details: { fields: [key] },
      },
    );
  }
}

function servedModel(row: ModelRow): Record<string, unknown> & { id: string } {
  return {
    id: row.id,
    object: 'model',
    created: Math.floor(row.created_at / 1000),
    owned_by: 'modelops',
    global_model_id: row.content_id,
    task_key: row.task_key,
  };
}
