import type { UsageTotals } from '../catalog/index.ts';
import type { Database, Statement } from '../kernel/database/database.ts';
import type { CountedCall, DailySum } from './call.ts';

/** Rows that the ring of the latest calls holds. */
export const RING_ROWS = 10_000;

/** The SQL that writes usage and sums it for a model or a key. */
export class UsageStore {
  readonly #database: Database;
  readonly #addDaily: Statement<never>;
  readonly #addEvent: Statement<never>;
  readonly #prune: Statement<never>;
  readonly #today: Statement<{ calls: number; tokens: number }>;

  constructor(database: Database) {
    this.#database = database;
    this.#addDaily = database.prepare(
      `INSERT INTO usage_daily (day, model_id, key_id, calls, errors, streams, prompt_tokens, completion_tokens,
         latency_ms, latency_max_ms, last_used_at)
       VALUES (:day, :modelId, :keyId, :calls, :errors, :streams, :promptTokens, :completionTokens,
         :latencyMs, :latencyMaxMs, :lastUsedAt)
       ON CONFLICT (model_id, day, key_id) DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors,
         streams = streams + excluded.streams, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
         completion_tokens = completion_tokens + excluded.completion_tokens, latency_ms = latency_ms + excluded.latency_ms,
         latency_max_ms = MAX(latency_max_ms, excluded.latency_max_ms), last_used_at = MAX(last_used_at, excluded.last_used_at)`,
    );
    this.#addEvent = database.prepare(
      `INSERT INTO usage_events (at, request_id, model_id, key_id, route, ok, error, streamed, prompt_tokens,
         completion_tokens, latency_ms, first_byte_ms)
       VALUES (:at, :requestId, :modelId, :keyId, :route, :ok, :error, :streamed, :promptTokens,
         :completionTokens, :latencyMs, :firstByteMs)`,
    );
    // Numbers of the ring have no holes, so the number alone says which rows are too many.
    this.#prune = database.prepare('DELETE FROM usage_events WHERE seq <= :seq');
    this.#today = database.prepare(
      `SELECT COALESCE(SUM(calls), 0) AS calls, COALESCE(SUM(prompt_tokens + completion_tokens), 0) AS tokens
       FROM usage_daily WHERE key_id = :keyId AND day = :day`,
    );
  }

  /**
   * Adds sums and calls in one transaction, so that after any crash both tell the same, and drops what the ring no
   * longer holds. Does not wait for the disk.
   */
  write(sums: Iterable<DailySum>, calls: readonly CountedCall[]): void {
    this.#database.transactLazily(() => {
      for (const sum of sums) this.#addDaily.run({ ...sum });
      let last = 0;
      for (const call of calls) {
        last = this.#addEvent.run({
          ...call,
          ok: call.ok ? 1 : 0,
          streamed: call.streamed ? 1 : 0,
        }).lastInsertRowid;
      }
      if (last > RING_ROWS) this.#prune.run({ seq: last - RING_ROWS });
    });
  }

  /** Calls and tokens of one key on one day, as far as they are written. */
  today(keyId: string, day: string): { calls: number; tokens: number } {
    return this.#today.get({ keyId, day }) ?? { calls: 0, tokens: 0 };
  }

  /** Of all days, as far as they are written. */
  totals(modelIds: readonly string[]): Map<string, UsageTotals> {
    if (modelIds.length === 0) return new Map();
    const rows = this.#database.query<UsageTotals & { model_id: string }>(
      `SELECT model_id, SUM(calls) AS calls, SUM(errors) AS errors, SUM(prompt_tokens) AS prompt_tokens,
         SUM(completion_tokens) AS completion_tokens, MAX(last_used_at) AS last_used_at
       FROM usage_daily WHERE model_id IN (SELECT value FROM json_each(?)) GROUP BY model_id`,
      [JSON.stringify(modelIds)],
    );
    return new Map(rows.map((row) => [row.model_id, row]));
  }
}
