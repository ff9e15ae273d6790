import { describe, expect, it } from 'vitest';
import type { Key } from '../../../shared/contract/index.ts';
import { asNewKey, changesOf, endOf, formOf, limitOf, NEW_KEY_FORM, troubleOf } from './key-form.ts';
import { isLive, keyState } from './words.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const DAY = 86_400_000;

const KEY = {
  scopes: ['invoke', 'read'],
  expires_at: '2026-12-01T00:00:00.000Z',
  rate_limit_per_minute: 60,
  daily_token_budget: null,
  revoked_at: null,
  kind: 'api',
} as unknown as Key;

describe('the end of a key', () => {
  it.each([
    ['30', new Date(NOW + 30 * DAY).toISOString()],
    ['365', new Date(NOW + 365 * DAY).toISOString()],
    ['never', null],
  ] as const)('%s', (end, at) => {
    expect(endOf({ end, day: '' }, NOW)).toBe(at);
  });

  it('on a date is the end of that day, where the person is', () => {
    const at = endOf({ end: 'date', day: '2026-11-30' }, NOW);
    expect(new Date(at ?? '').toString()).toBe(new Date('2026-11-30T23:59:59').toString());
  });

  it.each(['', '2026-11-20', 'soon'])('is no date: "%s"', (day) => {
    expect(endOf({ end: 'date', day }, NOW)).toBeUndefined();
    expect(troubleOf({ ...NEW_KEY_FORM, end: 'date', day }, NOW)).toContain('day');
  });
});

describe('a limit as typed', () => {
  it.each([
    ['', null],
    ['60', 60],
    ['1,000,000', 1_000_000],
    ['0', undefined],
    ['-3', undefined],
    ['1.5', undefined],
    ['many', undefined],
  ])('"%s" is %s', (typed, limit) => {
    expect(limitOf(typed)).toBe(limit);
  });
});

describe('what is sent', () => {
  it('of a new key: calls models for 90 days, without a limit', () => {
    expect(asNewKey(NEW_KEY_FORM, NOW)).toEqual({
      scopes: ['invoke'],
      rate_limit_per_minute: null,
      daily_token_budget: null,
      expires_at: new Date(NOW + 90 * DAY).toISOString(),
    });
  });

  it('of an old one: nothing but what was changed', () => {
    const form = formOf(KEY);
    expect(changesOf(KEY, form, NOW)).toEqual({});
    expect(changesOf(KEY, { ...form, scopes: ['read', 'invoke'] }, NOW)).toEqual({});
    expect(changesOf(KEY, { ...form, end: 'never', rate: '', budget: '5000' }, NOW)).toEqual({
      expires_at: null,
      rate_limit_per_minute: null,
      daily_token_budget: 5000,
    });
  });

  it('is nothing without a scope', () => {
    expect(troubleOf({ ...NEW_KEY_FORM, scopes: [] }, NOW)).toBe('Choose at least one scope.');
  });
});

describe('how a key stands', () => {
  it.each([
    [{}, 'live', '2026-12-01T00:00:00.000Z'],
    [{}, 'soon', '2026-11-24T00:00:00.000Z'],
    [{}, 'ended', '2026-11-21T12:00:00.000Z'],
    [{ revoked_at: '2026-11-01T00:00:00.000Z' }, 'revoked', null],
    [{ kind: 'session' }, 'live', '2026-11-21T20:00:00.000Z'],
    [{}, 'live', null],
  ] as const)('%o is %s until %s', (more, state, expires) => {
    const key = { ...KEY, ...more, expires_at: expires };
    expect(keyState(key, NOW)).toBe(state);
    expect(isLive(key, NOW)).toBe(state === 'live' || state === 'soon');
  });
});
