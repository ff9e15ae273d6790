import { useSyncExternalStore } from 'react';

/** One clock for all ages on a page, so that they change together. */

type Tick = () => void;

class Ticker {
  readonly #every: number;
  readonly #listeners = new Set<Tick>();
  #timer: ReturnType<typeof setInterval> | null = null;
  now = Date.now();

  constructor(every: number) {
    this.#every = every;
  }

  readonly subscribe = (listener: Tick): (() => void) => {
    this.#listeners.add(listener);
    this.now = Date.now();
    this.#timer ??= setInterval(() => {
      this.now = Date.now();
      for (const one of this.#listeners) one();
    }, this.#every);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    };
  };

  readonly read = (): number => this.now;
}

const tickers = new Map<number, Ticker>();

function ticker(every: number): Ticker {
  let found = tickers.get(every);
  if (found === undefined) {
    found = new Ticker(every);
    tickers.set(every, found);
  }
  return found;
}

const never = (): (() => void) => () => undefined;

/** The time, renewed every so many milliseconds; null stands still. */
export function useNow(every: number | null = 1000): number {
  const source = every === null ? null : ticker(every);
  return useSyncExternalStore(source?.subscribe ?? never, source?.read ?? still);
}

function still(): number {
  return 0;
}
