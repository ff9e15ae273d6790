import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renewalTime } from './renewals.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const now = 1_800_000_000_000;

describe('when a validation is renewed', () => {
  it('is at half of its 24 hours while nothing failed', () => {
    const row = { expires_at: now + 24 * HOUR, failures: 0, last_failure_at: null };
    expect(renewalTime(row, now)).toBe(now + 12 * HOUR);
  });

  it.each([
    [1, 5],
    [2, 10],
    [3, 20],
    [4, 40],
    [5, 60],
    [60, 60],
  ])('after %i failures is %i minutes after the last one', (failures, minutes) => {
    const row = { expires_at: now + 6 * HOUR, failures, last_failure_at: now };
    expect(renewalTime(row, now)).toBe(now + minutes * MINUTE);
  });

  it('is never before half of its time, and never more than an hour away once that has come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -48 * HOUR, max: 48 * HOUR }),
        fc.nat(200),
        fc.option(fc.integer({ min: -48 * HOUR, max: 48 * HOUR })),
        (left, failures, ago) => {
          const row = {
            expires_at: now + left,
            failures,
            last_failure_at: ago === null ? null : now - ago,
          };
          const at = renewalTime(row, now);
          expect(at).toBeGreaterThanOrEqual(row.expires_at - 12 * HOUR);
          if (row.expires_at - 12 * HOUR <= now) expect(at).toBeLessThanOrEqual(now + HOUR);
        },
      ),
    );
  });
});
