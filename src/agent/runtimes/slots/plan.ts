/** What a slot does next: desired against observed. Pure, so that every combination is a row of a test. */

export interface SlotDesire {
  readonly modelId: string;
  /** Counts every wish; another number means that what runs may have to be replaced. */
  readonly generation: number;
}

export interface SlotFailure {
  readonly generation: number;
  /** null: given up until something changes. */
  readonly retryAt: number | null;
}

/** A runtime as the plan sees it. */
export interface PlannedRuntime {
  readonly modelId: string;
  /** Of the wish it satisfies. */
  readonly generation: number;
}

export interface SlotObservation {
  /** The runtime that counts as the slot. */
  readonly current:
    | (PlannedRuntime & {
        /** It was probed and is open to the gateway. */
        readonly serves: boolean;
        /** A former agent started it, and nobody has probed it since. */
        readonly adopted: boolean;
      })
    | null;
  /** The one that comes up beside it, to take its place. */
  readonly next: PlannedRuntime | null;
  /** Whether replaced ones still answer their last requests. */
  readonly leaving: boolean;
  readonly failure: SlotFailure | null;
}

export type SlotStep =
  | { readonly do: 'rest' }
  /** The current one: drained, then ended. */
  | { readonly do: 'stop' }
  | { readonly do: 'start'; readonly modelId: string }
  /** Bring another one up while the current one serves, or in its place where memory does not allow that. */
  | { readonly do: 'replace'; readonly modelId: string }
  /** The next one is the wished one: go on with it. */
  | { readonly do: 'finish_next' }
  /** The next one is not wished for any more. */
  | { readonly do: 'drop_next' }
  /** The current one is gone: the next one takes its place as it is. */
  | { readonly do: 'promote' }
  /** Bring it up when it is not probed yet, else see whether it still serves. */
  | { readonly do: 'watch'; readonly until: number | null }
  | { readonly do: 'wait'; readonly until: number }
  /** For the last requests of a replaced one, which holds memory as long. */
  | { readonly do: 'wait_leaving' };

export function planSlot(desire: SlotDesire | null, observed: SlotObservation, now: number): SlotStep {
  const { current, next, leaving, failure } = observed;
  if (next !== null) {
    const isObsolete = !fits(next, desire) || (current !== null && fits(current, desire));
    if (isObsolete) return { do: 'drop_next' };
    if (current === null) return { do: 'promote' };
  }
  if (desire === null) {
    if (current !== null) return { do: 'stop' };
    return leaving ? { do: 'wait_leaving' } : { do: 'rest' };
  }
  const failed = failure?.generation === desire.generation ? failure : null;
  // Given up, or its time has not come.
  const waiting = failed !== null && (failed.retryAt ?? Number.POSITIVE_INFINITY) > now ? failed : null;
  if (current !== null) return planBeside(desire, current, observed, waiting);
  if (leaving) return { do: 'wait_leaving' };
  if (waiting === null) return { do: 'start', modelId: desire.modelId };
  return waiting.retryAt === null ? { do: 'rest' } : { do: 'wait', until: waiting.retryAt };
}

/** A runtime counts as the slot: it is the wished one, or it serves until that one does. */
function planBeside(
  desire: SlotDesire,
  current: NonNullable<SlotObservation['current']>,
  { next, leaving }: SlotObservation,
  waiting: SlotFailure | null,
): SlotStep {
  if (fits(current, desire)) return { do: 'watch', until: null };
  if (!current.serves) return current.adopted ? { do: 'watch', until: null } : { do: 'stop' };
  if (next !== null) return { do: 'finish_next' };
  if (waiting !== null) return { do: 'watch', until: waiting.retryAt };
  return leaving ? { do: 'wait_leaving' } : { do: 'replace', modelId: desire.modelId };
}

function fits(runtime: PlannedRuntime, desire: SlotDesire | null): boolean {
  return desire !== null && runtime.modelId === desire.modelId && runtime.generation === desire.generation;
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

/** A runtime that was found running, with what is stored of its attempt. */
export interface FoundRuntime {
  readonly modelId: string;
  readonly generation: number;
  readonly attempt: number;
  /** It served once. */
  readonly loaded: boolean;
}

export interface Adoption<T> {
  readonly current: T | null;
  readonly next: T | null;
  readonly strays: readonly T[];
}

/**
 * Who counts as the slot when an agent finds several runtimes of it, as after a kill in the middle of a replacement:
 * the newest that served; beside it the newest of the wish, when it was still coming up. All others are stopped. Pure.
 */
export function pickAdopted<T extends FoundRuntime>(
  desire: SlotDesire | null,
  found: readonly T[],
): Adoption<T> {
  const newestFirst = found.toSorted((a, b) => b.attempt - a.attempt);
  const wished = newestFirst.find(
    (one) => one.modelId === desire?.modelId && one.generation === desire.generation,
  );
  const served = newestFirst.find((one) => one.loaded);
  const current =
    wished?.loaded === true || served === undefined ? (wished ?? newestFirst[0] ?? null) : served;
  const next = wished !== undefined && wished !== current ? wished : null;
  return { current, next, strays: newestFirst.filter((one) => one !== current && one !== next) };
}
