import { describe, expect, it } from 'vitest';
import type { UsageRow } from '../../../shared/contract/index.ts';
import { byDay, daysOf, lastDays, rangeOf } from './range.ts';

const NOW = Date.parse('2026-11-21T23:59:00.000Z');

describe('a range of days', () => {
  it('counts the first and the last', () => {
    expect(lastDays(7, NOW)).toEqual({ from: '2026-11-15', to: '2026-11-21' });
    expect(daysOf(lastDays(7, NOW))).toHaveLength(7);
  });

  it.each([
    ['', '30', '2026-10-23'],
    ['range=90', '90', '2026-08-24'],
    ['range=12', '30', '2026-10-23'],
    ['from=2026-01-01&to=2026-01-31', 'custom', '2026-01-01'],
    ['from=2026-01-01', '30', '2026-10-23'],
    ['from=soon&to=later', '30', '2026-10-23'],
  ])('is what the address says: "%s"', (search, name, from) => {
    const found = rangeOf(new URLSearchParams(search), NOW);
    expect([found.name, found.range.from]).toEqual([name, from]);
  });

  it('crosses the change of the clocks without losing a day', () => {
    expect(daysOf({ from: '2026-10-24', to: '2026-10-27' })).toEqual([
      '2026-10-24',
      '2026-10-25',
      '2026-10-26',
      '2026-10-27',
    ]);
  });

  it('has a hole where nothing was called', () => {
    const rows = [{ day: '2026-11-03' }, { day: '2026-11-01' }] as UsageRow[];
    const days = daysOf({ from: '2026-11-01', to: '2026-11-03' });
    expect(byDay(rows, days).map((row) => row?.day)).toEqual(['2026-11-01', undefined, '2026-11-03']);
  });
});
