import {
  AppError,
  type Capability,
  type ErrorCode,
  type LoadError,
  type SlotConfig,
} from '../../../shared/contract/index.ts';
import type { LoadState } from '../../../shared/lifecycle/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { RuntimeSettings } from './pending-changes.ts';

export interface SlotRow {
  readonly id: string;
  readonly rev: number;
  readonly display_name: string;
  readonly capability: Capability;
  readonly runtime_spec: string;
  readonly enabled: boolean;
  readonly gpu_ids: readonly string[];
  readonly config: SlotConfig;
  /** Loaded in spite of an estimate that said it would not fit. */
  readonly memory_override: boolean;
  readonly desired_model_id: string | null;
  readonly generation: number;
  /** Counts the restarts that were asked for: each needs a new runtime, whatever else is the same. */
  readonly restarts: number;
  readonly load_state: LoadState;
  readonly load_error: LoadError | null;
  readonly since: number | null;
  readonly created_at: number;
}

interface RawSlot extends Omit<SlotRow, 'enabled' | 'memory_override' | 'gpu_ids' | 'config' | 'load_error'> {
  readonly enabled: number;
  readonly memory_override: number;
  readonly gpu_ids: string;
  readonly config: string;
  readonly load_error: string | null;
}

export interface SlotChanges {
  readonly display_name?: string | undefined;
  readonly runtime_spec?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly gpu_ids?: readonly string[] | undefined;
  readonly config?: SlotConfig | undefined;
  readonly memory_override?: boolean | undefined;
  /** undefined leaves it, null empties the slot. */
  readonly desired_model_id?: string | null | undefined;
  /** What runs has to be looked at again, and replaced where it does not fit any more. */
  readonly newGeneration?: boolean;
  /** It has to be replaced even where it fits. */
  readonly restart?: boolean;
}

export interface AttemptRow {
  readonly attempt: number;
  readonly model_id: string;
  readonly runtime_identity: string;
  readonly image_id: string | null;
  /** What it was started with. */
  readonly settings: RuntimeSettings | null;
  readonly started_at: number;
  readonly loaded_at: number | null;
  readonly ended_at: number | null;
  readonly exit_code: number | null;
  readonly error: ErrorCode | null;
  /** The load error as it was told when the attempt ended. */
  readonly failure: LoadError | null;
  readonly measured_memory_bytes: number | null;
}

interface RawAttempt extends Omit<AttemptRow, 'settings' | 'failure'> {
  readonly settings: string | null;
  readonly failure: string | null;
}

export interface RecordedImage {
  readonly reference: string;
  readonly image_id: string;
  readonly changed_from: string | null;
}

