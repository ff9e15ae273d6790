import type { SlotAttempt } from '../../../shared/contract/index.ts';
import { toIso, toIsoOrNull } from '../../kernel/clock.ts';
import type { NumberedLine } from './log-buffer.ts';
import type { AttemptRow } from './slot-store.ts';

/** Which lines of which attempt. */
export interface LogQuery {
  /** The running or last one when absent. */
  readonly attempt?: number | undefined;
  readonly tail: number;
  /** Only lines that hold it, upper and lower case alike. */
  readonly query?: string | undefined;
}

export interface SlotLog {
  readonly attempt: number;
  /** Those whose logs are kept, newest first. */
  readonly attempts: number[];
  readonly history: SlotAttempt[];
  readonly lines: NumberedLine[];
}

/** One start of a runtime, as it is told. Pure. */
export function toAttempt(row: AttemptRow, hasLog: boolean): SlotAttempt {
  return {
    attempt: row.attempt,
    model_id: row.model_id,
    image_id: row.image_id,
    started_at: toIso(row.started_at),
    loaded_at: toIsoOrNull(row.loaded_at),
    ended_at: toIsoOrNull(row.ended_at),
    exit_code: row.exit_code,
    error: row.error,
    message: row.failure?.message ?? null,
    has_log: hasLog,
  };
}
