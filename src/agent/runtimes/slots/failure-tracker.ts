import { toAppError, type AppError, type LoadError } from '../../../shared/contract/index.ts';
import { toIso, toIsoOrNull } from '../../kernel/clock.ts';
import {
  diagnose,
  mergeRules,
  unexplained,
  type DiagnosedLine,
  type Diagnosis,
  type DiagnosisSubject,
} from '../diagnosis/diagnose.ts';
import type { DiagnosisRule } from '../diagnosis/rule.ts';
import { retryDelay, type RetryPolicy, type SlotFailure } from './plan.ts';
import { RuntimeExitedError } from './probe.ts';

/** The failures of a slot in a row: what to tell, and when to try again. */

interface Told extends Omit<LoadError, 'retry_at' | 'at'> {
  /** Worth one more try, no more. */
  readonly once: boolean;
}

interface Failure extends SlotFailure {
  readonly code: LoadError['error'];
  readonly message: string;
  readonly sameCause: number;
}

/** What is known of the slot and of the attempt that failed. */
export interface FailureFacts {
  readonly lines: readonly DiagnosedLine[];
  readonly attempt: number;
  readonly generation: number;
  readonly hadServed: boolean;
  readonly now: number;
  /** null when the spec is gone. */
  readonly subject: (DiagnosisSubject & { readonly rules: readonly DiagnosisRule[] }) | null;
}

/** Passes when what it waits for is back; it does not count as a crash loop. */
const WAITS_FOR_ENGINE: LoadError['error'] = 'runtime_unavailable';
/** Passes when somebody brings the image. */
const WAITS_FOR_IMAGE: LoadError['error'] = 'image_missing';
const RETRYABLE: ReadonlySet<string> = new Set([
  'runtime_unavailable',
  'upstream_failed',
  'runtime_stalled',
  'internal_error',
  'storage_unavailable',
  'runtime_gpu_lost',
]);
/** The engine runs but is of no use: its log may say why. */
const LOG_MAY_EXPLAIN: ReadonlySet<string> = new Set(['upstream_failed', 'runtime_stalled']);
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

  /** An image came: a failure for want of one is over. @returns whether there was such a failure. */
  imageCame(): boolean {
    if (this.#current?.code !== WAITS_FOR_IMAGE) return false;
    this.forget();
    return true;
  }

  /** Diagnoses a failure and decides about the next try. */
  record(error: unknown, facts: FailureFacts): LoadError {
    const { once, ...told } = this.#tell(error, facts);
    const waits = told.error === WAITS_FOR_ENGINE;
    if (!waits) this.#inARow += 1;
    const before = this.#current;
    const repeated =
      before !== null && before.message === told.message && before.generation === facts.generation;
    const sameCause = repeated ? before.sameCause + 1 : 1;
    const worthIt = told.will_retry && !(once && sameCause > 1);
    const delay = retryDelay(
      this.#policy,
      Math.max(1, this.#inARow),
      worthIt,
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
    const looped = delay === null && worthIt;
    return {
      ...told,
      ...(looped ? { error: 'runtime_crash_loop' as const, hint: crashLoopHint(sameCause) } : {}),
      will_retry: delay !== null,
      retry_at: toIsoOrNull(retryAt),
      at: toIso(facts.now),
    };
  }

  #tell(error: unknown, facts: FailureFacts): Told {
    const { lines, attempt } = facts;
    if (error instanceof RuntimeExitedError) {
      const { exit } = error;
      const known = this.#known(facts, { lines, exit, refusal: null });
      return fromDiagnosis(known ?? unexplained({ lines, exit }), attempt, lines);
    }
    const failure = toAppError(error);
    const refusal = foreignMessage(failure);
    if (refusal !== null || LOG_MAY_EXPLAIN.has(failure.code)) {
      const known = this.#known(facts, {
        lines: LOG_MAY_EXPLAIN.has(failure.code) ? lines : [],
        exit: null,
        refusal,
      });
      if (known !== null) return fromDiagnosis(known, attempt, lines);
    }
    return fromError(failure, lines);
  }

  #known({ subject }: FailureFacts, symptoms: Parameters<typeof diagnose>[1]): Diagnosis | null {
    return subject === null ? null : diagnose(mergeRules(this.#rules, subject.rules), symptoms, subject);
  }
}

/** What Docker said, behind our words for it: it may be a case of its own. */
function foreignMessage({ code, cause, details }: AppError): string | null {
  // An engine that is not there said nothing about the container.
  if (code === 'runtime_unavailable' && details?.['reason'] === 'docker_unreachable') return null;
  return cause instanceof Error ? cause.message : null;
}

function fromDiagnosis(diagnosis: Diagnosis, attempt: number, lines: readonly DiagnosedLine[]): Told {
  const { evidence, retry } = diagnosis;
  return {
    error: diagnosis.code,
    message: diagnosis.cause,
    hint: diagnosis.fix,
    cause: diagnosis.rule,
    log_excerpt: evidence === null ? excerpt(lines) : [evidence.text],
    ...(evidence === null ? {} : { evidence: { attempt, line: evidence.line, text: evidence.text } }),
    will_retry: retry === 'once' || retry === 'always',
    once: retry === 'once',
    fixes: diagnosis.fixes.map((fix) => ({ label: fix.label, patch: { ...fix.patch } as LoadErrorPatch })),
  };
}

type LoadErrorPatch = LoadError['fixes'][number]['patch'];

function fromError(error: AppError, lines: readonly DiagnosedLine[]): Told {
  return {
    error: error.code,
    message: error.message,
    hint: error.hint,
    cause: null,
    log_excerpt: excerpt(lines),
    will_retry: RETRYABLE.has(error.code),
    once: false,
    fixes: [],
  };
}

function excerpt(lines: readonly DiagnosedLine[]): string[] {
  return lines.slice(-EXCERPT_LINES).map((line) => line.text);
}

function crashLoopHint(times: number): string {
  return `Failed ${times} times with the same cause. Not tried again until something changes.`;
}
