/** Bytes a second over a window that falls to 0 when nothing moves, and what is left at that rate. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #samples: { at: number; bytes: number }[] = [];
  #startedAt: number | null = null;

  constructor(windowMs = 5000, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** `eta_seconds` is null until the rate was steady for a window. */
  sample(bytesDone: number, bytesTotal: number): { bytes_per_second: number; eta_seconds: number | null } {
    const at = this.#now();
    this.#startedAt ??= at;
    this.#samples.push({ at, bytes: bytesDone });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > this.#windowMs)
      this.#samples.shift();
    const first = this.#samples[0];
    const elapsed = first === undefined ? 0 : (at - first.at) / 1000;
    const rate = elapsed <= 0 || first === undefined ? 0 : Math.max(0, (bytesDone - first.bytes) / elapsed);
    const steady = at - this.#startedAt >= this.#windowMs;
    return {
      bytes_per_second: Math.round(rate),
      eta_seconds: steady && rate > 0 ? Math.ceil((bytesTotal - bytesDone) / rate) : null,
    };
  }
}
