import type { ModelRow } from '../../catalog/index.ts';
import type { Validator } from './validator.ts';
import { bytesInWords } from './words.ts';

/** What a model needs on this node beside what there is. */
export interface MemoryEstimate {
  readonly fits: boolean;
  readonly required_bytes: number;
  readonly available_bytes: number;
  /** Where it would run and with how many tokens, or what is missing, in a sentence. */
  readonly verdict: string;
}

/** Who can estimate memory; null for a model it has no answer for. */
export interface MemoryEstimator {
  estimate(model: ModelRow, signal: AbortSignal): Promise<MemoryEstimate | null>;
}

/** Whether the model fits into the memory of this node. Told only: a test on a slot proves more than an estimate. */
export function memoryFit(deps: { estimator: MemoryEstimator | null }): Validator {
  return {
    kind: 'memory_fit',
    title: 'Memory is enough',
    description: 'The memory the model is expected to need, beside what this node has.',
    required: false,
    hosting: ['local'],
    applies: () => true,
    run: async ({ model }, signal) => {
      const estimate = (await deps.estimator?.estimate(model, signal)) ?? null;
      if (estimate === null)
        return { result: 'skipped', summary: 'What this model needs cannot be calculated from its header.' };
      const needs = `It needs about ${bytesInWords(estimate.required_bytes)}.`;
      return {
        result: estimate.fits ? 'success' : 'warning',
        summary: `${needs} ${estimate.verdict}`,
        details: { required_bytes: estimate.required_bytes, available_bytes: estimate.available_bytes },
      };
    },
  };
}
