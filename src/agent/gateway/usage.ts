import type { UsageFacts, UsageTotals } from '../catalog/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';

export interface UsageEvent {
  readonly modelId: string;
  readonly keyId: string;
  readonly ok: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly latencyMs: number;
}

interface Totals {
  calls: number;
  errors: number;
  prompt_tokens: number;
  completion_tokens: number;
  latency_ms: number;
  last_used_at: number;
}

const FLUSH_MS = 1000;

/**
 * Counts calls a model, key and day in memory and adds them to the daily rows once a second: exact but for the last
 * second before a crash, and no write stands in the way of an answer.
 */
export class UsageRecorder implements UsageFacts {
  readonly #database: Database;
  readonly #clock: Clock;
  #pending = new Map<string, Totals>();
  #timer: NodeJS.Timeout | null = null;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  record(event: UsageEvent): void {
    const now = this.#clock.now();
    const key = `${toIso(now).slice(0, 10)}\0${event.modelId}\0${event.keyId}`;
    let totals = this.#pending.get(key);
    if (totals === undefined) {
      totals = {
        calls: 0,
        errors: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
        latency_ms: 0,
        last_used_at: now,
      };
      this.#pending.set(key, totals);
    }
    totals.calls += 1;
    totals.errors += event.ok ? 0 : 1;
    totals.prompt_tokens += event.promptTokens;
    totals.completion_tokens += event.completionTokens;
    totals.latency_ms += Math.round(event.latencyMs);
    totals.last_used_at = now;
    // No timer while nothing happens: an idle agent does nothing.
    if (this.#timer === null) {
      this.#timer = setTimeout(() => this.flush(), FLUSH_MS);
      this.#timer.unref();
    }
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.size === 0) return;
    const batch = this.#pending;
    this.#pending = new Map();
    const statement = this.#database.prepare(
      `INSERT INTO usage_daily (day, model_id, key_id, calls, errors, prompt_tokens, completion_tokens, latency_ms, last_used_at)
       VALUES (:day, :model_id, :key_id, :calls, :errors, :prompt_tokens, :completion_tokens, :latency_ms, :last_used_at)
       ON CONFLICT (model_id, day, key_id) DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors,
         prompt_tokens = prompt_tokens + excluded.prompt_tokens, completion_tokens = completion_tokens + excluded.completion_tokens,
         latency_ms = latency_ms + excluded.latency_ms, last_used_at = MAX(last_used_at, excluded.last_used_at)`,
    );
    this.#database.transactLazily(() => {
      for (const [key, totals] of batch) {
        const [day = '', modelId = '', keyId = ''] = key.split('\0');
        statement.run({ day, model_id: modelId, key_id: keyId, ...totals });
      }
    });
  }

  /** Of all days, with what is not written yet. */
  totals(modelIds: readonly string[]): Map<string, UsageTotals> {
    this.flush();
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

export interface TokenCounts {
  readonly prompt: number;
  readonly completion: number;
}

const NUMBER_AFTER = (name: string): RegExp => new RegExp(`"${name}"\\s*:\\s*(\\d+)`);
const PROMPT = NUMBER_AFTER('prompt_tokens');
const COMPLETION = NUMBER_AFTER('completion_tokens');
const PROMPT_N = NUMBER_AFTER('prompt_n');
const CACHE_N = NUMBER_AFTER('cache_n');
const PREDICTED_N = NUMBER_AFTER('predicted_n');
const WINDOW = 600;

/**
 * Tokens as the end of an answer tells them: OpenAI's `usage`, else llama.cpp's `timings`. Looks at the text instead
 * of parsing it, because an answer may be megabytes of numbers. Pure.
 */
export function tokenCounts(tail: Buffer): TokenCounts {
  const find = (window: string, pattern: RegExp): number => Number(pattern.exec(window)?.[1] ?? 0);
  const at = (name: string): string | null => {
    const index = tail.lastIndexOf(name);
    return index < 0 ? null : tail.toString('latin1', index, index + WINDOW);
  };
  const usage = at('"usage":{');
  if (usage !== null) return { prompt: find(usage, PROMPT), completion: find(usage, COMPLETION) };
  const timings = at('"timings":{');
  if (timings === null) return { prompt: 0, completion: 0 };
  return { prompt: find(timings, PROMPT_N) + find(timings, CACHE_N), completion: find(timings, PREDICTED_N) };
}
