import { AppError, type Job } from '../../shared/contract/index.ts';
import { canonicalJson, type Actor } from '../catalog/index.ts';
import type { JobKind } from '../kernel/jobs/job-runner.ts';
import { BenchmarkRun } from './benchmark-run.ts';
import { BenchmarkPayload, wantedOf, type BenchmarkDeps, type BenchmarkOrder } from './order.ts';
import { workloadFor } from './rules.ts';

/**
 * Asks for a measurement of the model that a slot serves now. The same request while it runs joins it.
 * @throws {AppError} `not_found`, `unsupported_format` for a reranker, `model_not_loaded`, `invalid_argument` for lengths
 * that do not fit the slot's context.
 */
export async function startBenchmark(
  deps: Pick<BenchmarkDeps, 'slots' | 'jobs'>,
  order: Omit<BenchmarkOrder, 'model_id'>,
  actor: Actor,
): Promise<Job> {
  const slot = deps.slots.get(order.slot_id);
  if (slot.capability === 'rerank')
    throw new AppError(
      'unsupported_format',
      'Rerankers are not measured: only language models and embeddings.',
      {
        hint: 'Choose a slot for a language model or for embeddings.',
        details: { capability: slot.capability },
      },
    );
  const endpoint = deps.slots.endpointOf(slot.id);
  if (endpoint === null)
    throw new AppError('model_not_loaded', `Slot ${slot.id} serves no model now.`, {
      hint: 'Load one; what is measured is what it serves.',
      details: { slot_id: slot.id, load_state: slot.load_state },
    });
  workloadFor(slot.capability, slot.context_length, wantedOf(order));
  const payload: BenchmarkOrder = {
    ...order,
    concurrency: [...new Set(order.concurrency)],
    model_id: endpoint.modelId,
  };
  const { job } = await deps.jobs.enqueue({
    kind: 'benchmark',
    payload,
    subject: `slot:${slot.id}`,
    title: `Benchmark ${endpoint.modelId} on ${slot.id}`,
    dedupeKey: `benchmark:${canonicalJson(payload)}`,
    createdBy: actor.principalId,
  });
  return job;
}

/** One at a time: two would measure each other. What was interrupted by a crash is torn, so it does not go on. */
export function benchmarkJob(deps: BenchmarkDeps): JobKind<BenchmarkOrder> {
  return {
    kind: 'benchmark',
    payload: BenchmarkPayload,
    concurrency: 1,
    resumable: false,
    run: (context) => new BenchmarkRun(deps, context).run(),
  };
}
