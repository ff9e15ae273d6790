import type { RuntimeSpec } from '../specs/spec.ts';

/** Figures of an engine, read from the text format of Prometheus under whatever name this version gives them. Pure. */

export type MetricsMap = RuntimeSpec['metrics'];

/** What an engine says of itself at one moment; null for what it does not say. */
export interface EngineFigures {
  readonly requests_running: number | null;
  readonly requests_waiting: number | null;
  /** Since the engine started. */
  readonly generated_tokens_total: number | null;
  readonly prompt_tokens_total: number | null;
  /** 0 to 1. */
  readonly kv_cache_share: number | null;
}

export const NO_FIGURES: EngineFigures = {
  requests_running: null,
  requests_waiting: null,
  generated_tokens_total: null,
  prompt_tokens_total: null,
  kv_cache_share: null,
};

/** Whether a spec says where to look at all. */
export function isMapped(map: MetricsMap): boolean {
  return Object.values(map).some((names) => names.length > 0);
}

/**
 * Picks the mapped figures out of a page of metrics: for each the first name that the page has. Series of one name that
 * differ in their labels (several engines behind one port) are added up; of the KV cache the fullest counts.
 */
export function readFigures(text: string, map: MetricsMap): EngineFigures {
  const series = readSeries(text, new Set(Object.values(map).flat()));
  const pick = (names: readonly string[]): readonly number[] | null => {
    for (const name of names) {
      const values = series.get(name);
      if (values !== undefined) return values;
    }
    return null;
  };
  const sum = (names: readonly string[]): number | null =>
    pick(names)?.reduce((total, value) => total + value, 0) ?? null;
  const cache = pick(map.kv_cache_percent);
  return {
    requests_running: sum(map.requests_running),
    requests_waiting: sum(map.requests_waiting),
    generated_tokens_total: sum(map.generated_tokens_total),
    prompt_tokens_total: sum(map.prompt_tokens_total),
    kv_cache_share: cache === null ? null : Math.max(...cache),
  };
}

/**
 * The values of the wanted series. Only their lines are taken apart: a page of vLLM is mostly histograms.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/: `name{label="value"} number [milliseconds]`.
 * Lines that are no numbers (`NaN`, `+Inf`) say nothing.
 */
export function readSeries(text: string, wanted: ReadonlySet<string>): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const name = NAME.exec(line)?.[0];
    if (name === undefined || !wanted.has(name)) continue;
    const rest = line.slice(name.length).trimStart();
    const value = (rest.startsWith('{') ? rest.slice(endOfLabels(rest)) : rest).trim().split(/\s+/)[0] ?? '';
    // Number('') is 0.
    const number = value === '' ? Number.NaN : Number(value);
    if (!Number.isFinite(number)) continue;
    const values = found.get(name);
    if (values === undefined) found.set(name, [number]);
    else values.push(number);
  }
  return found;
}

/** A comment starts with another character, so it has no name. */
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;

/** The place after the closing brace; values of labels may hold braces and escaped quotes. */
function endOfLabels(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '}') return at + 1;
  }
  return text.length;
}
