import { describe, expect, it } from 'vitest';
import {
  exactBytes,
  formatAgo,
  formatBytes,
  formatBytesOf,
  formatCount,
  formatDuration,
  formatEta,
  formatParameters,
  formatPercent,
  formatRate,
  formatSince,
  formatSpeed,
  formatTime,
  parseCount,
  truncateMiddle,
} from './format.ts';

const GIB = 1024 ** 3;

describe('bytes', () => {
  it.each([
    [null, '—'],
    [undefined, '—'],
    [Number.NaN, '—'],
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [812 * 1024 ** 2, '812 MiB'],
    [1023.9 * 1024 ** 2, '1.00 GiB'],
    [4.68 * GIB, '4.68 GiB'],
    [12.34 * GIB, '12.3 GiB'],
    [9.996 * GIB, '10.0 GiB'],
    [99.96 * GIB, '100 GiB'],
    [135 * GIB, '135 GiB'],
    [2048 * GIB, '2.00 TiB'],
  ])('%s is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('names both parts in the unit of the whole', () => {
    expect(formatBytesOf(11.6 * GIB, 18.1 * GIB)).toBe('11.6 of 18.1 GiB');
    expect(formatBytesOf(0.1 * GIB, 18.1 * GIB)).toBe('0.10 of 18.1 GiB');
    expect(formatBytesOf(12, 40)).toBe('12 of 40 B');
  });

  it('tells the exact number and the decimal one', () => {
    expect(exactBytes(5_027_783_488)).toBe('5,027,783,488 bytes, 5.03 GB');
    expect(exactBytes(500_000)).toBe('500,000 bytes, 0.50 MB');
  });

  it('has a speed', () => {
    expect(formatSpeed(212 * 1024 ** 2)).toBe('212 MiB/s');
    expect(formatSpeed(0)).toBe('0 B/s');
    expect(formatSpeed(null)).toBe('—');
  });
});

describe('durations', () => {
  it.each([
    [null, '—'],
    [-1, '—'],
    [0, '0 ms'],
    [84.4, '84 ms'],
    [999.6, '1.0 s'],
    [8400, '8.4 s'],
    [9960, '10 s'],
    [41_000, '41 s'],
    [59_600, '1 min'],
    [3_599_600, '1 h 00 min'],
    [60_000, '1 min'],
    [250_000, '4 min 10 s'],
    [7_500_000, '2 h 05 min'],
    [3 * 86_400_000 + 4 * 3_600_000, '3 d 4 h'],
  ])('%s ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [null, '—'],
    [2, 'a few seconds'],
    [31, 'about 30 s'],
    [58, 'about 1 min'],
    [250, 'about 4 min'],
    [5400, 'about 1.5 h'],
    [400_000, 'about 5 d'],
  ])('a rest of %s s is %s', (seconds, text) => expect(formatEta(seconds)).toBe(text));
});

describe('percent', () => {
  it.each([
    [0, 100, '0 %'],
    [1, 1000, '<1 %'],
    [62, 100, '62 %'],
    [9999, 10_000, '99 %'],
    [100, 100, '100 %'],
    [1, 0, '—'],
  ])('%s of %s is %s', (done, total, text) => expect(formatPercent(done, total)).toBe(text));
});

describe('times', () => {
  const now = new Date(2026, 10, 21, 12, 4, 31).getTime();
  const iso = (ms: number): string => new Date(now - ms).toISOString();

  it('is a clock today and a date before', () => {
    expect(formatTime(iso(0), now)).toBe('12:04:31');
    expect(formatTime(new Date(2026, 10, 14, 9, 12).toISOString(), now)).toBe('14 Nov 2026, 09:12');
    expect(formatTime(null, now)).toBe('—');
    expect(formatTime('nonsense', now)).toBe('—');
  });

  it('is an age within the hour', () => {
    expect(formatAgo(iso(1000), now)).toBe('just now');
    expect(formatAgo(iso(41_000), now)).toBe('41 s ago');
    expect(formatAgo(iso(11 * 60_000), now)).toBe('11 min ago');
    expect(formatAgo(iso(2 * 3_600_000), now)).toBe('10:04:31');
  });

  it('is a span', () => {
    expect(formatSince(iso(18 * 60_000 + 5000), now)).toBe('18 min');
    expect(formatSince(iso(52 * 3_600_000), now)).toBe('2 d 4 h');
    expect(formatSince(null, now)).toBe('—');
  });
});

describe('counts', () => {
  it('groups, and is a dash when unknown', () => {
    expect(formatCount(1284)).toBe('1,284');
    expect(formatCount(null)).toBe('—');
    expect(formatRate(48.23)).toBe('48.2');
    expect(formatRate(1284)).toBe('1,284');
    expect(formatParameters(8_190_000_000)).toBe('8.19 B');
    expect(formatParameters(22_700_000)).toBe('22.7 M');
    expect(formatParameters(null)).toBe('—');
  });

  it.each([
    ['64k', 65_536],
    ['32768', 32_768],
    ['32,768', 32_768],
    ['1.5k', 1536],
    ['1m', 1_048_576],
    ['', null],
    ['many', null],
    ['-4', null],
  ])('reads %s as %s', (text, value) => expect(parseCount(text)).toBe(value));
});

describe('truncation', () => {
  it('keeps both ends', () => {
    expect(truncateMiddle('short', 10)).toBe('short');
    expect(truncateMiddle('/data/models/alpha.gguf', 11)).toBe('/data….gguf');
  });
});
