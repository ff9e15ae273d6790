import { describe, expect, it } from 'vitest';
import { placeAt, sparklineOf } from './sparkline-shape.ts';

/** Places one pixel apart. */
const BOX = { width: 8, height: 12, places: 5 };

describe('the line of a sparkline', () => {
  it.each<[string, (number | null)[], string]>([
    ['nothing known', [], ''],
    ['only gaps', [null, null], ''],
    ['from zero to the largest', [0, 2, 4], 'M4 10L5 6L6 2'],
    ['zeros lie on the foot', [0, 0], 'M5 10L6 10'],
    ['a gap parts the line', [4, 4, null, 4, 4], 'M2 2L3 2M5 2L6 2'],
    ['a value alone is a dot', [null, 3, null], 'M5 2h0.01'],
    ['one value stands at the right', [3], 'M6 2h0.01'],
    ['no more than there are places', [9, 1, 1, 1, 1, 1], 'M2 2L3 2L4 2L5 2L6 2'],
  ])('%s', (_what, values, path) => {
    expect(sparklineOf(values, BOX).path).toBe(path);
  });

  it('has a last point only where the newest value is known', () => {
    expect(sparklineOf([1, 2], BOX).last).toEqual({ x: 6, y: 2 });
    expect(sparklineOf([1, null], BOX).last).toBeNull();
    expect(sparklineOf([], BOX).last).toBeNull();
  });

  it.each<[number, number, number | null]>([
    [6, 5, 4],
    [8, 5, 4],
    [2, 5, 0],
    [0, 5, null],
    [6, 2, 1],
    [5.4, 2, 0],
    [4, 2, null],
    [6, 0, null],
  ])('%s px among %s values is place %s', (x, shown, place) => {
    expect(placeAt(x, shown, BOX)).toBe(place);
  });
});
