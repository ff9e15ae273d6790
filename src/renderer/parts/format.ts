import { LOCALE } from '../strings/locale.ts';
import { t } from '../strings/text.ts';

/** Figures as people read them. Pure; what is unknown is a dash, never a zero. */

export const UNKNOWN = '—';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const integers = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });

/** Three digits: `812 MiB`, `4.68 GiB`, `135 GiB`. @param bytes 0 or more; null when nobody knows. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  // 1023.5 would print as 1024.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(Math.round(value)) : threeDigits(value)} ${UNITS[unit] ?? 'B'}`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return integers.format(value);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** `11.6 of 18.1 GiB`: both in the unit of the whole. */
export function formatBytesOf(done: number, total: number): string {
  const whole = formatBytes(total);
  const power = Math.max(0, powerOf(whole));
  const part = done / 1024 ** power;
  return t('bytes.of', { part: power === 0 ? String(Math.round(part)) : threeDigits(part), whole });
}

/** `0.4`: the number alone, in the unit and with the digits that the whole is told with, as they stand side by side. */
export function inUnitOf(bytes: number, whole: number): string {
  const words = formatBytes(whole);
  const power = Math.max(0, powerOf(words));
  const digits = /\.(\d+)/.exec(words)?.[1]?.length ?? 0;
  return (bytes / 1024 ** power).toFixed(digits);
}

function powerOf(words: string): number {
  return UNITS.indexOf((words.split(' ')[1] ?? 'B') as (typeof UNITS)[number]);
}

/** The exact number and what a vendor would print: `5,027,783,488 bytes, 5.03 GB`. */
export function exactBytes(bytes: number): string {
  const decimal = bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(2)} MB`;
  return t('bytes.exact', { bytes: integers.format(bytes), decimal });
}

/** `48.2 MiB/s`. */
export function formatSpeed(bytesPerSecond: number | null | undefined): string {
  if (bytesPerSecond === null || bytesPerSecond === undefined) return UNKNOWN;
  return `${formatBytes(bytesPerSecond)}/s`;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;

/** `84 ms`, `8.4 s`, `41 s`, `4 min 10 s`, `2 h 05 min`, `3 d 4 h`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return UNKNOWN;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`.replace(' min 00 s', ' min');
  // Minutes of the rounded seconds, so that 59 min 59.6 s is an hour and not none.
  const minutes = Math.floor(seconds / 60);
  if (ms < DAY) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** A rough rest: `about 4 min`. Null while the rate is not steady. */
export function formatEta(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 5) return t('time.fewSeconds');
  const about = (span: string): string => t('time.about', { span });
  if (seconds < 55) return about(`${Math.max(5, Math.round(seconds / 5) * 5)} s`);
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return about(`${Math.max(1, minutes)} min`);
  const hours = Math.round(minutes / 30) / 2;
  return about(hours < 36 ? `${hours} h` : `${Math.round(hours / 24)} d`);
}

/** Whole percent; 99 until it is really done, `<1 %` as soon as something is. */
export function formatPercent(done: number, total: number): string {
  if (!(total > 0)) return UNKNOWN;
  if (done >= total) return '100 %';
  const percent = (done / total) * 100;
  if (percent > 0 && percent < 1) return '<1 %';
  return `${Math.min(99, Math.floor(percent))} %`;
}

/** `1,284`. */
export function formatCount(count: number | null | undefined): string {
  return count === null || count === undefined || !Number.isFinite(count) ? UNKNOWN : integers.format(count);
}

/** `48.2`; three digits below a hundred. */
export function formatRate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) return UNKNOWN;
  return perSecond >= 100 ? integers.format(perSecond) : perSecond.toFixed(1);
}

/** `8.19 B` of parameters. */
export function formatParameters(count: number | null | undefined): string {
  if (count === null || count === undefined) return UNKNOWN;
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} M` : integers.format(count);
}

const clock = new Intl.DateTimeFormat(LOCALE, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const shortClock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const calendar = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' });

/** `12:04:31` today, `14 Nov 2026, 09:12` before. @param iso a time of the API. */
export function formatTime(iso: string | null | undefined, now: number): string {
  const at = iso === null || iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return UNKNOWN;
  const date = new Date(at);
  if (date.toDateString() === new Date(now).toDateString()) return clock.format(date);
  return `${calendar.format(date)}, ${shortClock.format(date)}`;
}

/** `11 min ago` within the hour, else the time. */
export function formatAgo(iso: string | null | undefined, now: number): string {
  const at = iso === null || iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return UNKNOWN;
  const age = now - at;
  if (age < 5000) return t('time.justNow');
  if (age < MINUTE) return t('time.ago', { span: `${Math.floor(age / 1000)} s` });
  if (age < HOUR) return t('time.ago', { span: `${Math.floor(age / MINUTE)} min` });
  return formatTime(iso, now);
}

/** How long something has lasted, coarsely: `2 d 4 h`, `18 min`, `41 s`. */
export function formatSince(iso: string | null | undefined, now: number): string {
  const at = iso === null || iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return UNKNOWN;
  const age = Math.max(0, now - at);
  if (age < MINUTE) return `${Math.floor(age / 1000)} s`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  return formatDuration(age);
}

/** Local, UTC and ISO, for the hover. */
export function exactTime(iso: string): string {
  const date = new Date(iso);
  const utc = new Intl.DateTimeFormat(LOCALE, {
    dateStyle: 'medium',
    timeStyle: 'medium',
    timeZone: 'UTC',
    hourCycle: 'h23',
  }).format(date);
  return t('time.exact', { local: `${calendar.format(date)}, ${clock.format(date)}`, utc, iso });
}

/** Cuts the middle, where ids and paths differ least: `/data/mod…q4_k_m.gguf`. */
export function truncateMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const head = Math.ceil((length - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`;
}

/** Tokens as people type them: `64k`, `32768`, `32,768`. Null when it is not a number. */
export function parseCount(text: string): number | null {
  const match = /^(\d[\d, ]*(?:\.\d+)?)\s*([km]?)$/i.exec(text.trim());
  if (match === null) return null;
  const scale = { k: 1024, m: 1024 * 1024, '': 1 }[(match[2] ?? '').toLowerCase()] ?? 1;
  const value = Number((match[1] ?? '').replace(/[, ]/g, '')) * scale;
  return Number.isSafeInteger(value) ? value : null;
}

/** Sizes as people type them: `12 GiB`, `512m`, `1.5 g`, `1048576`. Null when it is not a size. */
export function parseBytes(text: string): number | null {
  const match = /^(\d[\d,]*(?:\.\d+)?)\s*(?:([kmgt])?(?:i?b)?)$/i.exec(text.trim());
  if (match === null) return null;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  const value = Math.round(Number((match[1] ?? '').replaceAll(',', '')) * 1024 ** power);
  return Number.isSafeInteger(value) ? value : null;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
