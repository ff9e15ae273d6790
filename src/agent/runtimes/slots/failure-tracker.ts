import { toAppError, type AppError, type LoadError } from '../../../shared/contract/index.ts';
import { toIso, toIsoOrNull } from '../../kernel/clock.ts';
import { diagnose, type DiagnosisRule } from '../diagnosis/diagnose.ts';
import { retryDelay, type RetryPolicy, type SlotFailure } from './plan.ts';
import { RuntimeExitedError } from './probe.ts';

/** The failures of a slot in a row: what to tell, and when to try again. */

type Told = Omit<LoadError, 'retry_at' | 'at'>;

interface Failure extends SlotFailure {
  readonly code: LoadError['error'];
  readonly message: string;
  readonly sameCause: number;
}

/** Passes when what it waits for is back; it does not count as a crash loop. */
const WAITS_FOR_ENGINE: LoadError['error'] = 'runtime_unavailable';
const RETRYABLE: ReadonlySet<string> = new Set([
  'runtime_unavailable',
  'upstream_failed',
  'runtime_stalled',
  'internal_error',
  'storage_unavailable',
  'runtime_gpu_lost',
]);
const EXCERPT_LINES = 20;

export class FailureTracker {
  readonly #rules: readonly DiagnosisRule[];
  readonly #policy: RetryPolicy;
  #current: Failure | null = null;
  #inARow = 0;

  constructor(rules: readonly DiagnosisRule[], policy: RetryPolicy) {
    this.#rules = rules;
    this.#policy = policy;
  }

  get current(): SlotFailure | null {
    return this.#current;
  }

  /** It serves: the next failure is the first again only once it has served for a while. */
  loaded(): void {
    this.#current = null;
  }

  /** It served long enough, or nothing is wished for any more. */
  forget(): void {
    this.#current = null;
    this.#inARow = 0;
  }

  /** What the slot stands on is back. */
  engineCameBack(): void {
    if (this.#current?.code === WAITS_FOR_ENGINE) this.#current = null;
  }

  /** Diagnoses a failure and decides about the next try. */
  record(
    error: unknown,
    facts: {
      lines: readonly string[];
      device: 'cpu' | 'cuda';
      generation: number;
      hadServed: boolean;
      now: number;
    },
  ): LoadError {
    const told = this.#tell(error, facts.lines, facts.device);
    const waits = told.error === WAITS_FOR_ENGINE;
    if (!waits) this.#inARow += 1;
    const before = this.#current;
    const repeated =
      before !== null && before.message === told.message && before.generation === facts.generation;
    const sameCause = repeated ? before.sameCause + 1 : 1;
    const delay = retryDelay(
      this.#policy,
      Math.max(1, this.#inARow),
      told.will_retry,
      facts.hadServed,
      waits ? 1 : sameCause,
    );
    const retryAt = delay === null ? null : facts.now + delay;
    this.#current = {
      generation: facts.generation,
      retryAt,
      code: told.error,
      message: told.message,
      sameCause,
    };
    const looped = delay === null && told.will_retry;
    return {
      ...told,
      ...(looped ? { error: 'runtime_crash_loop' as const, hint: crashLoopHint(sameCause) } : {}),
      will_retry: delay !== null,
      retry_at: toIsoOrNull(retryAt),
      at: toIso(facts.now),
    };
  }

  #tell(error: unknown, lines: readonly string[], device: 'cpu' | 'cuda'): Told {
    if (!(error instanceof RuntimeExitedError)) return fromError(toAppError(error), lines);
    const diagnosis = diagnose(this.#rules, { lines, exit: error.exit, device });
    return {
      error: diagnosis.code,
      message: diagnosis.cause,
      hint: diagnosis.fix,
      cause: diagnosis.rule,
      log_excerpt: diagnosis.evidence === null ? lines.slice(-EXCERPT_LINES) : [diagnosis.evidence],
      will_retry: diagnosis.retry,
      fixes: diagnosis.fixes.map((fix) => ({ label: fix.label, patch: { ...fix.patch } })),
    };
  }
}

function fromError(error: AppError, lines: readonly string[]): Told {
  return {
    error: error.code,
    message: error.message,
    hint: error.hint,
    cause: null,
    log_excerpt: lines.slice(-EXCERPT_LINES),
    will_retry: RETRYABLE.has(error.code),
    fixes: [],
  };
}

function crashLoopHint(times: number): string {
  return `Failed ${times} times with the same cause. Not tried again until something changes.`;
}
