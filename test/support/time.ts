import type { Clock, Timers } from '../../src/agent/kernel/clock.ts';

interface Waiting {
  readonly at: number;
  readonly run: () => void;
}

/** A clock and timers that move only when a test says so. */
export class TestTime implements Clock, Timers {
  #wall: number;
  #passed = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(start = Date.now()) {
    this.#wall = start;
  }

  now(): number {
    return this.#wall;
  }

  after(ms: number, run: () => void): () => void {
    const waiting = { at: this.#passed + ms, run };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** Time passes at once, as for a machine that slept; then whatever waited is woken. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#passed += ms;
    const due = [...this.#waiting].filter(({ at }) => at <= this.#passed);
    for (const waiting of due.toSorted((a, b) => a.at - b.at)) {
      this.#waiting.delete(waiting);
      waiting.run();
    }
  }

  /** Somebody sets the clock; no time passes. */
  setBack(ms: number): void {
    this.#wall -= ms;
  }
}
