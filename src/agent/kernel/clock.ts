/** The time, as a port: tests and replays set their own. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when the system clock is set. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Being woken later, as a port. Runs by the time that passes, whatever the clock is set to meanwhile. */
export interface Timers {
  /** @returns what calls it off. A timer alone keeps no process alive. */
  after(ms: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The wire form of a stored time. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

export function toIsoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}
