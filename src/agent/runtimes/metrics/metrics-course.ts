import type { SlotMetrics } from '../../../shared/contract/index.ts';
import { toIso } from '../../kernel/clock.ts';
import type { EngineFigures } from './engine-figures.ts';

/** Samples kept of a slot. */
const KEPT = 60;
/**
 * Rates are taken over at least this long. llama-server adds the tokens of a request to its counters when the request
 * ends, so that from one second to the next its rate is nothing, then everything.
 */
const RATE_WINDOW_MS = 5000;

interface Reading {
  readonly at: number;
  readonly figures: EngineFigures;
}

/** What one engine said in the course of its life: the last samples, and enough readings to tell rates. */
export class MetricsCourse {
  #readings: readonly Reading[] = [];
  #samples: readonly SlotMetrics[] = [];

  get samples(): readonly SlotMetrics[] {
    return this.#samples;
  }

  get latest(): SlotMetrics | null {
    return this.#samples.at(-1) ?? null;
  }

  /** The newest counters as the engine said them; null before the first answer. */
  get totals(): EngineFigures | null {
    return this.#readings.at(-1)?.figures ?? null;
  }

  /** @param at milliseconds since the epoch @param figures null when the engine could not be asked */
  add(at: number, figures: EngineFigures | null): SlotMetrics {
    const before = figures !== null && countsAnew(this.totals, figures) ? [] : this.#readings;
    const sample = sampleOf({ at, figures }, before);
    this.#samples = [...this.#samples, sample].slice(-KEPT);
    if (figures !== null) this.#readings = [...withinReach(before, at), { at, figures }];
    return sample;
  }
}

type Counter = 'generated_tokens_total' | 'prompt_tokens_total';
const COUNTERS: readonly Counter[] = ['generated_tokens_total', 'prompt_tokens_total'];

/** Whether a counter went back: another process answers, and nothing is known of what it did before. */
function countsAnew(last: EngineFigures | null, now: EngineFigures): boolean {
  return COUNTERS.some((key) => (now[key] ?? Number.POSITIVE_INFINITY) < (last?.[key] ?? 0));
}

/** A sample from a reading and those before it, oldest first. Pure. */
function sampleOf(
  { at, figures }: { readonly at: number; readonly figures: EngineFigures | null },
  before: readonly Reading[],
): SlotMetrics {
  const rate = (key: Counter): number | null =>
    figures === null ? null : ratePerSecond({ at, figures }, before, key);
  return {
    at: toIso(at),
    requests_running: figures?.requests_running ?? null,
    requests_waiting: figures?.requests_waiting ?? null,
    tokens_per_second: rate('generated_tokens_total'),
    prompt_tokens_per_second: rate('prompt_tokens_total'),
    kv_cache_percent: figures?.kv_cache_share == null ? null : Math.round(figures.kv_cache_share * 1000) / 10,
  };
}

/**
 * How fast a counter grew, against the newest reading that is old enough, else against the oldest there is. Null without
 * one.
 */
function ratePerSecond(now: Reading, before: readonly Reading[], key: Counter): number | null {
  const value = now.figures[key];
  const known = before.filter(({ figures }) => figures[key] !== null);
  const base = known.findLast(({ at }) => now.at - at >= RATE_WINDOW_MS) ?? known[0];
  if (value === null || base === undefined || now.at <= base.at) return null;
  const rate = (value - (base.figures[key] ?? 0)) / ((now.at - base.at) / 1000);
  return Math.round(rate * 100) / 100;
}

/** Readings that a later rate can still need: those within the window, and the one before it. Pure. */
function withinReach(readings: readonly Reading[], at: number): readonly Reading[] {
  const old = readings.findLastIndex((reading) => at - reading.at >= RATE_WINDOW_MS);
  return old === -1 ? readings : readings.slice(old);
}
