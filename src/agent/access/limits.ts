import { AppError } from '../../shared/contract/index.ts';
import type { Clock } from '../kernel/clock.ts';

/** What a key may spend; null is no limit. */
export interface KeyLimits {
  readonly perMinute: number | null;
  readonly dailyTokens: number | null;
}

const SECONDS = 60;
const DAY_MS = 86_400_000;

/**
 * How many calls came in the last sixty seconds, to the second: at most the limit in any such minute, in sixty numbers
 * however high the limit is.
 */
export class MinuteWindow {
  readonly #counts = new Uint32Array(SECONDS);
  #second = 0;
  #total = 0;

  /** @param now milliseconds. @returns whether the call may come; one that may not is not counted. */
  take(limit: number, now: number): boolean {
    this.#moveTo(Math.floor(now / 1000));
    if (this.#total >= limit) return false;
    this.#counts[this.#second % SECONDS]! += 1;
    this.#total += 1;
    return true;
  }

  get total(): number {
    return this.#total;
  }

  /** Seconds until fewer than `limit` calls lie in the window. */
  secondsUntilFree(limit: number): number {
    let over = this.#total - limit;
    for (let ago = SECONDS - 1; ago >= 0; ago -= 1) {
      over -= this.#counts[(this.#second - ago + SECONDS) % SECONDS]!;
      if (over < 0) return SECONDS - ago;
    }
    return SECONDS;
  }

  /** Seconds until the window is empty. */
  secondsUntilEmpty(): number {
    for (let ago = 0; ago < SECONDS; ago += 1)
      if (this.#counts[(this.#second - ago + SECONDS) % SECONDS]! > 0) return SECONDS - ago;
    return 0;
  }

  /** Seconds that have left the window are emptied. A clock that was set back starts a new window: waiting for it would shut the key out. */
  #moveTo(second: number): void {
    const steps = second - this.#second;
    if (steps === 0) return;
    if (steps < 0 || steps >= SECONDS) {
      this.#counts.fill(0);
      this.#total = 0;
    } else {
      for (let at = this.#second + 1; at <= second; at += 1) {
        this.#total -= this.#counts[at % SECONDS]!;
        this.#counts[at % SECONDS] = 0;
      }
    }
    this.#second = second;
  }
}

export interface Verdict {
  readonly refusal: AppError | null;
  /** As OpenAI names them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const NOTHING: Verdict = { refusal: null, headers: [] };

/** The limits of keys on calls to the gateway: calls a minute in memory, tokens a UTC day from what was recorded. */
export class Limits {
  readonly #clock: Clock;
  readonly #windows = new Map<string, MinuteWindow>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a call against the limits of whoever shares `root`, or refuses it with `rate_limited`. A call that starts
   * below the budget is answered to its end: what it will cost nobody knows before.
   * @param tokensToday asked only where there is a budget; null for a call that costs no tokens.
   */
  admit(root: string, limits: KeyLimits, tokensToday: (() => number) | null): Verdict {
    const now = this.#clock.now();
    if (limits.perMinute === null) {
      this.#windows.delete(root);
      if (limits.dailyTokens === null) return NOTHING;
    }
    if (limits.dailyTokens !== null && tokensToday !== null && tokensToday() >= limits.dailyTokens)
      return { refusal: budgetSpent(limits.dailyTokens, now), headers: [] };
    return limits.perMinute === null ? NOTHING : this.#rate(root, limits.perMinute, now);
  }

  #rate(root: string, limit: number, now: number): Verdict {
    let window = this.#windows.get(root);
    if (window === undefined) {
      window = new MinuteWindow();
      this.#windows.set(root, window);
    }
    const taken = window.take(limit, now);
    const headers = [
      ['x-ratelimit-limit-requests', String(limit)],
      ['x-ratelimit-remaining-requests', String(Math.max(0, limit - window.total))],
      ['x-ratelimit-reset-requests', duration(window.secondsUntilEmpty())],
    ] as const;
    if (taken) return { refusal: null, headers };
    const wait = window.secondsUntilFree(limit);
    const refusal = new AppError(
      'rate_limited',
      `This key may make ${limit} ${limit === 1 ? 'call' : 'calls'} a minute, and has made them.`,
      {
        hint: `Try again in ${wait} ${wait === 1 ? 'second' : 'seconds'}, or ask a superadmin for a higher limit.`,
        details: { reason: 'rate_limit', limit, retry_after_seconds: wait },
      },
    );
    return { refusal, headers };
  }
}

function budgetSpent(budget: number, now: number): AppError {
  const wait = Math.ceil((DAY_MS - (now % DAY_MS)) / 1000);
  return new AppError('rate_limited', `The ${budget} tokens that this key may use in a day are used.`, {
    hint: 'Counting starts again at midnight UTC. A superadmin can raise the budget.',
    details: { reason: 'token_budget', limit: budget, retry_after_seconds: wait },
  });
}

/** As OpenAI writes it: `1s`, `1m0s`. */
function duration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
