import type { UsageFacts, UsageTotals } from '../catalog/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { addCall, dayOf, emptySum, type CallRecord, type CountedCall, type DailySum } from './call.ts';
import { RING_ROWS, type UsageStore } from './usage-store.ts';

/** What a key used on the current UTC day. */
export interface KeyToday {
  readonly calls: number;
  /** Prompt and completion together. */
  readonly tokens: number;
}

const FLUSH_MS = 1000;
/** After a write that failed: the disk may be full for a while. */
const RETRY_MS = 10_000;
/** More waiting calls than this are written before the second is over. */
const BATCH_CALLS = 256;

/**
 * Counts every call. Sums and calls are kept in memory and written in one transaction, once a second or when many wait:
 * exact after a crash up to the last committed batch, and no write stands in the way of an answer.
 */
export class UsageRecorder implements UsageFacts {
  readonly #store: UsageStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<(call: CountedCall) => void>();
  #sums = new Map<string, DailySum>();
  #calls: CountedCall[] = [];
  #timer: NodeJS.Timeout | null = null;
  #flushSoon = false;
  /** What each key used on `#day`, with what is not written yet. */
  readonly #byKey = new Map<string, { calls: number; tokens: number }>();
  #day = '';

  constructor(deps: { store: UsageStore; clock: Clock; log: Logger }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Counts a call that has ended. Never throws and never waits. */
  record(record: CallRecord): void {
    const call: CountedCall = { ...record, at: this.#clock.now() };
    const day = this.#today();
    const key = `${day}\0${call.modelId}\0${call.keyId}`;
    let sum = this.#sums.get(key);
    if (sum === undefined) {
      sum = emptySum(day, call.modelId, call.keyId);
      this.#sums.set(key, sum);
    }
    addCall(sum, call);
    this.#calls.push(call);
    const ofKey = this.#byKey.get(call.keyId);
    if (ofKey !== undefined) {
      ofKey.calls += 1;
      ofKey.tokens += call.promptTokens + call.completionTokens;
    }
    for (const listener of this.#listeners) listener(call);
    this.#schedule();
  }

  /** Every call when it is counted; for metrics. */
  onCall(listener: (call: CountedCall) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes what waits. @returns false when the database did not take it; it is kept and tried again. */
  flush(): boolean {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#sums.size === 0) return true;
    try {
      this.#store.write(this.#sums.values(), this.#calls);
    } catch (error) {
      this.#log.warn({ err: error, calls: this.#calls.length }, 'usage could not be written; kept in memory');
      // The ring would drop these too.
      if (this.#calls.length > RING_ROWS) this.#calls = this.#calls.slice(-RING_ROWS);
      this.#arm(RETRY_MS);
      return false;
    }
    this.#sums = new Map();
    this.#calls = [];
    return true;
  }

  /** Of all days, with what is not written yet. */
  totals(modelIds: readonly string[]): Map<string, UsageTotals> {
    const totals = this.#store.totals(modelIds);
    if (this.#sums.size === 0) return totals;
    const wanted = new Set(modelIds);
    for (const sum of this.#sums.values()) {
      if (!wanted.has(sum.modelId)) continue;
      const known = totals.get(sum.modelId);
      totals.set(sum.modelId, {
        calls: sum.calls + (known?.calls ?? 0),
        errors: sum.errors + (known?.errors ?? 0),
        prompt_tokens: sum.promptTokens + (known?.prompt_tokens ?? 0),
        completion_tokens: sum.completionTokens + (known?.completion_tokens ?? 0),
        last_used_at: Math.max(sum.lastUsedAt, known?.last_used_at ?? 0),
      });
    }
    return totals;
  }

  /**
   * What a key used since UTC midnight, with what is not written yet. Asked for every call of a key with a budget: the
   * database is read once a key and day.
   */
  today(keyId: string): KeyToday {
    const day = this.#today();
    let used = this.#byKey.get(keyId);
    if (used === undefined) {
      used = { ...this.#store.today(keyId, day) };
      for (const sum of this.#sums.values()) {
        if (sum.keyId !== keyId || sum.day !== day) continue;
        used.calls += sum.calls;
        used.tokens += sum.promptTokens + sum.completionTokens;
      }
      this.#byKey.set(keyId, used);
    }
    return { calls: used.calls, tokens: used.tokens };
  }

  /** The current day. Whatever is known of another, earlier or later, is forgotten. */
  #today(): string {
    const day = dayOf(this.#clock.now());
    if (day !== this.#day) {
      this.#day = day;
      this.#byKey.clear();
    }
    return day;
  }

  /** No timer while nothing happens: an idle agent does nothing. */
  #schedule(): void {
    if (this.#timer === null) this.#arm(FLUSH_MS);
    // A multiple, so that a database that takes nothing is not asked again with every call.
    if (this.#calls.length % BATCH_CALLS !== 0 || this.#flushSoon) return;
    this.#flushSoon = true;
    setImmediate(() => {
      this.#flushSoon = false;
      this.flush();
    });
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.flush(), delayMs);
    this.#timer.unref();
  }
}
