import { z } from 'zod';
import { NameSchema } from '../../shared/contract/index.ts';
import type { ModelStore } from '../catalog/index.ts';
import type { Database } from '../kernel/database/database.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { JobRunner } from '../kernel/jobs/job-runner.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Slots, SpecRegistry } from '../runtimes/index.ts';
import type { WantedWorkload } from './rules.ts';
import type { BenchmarkStore } from './store.ts';

/** What is to be measured, and what the measuring works with. */

export const BenchmarkPayload = z.strictObject({
  slot_id: NameSchema,
  model_id: NameSchema,
  concurrency: z.array(z.int().min(1)).min(1),
  prompt_tokens: z.int().nullable(),
  output_tokens: z.int().nullable(),
  requests_per_round: z.int().nullable(),
  note: z.string().nullable(),
});
export type BenchmarkOrder = z.infer<typeof BenchmarkPayload>;

export interface BenchmarkDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly hub: EventHub;
  readonly jobs: JobRunner;
  readonly models: ModelStore;
  readonly slots: Slots;
  readonly specs: SpecRegistry;
  readonly store: BenchmarkStore;
  /** What computes, in words: the processor, or the names of the GPUs. */
  readonly deviceOf: (device: 'cpu' | 'cuda', gpuIds: readonly string[]) => string;
}

export function wantedOf(
  order: Pick<BenchmarkOrder, 'prompt_tokens' | 'output_tokens' | 'requests_per_round'>,
): WantedWorkload {
  return {
    promptTokens: order.prompt_tokens,
    outputTokens: order.output_tokens,
    requestsPerRound: order.requests_per_round,
  };
}
