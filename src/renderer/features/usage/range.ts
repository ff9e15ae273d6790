import type { UsageRow } from '../../../shared/contract/index.ts';
import type { UsageRange } from '../../data/usage.ts';
import { LOCALE } from '../../strings/locale.ts';

/** Ranges of UTC days. Pure. */

export const RANGES = ['7', '30', '90', 'custom'] as const;
export type RangeName = (typeof RANGES)[number];

const DAY_MS = 86_400_000;

/** The UTC day of a time: `2026-11-21`. @param at milliseconds */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The last so many days, today included. @param now milliseconds */
export function lastDays(days: number, now: number): UsageRange {
  return { from: dayOf(now - (days - 1) * DAY_MS), to: dayOf(now) };
}

const DAY_PATTERN = /^\d{4}-\d{2}-\d{2}$/;

function isDay(text: string | null): text is string {
  return text !== null && DAY_PATTERN.test(text) && !Number.isNaN(Date.parse(text));
}

/** The range an address asks for; 30 days when it asks for none. @param now milliseconds */
export function rangeOf(search: URLSearchParams, now: number): { name: RangeName; range: UsageRange } {
  const from = search.get('from');
  const to = search.get('to');
  if (isDay(from) && isDay(to)) return { name: 'custom', range: { from, to } };
  const asked = search.get('range');
  const name = asked === '7' || asked === '90' ? asked : '30';
  return { name, range: lastDays(Number(name), now) };
}

/** More than a line can show is a table. */
const MOST_DAYS = 1000;

/** Every day of a range, in order. */
export function daysOf({ from, to }: UsageRange): readonly string[] {
  const days: string[] = [];
  const end = Date.parse(to);
  for (let at = Date.parse(from); at <= end && days.length < MOST_DAYS; at += DAY_MS) days.push(dayOf(at));
  return days;
}

/** The rows of a range by day: a day without a row had no call. */
export function byDay(rows: readonly UsageRow[], days: readonly string[]): readonly (UsageRow | undefined)[] {
  const found = new Map(rows.map((row) => [row.day, row]));
  return days.map((day) => found.get(day));
}

const short = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** `21 Nov`. */
export function dayWords(day: string): string {
  return short.format(new Date(day));
}
