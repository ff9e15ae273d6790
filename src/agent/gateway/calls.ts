import { AppError, toAppError, type Capability, type ErrorCode } from '../../shared/contract/index.ts';
import type { RequestContext } from '../../server/context.ts';
import type { AccountSource, ProviderRoute, Providers } from '../adapters/providers/index.ts';
import type { ModelRow } from '../catalog/index.ts';
import type { SlotEndpoint, Slots } from '../runtimes/index.ts';
import type { UsageRecorder } from '../usage/index.ts';
import type { ServingDirectory } from './directory.ts';
import type { ForwardResult } from './forward.ts';

export interface GatewayDeps {
  readonly directory: ServingDirectory;
  readonly usage: UsageRecorder;
  readonly slots: Slots;
  readonly providers: Providers;
  readonly accounts: AccountSource;
}

/** One way to call a model: here, at a local runtime, and at a provider. */
export interface GatewayRoute {
  /** At a local runtime. */
  readonly path: string;
  readonly capability: Capability;
  readonly provider: ProviderRoute;
}

export const CHAT: GatewayRoute = {
  path: '/v1/chat/completions',
  capability: 'llm_inference',
  provider: 'chat',
};
export const COMPLETION: GatewayRoute = {
  path: '/v1/completions',
  capability: 'llm_inference',
  provider: 'completion',
};
export const EMBEDDINGS: GatewayRoute = {
  path: '/v1/embeddings',
  capability: 'embeddings',
  provider: 'embeddings',
};
export const RERANK: GatewayRoute = { path: '/v1/rerank', capability: 'rerank', provider: 'rerank' };

export type CallBody = Readonly<Record<string, unknown>>;

/** What says who answered. */
export function answerHeaders(model: ModelRow, requestId: string): Record<string, string> {
  return {
    'x-modelops-model-id': model.id,
    'x-modelops-global-model-id': model.content_id,
    'x-request-id': requestId,
  };
}

/** A call under way, for counting it when it ends. */
export interface CallInProgress {
  readonly model: ModelRow;
  /** The path that was called. */
  readonly path: string;
  readonly streamed: boolean;
  /** `performance.now()` of its start. */
  readonly started: number;
}

/** Counts a call that ended. `thrown` is what it failed with, if it failed before an answer. */
export function count(
  { usage }: GatewayDeps,
  { caller, requestId }: RequestContext,
  { model, path, streamed, started }: CallInProgress,
  { ok, tokens, firstByteAt, error: late }: ForwardResult,
  thrown: unknown,
): void {
  const error: ErrorCode = thrown === null ? (late?.code ?? 'upstream_failed') : toAppError(thrown).code;
  usage.record({
    modelId: model.id,
    keyId: caller.keyId,
    requestId,
    route: path,
    ok,
    error: ok ? null : error,
    streamed,
    firstByteMs: firstByteAt === null ? null : firstByteAt - started,
    promptTokens: tokens.prompt,
    completionTokens: tokens.completion,
    latencyMs: performance.now() - started,
  });
}

/** @throws {AppError} `invalid_argument` for a parameter that this runtime would take and ignore. */
export function assertHonoured(endpoint: SlotEndpoint, body: CallBody): void {
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
