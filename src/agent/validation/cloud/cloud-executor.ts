import { contentHexOf, type ModelRow } from '../../catalog/index.ts';
import type { TestExecution, TestExecutor, TestOrder } from '../test-executor.ts';
import { failedTest } from '../test-kind.ts';
import type { ProviderCalls } from './provider-calls.ts';

/** How long what was proved about a provider is believed: nobody tells when it changes what it runs. */
export const CLOUD_VALIDITY_MS = 24 * 3_600_000;

/** What stands for the runtime of a cloud model: the address and the name there, which are its content as well. */
function remoteIdentity({ content_id }: Pick<ModelRow, 'content_id'>): string {
  return `remote:${contentHexOf(content_id)}`;
}

/** Tests cloud models at their provider, with their own credential. */
export class CloudExecutor implements TestExecutor {
  readonly hosting = 'cloud';
  readonly validForMs = CLOUD_VALIDITY_MS;
  readonly #calls: ProviderCalls;

  constructor(calls: ProviderCalls) {
    this.#calls = calls;
  }

  async run({ model, kind, inputs }: TestOrder, signal: AbortSignal): Promise<TestExecution> {
    const asked = await this.#calls.call(model, kind.body(inputs), signal);
    const outcome = asked.ok
      ? kind.read(asked.answer, inputs)
      : failedTest(asked.refusal.message, asked.refusal.details, asked.refusal.code);
    const refusal = asked.ok ? 'model_test_failed' : asked.refusal.code;
    return {
      outcome,
      refusal: outcome.ok ? null : refusal,
      slotId: null,
      runtimeIdentity: asked.latencyMs === null ? null : remoteIdentity(model),
      latencyMs: asked.latencyMs,
    };
  }
}
