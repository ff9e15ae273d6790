import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apart, labelled, stepsFor } from './chart-scale.ts';

describe('the scale of a chart', () => {
  it.each([
    [0, true, [0, 1, 2, 3]],
    [2, true, [0, 1, 2, 3]],
    [1080, true, [0, 400, 800, 1200]],
    [8500, false, [0, 3000, 6000, 9000]],
    [0.4, false, [0, 0.15, 0.3, 0.45]],
  ])('up to %s', (most, whole, steps) => {
    expect(stepsFor(most, whole)).toEqual(steps);
  });

  it('begins at zero, holds the largest value, and is whole where things are counted', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), fc.boolean(), (most, whole) => {
        const steps = stepsFor(most, whole);
        expect(steps).toHaveLength(4);
        expect(steps[0]).toBe(0);
        expect(steps.at(-1)).toBeGreaterThanOrEqual(most * (1 - 1e-6));
        if (whole) expect(steps.every(Number.isInteger)).toBe(true);
      }),
    );
  });

  it('names the last place always, and as many as fit', () => {
    expect(labelled(90, 10)).toHaveLength(10);
    expect(labelled(90, 10).at(-1)).toBe(89);
    expect(labelled(3, 10)).toEqual([0, 1, 2]);
    expect(labelled(0, 10)).toEqual([]);
  });

  it('moves names apart in their order, and keeps them on the chart', () => {
    expect(apart([50, 52], 14, 120)).toEqual([50, 64]);
    expect(apart([52, 50], 14, 120)).toEqual([64, 50]);
    expect(apart([118, 119], 14, 118)).toEqual([104, 118]);
    expect(apart([10, 90], 14, 120)).toEqual([10, 90]);
  });
});
