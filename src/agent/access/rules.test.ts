import { describe, expect, it } from 'vitest';
import { ROLES } from '../../shared/lifecycle/index.ts';
import { assertFuture, expiryOf, lowerRole, refusalToChange, usedAt } from './rules.ts';

const HOUR = 3_600_000;

describe('the role that counts', () => {
  it('is the lower of the two, either way round', () => {
    for (const [i, low] of ROLES.entries())
      for (const high of ROLES.slice(i)) {
        expect(lowerRole(low, high)).toBe(low);
        expect(lowerRole(high, low)).toBe(low);
      }
  });
});

describe('the end of a key', () => {
  it.each([
    ['without any', { expires_at: null, idle_ms: null }, null, null],
    ['at its date', { expires_at: 500, idle_ms: null }, 400, 500],
    ['idle since it was made', { expires_at: null, idle_ms: 50 }, null, 150],
    ['idle since its last use', { expires_at: null, idle_ms: 50 }, 300, 350],
    ['whichever is first', { expires_at: 320, idle_ms: 50 }, 300, 320],
  ])('%s', (_name, key, lastUsed, end) => {
    expect(expiryOf({ created_at: 100, ...key }, lastUsed)).toBe(end);
  });
});

describe('the last use', () => {
  const now = 1000 * HOUR;
  it('never goes back because a clock was set back by a day', () => {
    expect(usedAt(now, now - 24 * HOUR)).toBe(now);
    expect(usedAt(now - 1, now)).toBe(now);
  });
  it('is not believed when it lies years ahead', () => {
    expect(usedAt(now + 10_000 * HOUR, now)).toBe(now);
  });
});

describe('the built-in principal', () => {
  const admin = { name: 'admin', role: 'superadmin' as const };
  it.each([{ disabled: true }, { role: 'admin' as const }, { erased: true }])('refuses %j', (change) => {
    expect(refusalToChange(admin, change)).toMatchObject({
      code: 'dependencies_unsatisfied',
      details: { reason: 'built_in' },
    });
    expect(refusalToChange({ name: 'ada', role: 'superadmin' }, change)).toBeNull();
  });
  it.each([{}, { disabled: false }, { role: 'superadmin' as const }])('takes %j', (change) => {
    expect(refusalToChange(admin, change)).toBeNull();
  });
});

it('an end in the past is refused by its field', () => {
  expect(() => assertFuture('expires_at', 5, 5)).toThrow(
    expect.objectContaining({ code: 'invalid_argument', details: { fields: ['expires_at'] } }),
  );
  expect(() => assertFuture('expires_at', 6, 5)).not.toThrow();
});
