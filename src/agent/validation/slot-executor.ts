import type { SlotEndpoint, Slots } from '../runtimes/index.ts';
import type { TestExecution, TestExecutor, TestOrder } from './test-executor.ts';
import { failedTest, type TestOutcome } from './test-kind.ts';

const DEADLINE_MS = 115_000;
/** A vector of some thousand numbers has a hundred kilobytes; nothing that a test asks for has megabytes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Tests on the slots of this node: on the one that is named, or on one that serves the model. Never on another model. */
export class SlotExecutor implements TestExecutor {
  readonly hosting = 'local';
  readonly validForMs = null;
  readonly #slots: Slots;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** @throws {AppError} `not_found` for a slot that does not exist. */
  async run(order: TestOrder, signal: AbortSignal): Promise<TestExecution> {
    const { model, slotId } = order;
    const endpoint = this.#endpointFor(model.id, slotId);
    if (endpoint === null) {
      const outcome = failedTest(
        this.#notServed(model.id, slotId),
        {
          slot_id: slotId ?? null,
          serves: slotId === undefined ? null : (this.#slots.endpointOf(slotId)?.modelId ?? null),
        },
        'local_model_not_served_by_runtime',
      );
      return {
        outcome,
        refusal: 'local_model_not_served_by_runtime',
        slotId: slotId ?? null,
        runtimeIdentity: null,
        latencyMs: null,
      };
    }
    const started = performance.now();
    const outcome = await ask(endpoint, order, signal);
    return {
      outcome,
      refusal: outcome.ok ? null : 'model_test_failed',
      slotId: endpoint.slotId,
      runtimeIdentity: endpoint.runtimeIdentity,
      latencyMs: Math.round(performance.now() - started),
    };
  }

  #endpointFor(modelId: string, slotId: string | undefined): SlotEndpoint | null {
    if (slotId === undefined) return this.#slots.endpoints(modelId)[0] ?? null;
    this.#slots.get(slotId);
    const endpoint = this.#slots.endpointOf(slotId);
    return endpoint?.modelId === modelId ? endpoint : null;
  }

  #notServed(modelId: string, slotId: string | undefined): string {
    const recorded = 'The test failed and is recorded; nothing else was tried.';
    if (slotId === undefined) return `No slot serves ${modelId}. ${recorded}`;
    const serves = this.#slots.endpointOf(slotId)?.modelId ?? 'nothing';
    return `Slot ${slotId} serves ${serves}, not ${modelId}. ${recorded}`;
  }
}

async function ask(
  endpoint: SlotEndpoint,
  { kind, inputs }: TestOrder,
  signal: AbortSignal,
): Promise<TestOutcome> {
  endpoint.enter();
  try {
    const response = await endpoint.pool.request({
      path: kind.path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: endpoint.runtimeModelId, ...kind.body(inputs) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
    });
    const text = await bounded(response.body);
    if (text === null) return failedTest('The runtime answered with more than a test can use.');
    if (response.statusCode !== 200)
      return failedTest(`The runtime answered with ${response.statusCode}.`, {
        status_code: response.statusCode,
        message: text,
      });
    endpoint.noteAnswer();
    const answer = parsed(text);
    return answer === null
      ? failedTest('The runtime answered with something that is no JSON object.', { message: text })
      : kind.read(answer, inputs);
  } catch (error) {
    if (signal.aborted) throw error;
    endpoint.reportFailure();
    return failedTest('The runtime did not answer.', {
      message: error instanceof Error ? error.message : 'unknown',
    });
  } finally {
    endpoint.leave();
  }
}

/** The text of a body; null when it is longer than a test reads. */
async function bounded(body: AsyncIterable<Buffer>): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop closes the body.
    if (size > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // What it said instead is kept with the run.
    return null;
  }
}
