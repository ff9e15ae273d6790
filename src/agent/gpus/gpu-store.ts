import type { GpuEvent } from '../../shared/contract/index.ts';
import type { Database, Statement } from '../kernel/database/database.ts';

/** What a GPU did in one minute: means, but for the highest temperature. */
export interface MinuteRow {
  readonly gpu_uuid: string;
  readonly at: number;
  readonly samples: number;
  readonly memory_used_bytes: number | null;
  readonly utilization_percent: number | null;
  readonly temperature_celsius: number | null;
  readonly power_watts: number | null;
  readonly sm_clock_mhz: number | null;
}

/** Kinds that are stored; loads and unloads are in the journal already. */
export type StoredKind = Exclude<GpuEvent['kind'], 'loaded' | 'unloaded'>;

export interface EventRow {
  readonly at: number;
  readonly gpu_uuid: string | null;
  readonly kind: StoredKind;
  readonly code: number | null;
  readonly message: string;
}

/** Kept whatever comes. */
const KEPT_EVENTS = 2000;

/** The SQL of telemetry. Nothing here is worth waiting for the disk. */
export class GpuStore {
  readonly #database: Database;
  readonly #addMinute: Statement<never>;

  constructor(database: Database) {
    this.#database = database;
    this.#addMinute = database.prepare(
      `INSERT INTO gpu_minutes (gpu_uuid, at, samples, memory_used_bytes, utilization_percent, temperature_celsius, power_watts, sm_clock_mhz)
       VALUES (:gpu_uuid, :at, :samples, :memory_used_bytes, :utilization_percent, :temperature_celsius, :power_watts, :sm_clock_mhz)
       ON CONFLICT (gpu_uuid, at) DO UPDATE SET samples = excluded.samples, memory_used_bytes = excluded.memory_used_bytes,
         utilization_percent = excluded.utilization_percent, temperature_celsius = excluded.temperature_celsius,
         power_watts = excluded.power_watts, sm_clock_mhz = excluded.sm_clock_mhz`,
    );
  }

  /** Adds the rows of a minute and drops those that are older than `before`. */
  addMinutes(rows: readonly MinuteRow[], before: number): void {
    this.#database.transactLazily(() => {
      for (const row of rows) this.#addMinute.run({ ...row });
      this.#database.prepare('DELETE FROM gpu_minutes WHERE at < :before').run({ before });
    });
  }

  minutes(uuid: string, from: number, to: number): MinuteRow[] {
    return this.#database
      .prepare<MinuteRow>(
        'SELECT * FROM gpu_minutes WHERE gpu_uuid = :uuid AND at >= :from AND at < :to ORDER BY at',
      )
      .all({ uuid, from, to });
  }

  addEvent(row: EventRow): void {
    this.#database.transactLazily(() => {
      const { lastInsertRowid: seq } = this.#database
        .prepare(
          'INSERT INTO gpu_events (at, gpu_uuid, kind, code, message) VALUES (:at, :gpu_uuid, :kind, :code, :message)',
        )
        .run({ ...row });
      this.#database.prepare('DELETE FROM gpu_events WHERE seq <= :seq').run({ seq: seq - KEPT_EVENTS });
    });
  }

  /** Whether the same happened within `withinMs` of `at`. */
  hasEvent({ at, gpu_uuid: uuid, kind, code }: EventRow, withinMs: number): boolean {
    return (
      this.#database
        .prepare<{ seq: number }>(
          `SELECT seq FROM gpu_events WHERE gpu_uuid IS :uuid AND kind = :kind AND code IS :code
           AND at BETWEEN :from AND :to LIMIT 1`,
        )
        .get({ uuid, kind, code, from: at - withinMs, to: at + withinMs }) !== undefined
    );
  }

  /** Of one GPU and of those that could not be told apart, oldest first. */
  events(uuid: string, from: number): EventRow[] {
    return this.#database
      .prepare<EventRow>(
        `SELECT at, gpu_uuid, kind, code, message FROM gpu_events
         WHERE (gpu_uuid = :uuid OR gpu_uuid IS NULL) AND at >= :from ORDER BY at, seq`,
      )
      .all({ uuid, from });
  }

  lastXid(uuid: string, from: number): EventRow | null {
    return (
      this.#database
        .prepare<EventRow>(
          `SELECT at, gpu_uuid, kind, code, message FROM gpu_events
           WHERE gpu_uuid = :uuid AND kind = 'xid' AND at >= :from ORDER BY at DESC, seq DESC LIMIT 1`,
        )
        .get({ uuid, from }) ?? null
    );
  }
}
