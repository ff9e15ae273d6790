import { canonicalJson } from '../../catalog/index.ts';
import type { FitSettings } from '../../gpus/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import { sha256Hex } from '../../kernel/ids.ts';
import type { MeasuredMemory } from './engine-report.ts';
import type { Measurement } from './problem.ts';

export interface MeasuredStart {
  readonly contentId: string;
  readonly runtimeSpec: string;
  /** Image id, or version of the embedded engine. */
  readonly engineId: string;
  readonly settingsHash: string;
  readonly slotId: string;
  readonly attempt: number;
  readonly measured: MeasuredMemory;
  readonly estimated: MeasuredMemory;
}

/** Older measurements of the same thing say nothing that newer ones do not. */
const KEPT_OF_EACH = 5;

/** What engines reported of their memory, beside what was calculated. Not journaled: it is telemetry. */
export class MeasurementStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Inside of a transaction. */
  record({ measured, estimated, ...start }: MeasuredStart): void {
    const key = { contentId: start.contentId, engineId: start.engineId, settingsHash: start.settingsHash };
    this.#database
      .prepare('DELETE FROM memory_measurements WHERE slot_id = :slotId AND attempt = :attempt')
      .run({ slotId: start.slotId, attempt: start.attempt });
    this.#database
      .prepare(
        `INSERT INTO memory_measurements (content_id, runtime_spec, engine_id, settings_hash, slot_id, attempt, measured, estimated, at)
         VALUES (:contentId, :runtimeSpec, :engineId, :settingsHash, :slotId, :attempt, :measured, :estimated, :now)`,
      )
      .run({
        ...start,
        measured: JSON.stringify(measured),
        estimated: JSON.stringify(estimated),
        now: this.#clock.now(),
      });
    this.#database
      .prepare(
        `DELETE FROM memory_measurements WHERE seq IN (
           SELECT seq FROM memory_measurements
           WHERE content_id = :contentId AND engine_id = :engineId AND settings_hash = :settingsHash
           ORDER BY seq DESC LIMIT -1 OFFSET ${KEPT_OF_EACH})`,
      )
      .run(key);
  }

  /** The newest of the same content, engine and settings. */
  of(contentId: string, engineId: string, hash: string): Measurement | null {
    const rows = this.#database
      .prepare<{ measured: string; estimated: string }>(
        `SELECT measured, estimated FROM memory_measurements
         WHERE content_id = :contentId AND engine_id = :engineId AND settings_hash = :settingsHash ORDER BY seq DESC`,
      )
      .all({ contentId, engineId, settingsHash: hash });
    const [last] = rows;
    return last === undefined ? null : { ...parse(last), count: rows.length };
  }

  /** Of one start of a slot, for a slot that runs since before the agent was restarted. */
  ofAttempt(slotId: string, attempt: number): Measurement | null {
    const row = this.#database
      .prepare<{ measured: string; estimated: string }>(
        'SELECT measured, estimated FROM memory_measurements WHERE slot_id = :slotId AND attempt = :attempt ORDER BY seq DESC',
      )
      .get({ slotId, attempt });
    return row === undefined ? null : { ...parse(row), count: 1 };
  }
}

function parse(row: { measured: string; estimated: string }): Pick<Measurement, 'measured' | 'estimated'> {
  return {
    measured: JSON.parse(row.measured) as MeasuredMemory,
    estimated: JSON.parse(row.estimated) as MeasuredMemory,
  };
}

/** Digest of everything that changes memory besides the model and the engine. Pure. */
export function settingsHash(
  settings: FitSettings,
  more: { readonly share: number | null; readonly gpuCount: number; readonly extraArgs: readonly string[] },
): string {
  return sha256Hex(canonicalJson({ ...settings, ...more }));
}