/** The SQL of slots: what is wished for, and what was last seen. */
export class SlotStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  find(id: string): SlotRow | undefined {
    const row = this.#database.prepare<RawSlot>('SELECT * FROM slots WHERE id = :id').get({ id });
    return row === undefined ? undefined : parse(row);
  }

  /** @throws {AppError} `not_found`. */
  get(id: string): SlotRow {
    const row = this.find(id);
    if (row === undefined) throw new AppError('not_found', `There is no slot ${id}.`);
    return row;
  }

  all(): SlotRow[] {
    return this.#database.prepare<RawSlot>('SELECT * FROM slots ORDER BY id').all({}).map(parse);
  }

  assignedTo(modelId: string): string[] {
    return this.#database
      .prepare<{ id: string }>('SELECT id FROM slots WHERE desired_model_id = :modelId ORDER BY id')
      .all({ modelId })
      .map((row) => row.id);
  }

  insert(row: {
    id: string;
    display_name: string;
    capability: Capability;
    runtime_spec: string;
    gpu_ids: readonly string[];
    config: SlotConfig;
  }): void {
    this.#database
      .prepare(
        `INSERT INTO slots (id, display_name, capability, runtime_spec, gpu_ids, config, created_at)
         VALUES (:id, :display_name, :capability, :runtime_spec, :gpu_ids, :config, :now)`,
      )
      .run({
        ...row,
        gpu_ids: JSON.stringify(row.gpu_ids),
        config: JSON.stringify(row.config),
        now: this.#clock.now(),
      });
  }

  /** @throws {AppError} `conflict` when it changed since `row` was read. */
  update(row: Pick<SlotRow, 'id' | 'rev'>, changes: SlotChanges): void {
    const { newGeneration = false, restart = false, ...columns } = changes;
    const values: Record<string, string | number | null> = {};
    for (const [key, value] of Object.entries(columns)) {
      if (value === undefined) continue;
      if (typeof value === 'boolean') values[key] = value ? 1 : 0;
      else values[key] = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
    }
    const sets = [
      ...Object.keys(values).map((key) => `${key} = :${key}`),
      'rev = rev + 1',
      ...(newGeneration || restart ? ['generation = generation + 1'] : []),
      ...(restart ? ['restarts = restarts + 1'] : []),
    ];
    const { changes: written } = this.#database
      .prepare(`UPDATE slots SET ${sets.join(', ')} WHERE id = :id AND rev = :rev`)
      .run({ ...values, id: row.id, rev: row.rev });
    if (written === 1) return;
    throw new AppError('conflict', `Slot ${row.id} was changed by somebody else. Your change was not made.`);
  }

  setLoadState(id: string, state: LoadState, error: LoadError | null, since: number): void {
    this.#database
      .prepare('UPDATE slots SET load_state = :state, load_error = :error, since = :since WHERE id = :id')
      .run({ id, state, error: error === null ? null : JSON.stringify(error), since });
  }

  delete(id: string): void {
    this.#database.prepare('DELETE FROM slots WHERE id = :id').run({ id });
  }

  nextAttempt(id: string): number {
    return (
      (this.#database
        .prepare<{ n: number | null }>('SELECT MAX(attempt) AS n FROM slot_attempts WHERE slot_id = :id')
        .get({ id })?.n ?? 0) + 1
    );
  }

  insertAttempt(row: {
    slot_id: string;
    attempt: number;
    model_id: string;
    generation: number;
    config_hash: string;
    runtime_identity: string;
    image_id: string | null;
    settings: RuntimeSettings;
  }): void {
    this.#database
      .prepare(
        `INSERT INTO slot_attempts (slot_id, attempt, model_id, generation, config_hash, runtime_identity, image_id, settings, started_at)
         VALUES (:slot_id, :attempt, :model_id, :generation, :config_hash, :runtime_identity, :image_id, :settings, :now)`,
      )
      .run({ ...row, settings: JSON.stringify(row.settings), now: this.#clock.now() });
  }

  attemptLoaded(slotId: string, attempt: number): void {
    this.#database
      .prepare(
        'UPDATE slot_attempts SET loaded_at = COALESCE(loaded_at, :now) WHERE slot_id = :slotId AND attempt = :attempt',
      )
      .run({ slotId, attempt, now: this.#clock.now() });
  }

  /** The end of an attempt that has none yet, with what was told of its failure. */
  attemptEnded(slotId: string, attempt: number, exitCode: number | null, failure: LoadError | null): void {
    this.#database
      .prepare(
        `UPDATE slot_attempts SET ended_at = :now, exit_code = :exitCode, error = :error, failure = :failure
         WHERE slot_id = :slotId AND attempt = :attempt AND ended_at IS NULL`,
      )
      .run({
        slotId,
        attempt,
        exitCode,
        error: failure?.error ?? null,
        failure: failure === null ? null : JSON.stringify(failure),
        now: this.#clock.now(),
      });
  }

  hasForgotten(slotId: string, running: readonly number[]): boolean {
    return (
      this.#database
        .prepare(
          `SELECT 1 FROM slot_attempts
           WHERE slot_id = :slotId AND ended_at IS NULL AND attempt NOT IN (SELECT value FROM json_each(:running)) LIMIT 1`,
        )
        .get({ slotId, running: JSON.stringify(running) }) !== undefined
    );
  }

  /** The specs of attempts that nobody saw the end of. */
  openSpecs(): string[] {
    return this.#database
      .prepare<{ spec: string | null }>(
        `SELECT DISTINCT json_extract(settings, '$.runtime_spec') AS spec FROM slot_attempts WHERE ended_at IS NULL`,
      )
      .all({})
      .flatMap(({ spec }) => spec ?? []);
  }

  /** Attempts of an agent that was killed: those that nobody found running have ended, nobody knows when or how. */
  endForgotten(slotId: string, running: readonly number[]): void {
    this.#database
      .prepare(
        `UPDATE slot_attempts SET ended_at = :now
         WHERE slot_id = :slotId AND ended_at IS NULL AND attempt NOT IN (SELECT value FROM json_each(:running))`,
      )
      .run({ slotId, running: JSON.stringify(running), now: this.#clock.now() });
  }

  /** What the engine says it took, for the attempt and for the next estimate. */
  setMeasuredMemory(slotId: string, attempt: number, bytes: number): void {
    this.#database
      .prepare(
        'UPDATE slot_attempts SET measured_memory_bytes = :bytes WHERE slot_id = :slotId AND attempt = :attempt',
      )
      .run({ slotId, attempt, bytes });
  }

  attempt(slotId: string, attempt: number): AttemptRow | undefined {
    const row = this.#database
      .prepare<RawAttempt>('SELECT * FROM slot_attempts WHERE slot_id = :slotId AND attempt = :attempt')
      .get({ slotId, attempt });
    return row === undefined ? undefined : parseAttempt(row);
  }

  /** Newest first. */
  attempts(slotId: string, limit: number): AttemptRow[] {
    return this.#database
      .prepare<RawAttempt>(
        'SELECT * FROM slot_attempts WHERE slot_id = :slotId ORDER BY attempt DESC LIMIT :limit',
      )
      .all({ slotId, limit })
      .map(parseAttempt);
  }

  /** Attempts that served at some time since `from`. */
  loadsSince(from: number): { slotId: string; modelId: string; loadedAt: number; endedAt: number | null }[] {
    return this.#database
      .prepare<{ slotId: string; modelId: string; loadedAt: number; endedAt: number | null }>(
        `SELECT slot_id AS slotId, model_id AS modelId, loaded_at AS loadedAt, ended_at AS endedAt FROM slot_attempts
         WHERE loaded_at IS NOT NULL AND (loaded_at >= :from OR ended_at >= :from) ORDER BY loaded_at`,
      )
      .all({ from });
  }

  /** Milliseconds that loading this model into this slot usually took: the median of the last five; null without any. */
  usualLoadMs(slotId: string, modelId: string): number | null {
    const rows = this.#database
      .prepare<{ ms: number }>(
        `SELECT loaded_at - started_at AS ms FROM slot_attempts WHERE slot_id = :slotId AND model_id = :modelId AND loaded_at IS NOT NULL
         ORDER BY attempt DESC LIMIT 5`,
      )
      .all({ slotId, modelId });
    const sorted = rows.map((row) => row.ms).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }

  /** Records which image stands behind a reference. @returns the id seen before, when it was another one. */
  recordImage(reference: string, imageId: string): string | null {
    const before = this.#database
      .prepare<{ image_id: string }>('SELECT image_id FROM runtime_images WHERE reference = :reference')
      .get({ reference });
    if (before?.image_id === imageId) return null;
    this.#database
      .prepare(
        `INSERT INTO runtime_images (reference, image_id, seen_at) VALUES (:reference, :imageId, :now)
         ON CONFLICT (reference) DO UPDATE
         SET changed_from = image_id, image_id = excluded.image_id, seen_at = excluded.seen_at`,
      )
      .run({ reference, imageId, now: this.#clock.now() });
    return before?.image_id ?? null;
  }

  /** Every reference that a runtime was started from, or that was brought here, with what stood behind it. */
  recordedImages(): RecordedImage[] {
    return this.#database
      .prepare<RecordedImage>('SELECT reference, image_id, changed_from FROM runtime_images')
      .all({});
  }
}

function parseAttempt(row: RawAttempt): AttemptRow {
  return {
    ...row,
    settings: row.settings === null ? null : (JSON.parse(row.settings) as RuntimeSettings),
    failure: row.failure === null ? null : (JSON.parse(row.failure) as LoadError),
  };
}

function parse(row: RawSlot): SlotRow {
  return {
    ...row,
    enabled: row.enabled === 1,
    memory_override: row.memory_override === 1,
    gpu_ids: JSON.parse(row.gpu_ids) as string[],
    config: JSON.parse(row.config) as SlotConfig,
    load_error: row.load_error === null ? null : (JSON.parse(row.load_error) as LoadError),
  };
}
