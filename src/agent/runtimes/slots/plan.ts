/** What a slot does next: desired against observed. Pure, so that every combination is a row of a test. */

export interface SlotDesire {
  readonly modelId: string;
  /** Counts every wish; another number means to start again. */
  readonly generation: number;
}

export interface SlotFailure {
  readonly generation: number;
  /** null: given up until something changes. */
  readonly retryAt: number | null;
}

export interface SlotObservation {
  readonly runtime: { readonly modelId: string; readonly generation: number } | null;
  readonly failure: SlotFailure | null;
}

export type SlotStep =
  | { readonly do: 'rest' }
  | { readonly do: 'stop' }
  | { readonly do: 'start'; readonly modelId: string }
  | { readonly do: 'watch' }
  | { readonly do: 'wait'; readonly until: number };

export function planSlot(
  desire: SlotDesire | null,
  { runtime, failure }: SlotObservation,
  now: number,
): SlotStep {
  if (runtime !== null) {
    const right =
      desire !== null && runtime.modelId === desire.modelId && runtime.generation === desire.generation;
    return right ? { do: 'watch' } : { do: 'stop' };
  }
  if (desire === null) return { do: 'rest' };
  if (failure === null || failure.generation !== desire.generation)
    return { do: 'start', modelId: desire.modelId };
  if (failure.retryAt === null) return { do: 'rest' };
  return failure.retryAt > now
    ? { do: 'wait', until: failure.retryAt }
    : { do: 'start', modelId: desire.modelId };
}

export interface RetryPolicy {
  readonly baseMs: number;
  readonly capMs: number;
  /** The same cause this often in a row: given up. */
  readonly sameCauseLimit: number;
}

export const RETRY_POLICY: RetryPolicy = { baseMs: 10_000, capMs: 300_000, sameCauseLimit: 4 };

/**
 * When to try again after `failures` failures in a row (1 for the first): at once after a runtime that had served,
 * else after 10 s, 20 s, 40 s ... at most 300 s; never when retrying cannot cure it. Pure.
 */
export function retryDelay(
  policy: RetryPolicy,
  failures: number,
  retryable: boolean,
  hadServed: boolean,
  sameCause: number,
): number | null {
  if (!retryable || sameCause >= policy.sameCauseLimit) return null;
  if (hadServed && failures === 1) return 0;
  return Math.min(policy.capMs, policy.baseMs * 2 ** (failures - 1));
}
