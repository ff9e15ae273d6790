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
  readonly #onWaiting: (() => void)[] = [];

  constructor(start = Date.now()) {
    this.#wall = start;
  }

  now(): number {
    return this.#wall;
  }

  after(ms: number, run: () => void): () => void {
    const waiting = { at: this.#passed + ms, run };
    this.#waiting.add(waiting);
    for (const tell of this.#onWaiting.splice(0)) tell();
    return () => this.#waiting.delete(waiting);
  }

  /** Resolves when somebody waits to be woken: what was woken before is done. */
  async quiet(): Promise<void> {
    if (this.#waiting.size > 0) return;
    await new Promise<void>((resolve) => this.#onWaiting.push(resolve));
  }

  /** Time passes at once, as for a machine that slept; then whatever waited is woken. Resolves when that is done. */
  async pass(ms: number): Promise<void> {
    await this.quiet();
    this.wakeAfter(ms);
    await this.quiet();
  }

  /** The same without waiting for the end of what was woken. */
  wakeAfter(ms: number): void {
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
