import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { Limits, MinuteWindow } from './limits.ts';

describe('the window of a minute', () => {
  it('never holds more than the limit in any sixty seconds, and never refuses below it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 }),
        (limit, gaps) => {
          const window = new MinuteWindow();
          const taken: number[] = [];
          let now = 1_700_000_000_000;
          for (const gap of gaps) {
            now += gap;
            const second = Math.floor(now / 1000);
            const inWindow = taken.filter((at) => second - at < 60).length;
            const may = window.take(limit, now);
            expect(may).toBe(inWindow < limit);
            if (may) taken.push(second);
            else {
              const wait = window.secondsUntilFree(limit);
              const after = (seconds: number): number =>
                taken.filter((at) => second + seconds - at < 60).length;
              expect(after(wait)).toBeLessThan(limit);
              expect(after(wait - 1)).toBeGreaterThanOrEqual(limit);
            }
          }
        },
      ),
    );
  });

  it('starts anew when the clock is set back', () => {
    const window = new MinuteWindow();
    const now = 1_700_000_000_000;
    expect([window.take(1, now), window.take(1, now)]).toEqual([true, false]);
    expect([window.take(1, now - 86_400_000), window.take(1, now - 86_400_000)]).toEqual([true, false]);
  });
});

describe('limits', () => {
  const at = (iso: string) => new Limits({ now: () => Date.parse(iso) });

  it('refuse with the time to wait, and tell what is left as OpenAI does', () => {
    const limits = at('2026-05-01T12:00:00Z');
    const admit = () => limits.admit('k', { perMinute: 2, dailyTokens: null }, null);
    expect(Object.fromEntries(admit().headers)).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-reset-requests': '1m0s',
    });
    expect(admit().refusal).toBeNull();
    expect(admit().refusal).toMatchObject({
      code: 'rate_limited',
      details: { reason: 'rate_limit', limit: 2, retry_after_seconds: 60 },
    });
    expect(limits.admit('other', { perMinute: 1, dailyTokens: null }, null).refusal).toBeNull();
  });

  it('end the budget of a day at midnight UTC', () => {
    const limits = at('2026-05-01T23:59:30Z');
    const budget = { perMinute: 1, dailyTokens: 100 };
    expect(limits.admit('k', budget, () => 100).refusal).toMatchObject({
      code: 'rate_limited',
      details: { reason: 'token_budget', limit: 100, retry_after_seconds: 30 },
    });
    expect(limits.admit('k', budget, () => 99).refusal).toBeNull();
    // What costs no tokens is not held up by the budget.
    expect(limits.admit('k', { perMinute: null, dailyTokens: 100 }, null).refusal).toBeNull();
  });

  it('ask for nothing where there are none', () => {
    const nobody = (): number => {
      throw new Error('asked');
    };
    expect(at('2026-05-01T00:00:00Z').admit('k', { perMinute: null, dailyTokens: null }, nobody)).toEqual({
      refusal: null,
      headers: [],
    });
  });
});
