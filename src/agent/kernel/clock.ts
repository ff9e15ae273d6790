/** The time, as a port: tests and replays set their own. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when the system clock is set. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** The wire form of a stored time. */
export function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

export function toIsoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}
