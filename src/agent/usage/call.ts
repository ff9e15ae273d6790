import type { ErrorCode } from '../../shared/contract/index.ts';

/** One call that a model was asked for, when it has ended. Carries no prompt and no answer. */
export interface CallRecord {
  readonly modelId: string;
  readonly keyId: string;
  readonly requestId: string;
  /** The path that was called, as the contract writes it. */
  readonly route: string;
  /** A client that went away in the middle of its answer counts as ok. */
  readonly ok: boolean;
  /** Why it failed; null when it is ok. */
  readonly error: ErrorCode | null;
  readonly streamed: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** From the request to the last byte. */
  readonly latencyMs: number;
  /** From the request to the first byte of the answer; null without one. */
  readonly firstByteMs: number | null;
}

/** A call with the time at which it was counted. */
export interface CountedCall extends CallRecord {
  readonly at: number;
}

/** Sums of one day, model and key that are not written yet. */
export interface DailySum {
  readonly day: string;
  readonly modelId: string;
  readonly keyId: string;
  calls: number;
  errors: number;
  streams: number;
  promptTokens: number;
  completionTokens: number;
  /** Of successful calls, whole milliseconds. */
  latencyMs: number;
  latencyMaxMs: number;
  lastUsedAt: number;
}

export function emptySum(day: string, modelId: string, keyId: string): DailySum {
  return {
    day,
    modelId,
    keyId,
    calls: 0,
    errors: 0,
    streams: 0,
    promptTokens: 0,
    completionTokens: 0,
    latencyMs: 0,
    latencyMaxMs: 0,
    lastUsedAt: 0,
  };
}

export function addCall(sum: DailySum, call: CountedCall): void {
  sum.calls += 1;
  sum.errors += call.ok ? 0 : 1;
  sum.streams += call.streamed ? 1 : 0;
  sum.promptTokens += call.promptTokens;
  sum.completionTokens += call.completionTokens;
  if (call.ok) {
    const latency = Math.round(call.latencyMs);
    sum.latencyMs += latency;
    sum.latencyMaxMs = Math.max(sum.latencyMaxMs, latency);
  }
  sum.lastUsedAt = Math.max(sum.lastUsedAt, call.at);
}

const DAY_MS = 86_400_000;

/** The UTC day of a time, `2026-11-21`. */
export function dayOf(ms: number): string {
  return new Date(Math.floor(ms / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
}

/** The day that lies `days` after another; negative for before. */
export function dayAfter(day: string, days: number): string {
  return dayOf(Date.parse(day) + days * DAY_MS);
}

/** How many days a range counts, both ends included. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1;
}
