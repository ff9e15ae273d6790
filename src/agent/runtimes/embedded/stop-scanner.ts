/** Finds stop texts in a text that arrives in pieces, and holds back what may be the start of one. Pure but for its state. */
export class StopScanner {
  readonly #stops: readonly string[];
  readonly #longest: number;
  #held = '';
  stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
    this.#longest = Math.max(0, ...stops.map((stop) => stop.length));
  }

  /** @returns what can be passed on now. */
  push(piece: string): string {
    if (this.stopped) return '';
    const text = this.#held + piece;
    const hits = this.#stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (hits.length > 0) {
      this.stopped = true;
      this.#held = '';
      return text.slice(0, Math.min(...hits));
    }
    const keep = this.#possibleStart(text);
    this.#held = text.slice(text.length - keep);
    return text.slice(0, text.length - keep);
  }

  /** What was held back and is no stop after all. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  #possibleStart(text: string): number {
    for (let length = Math.min(this.#longest - 1, text.length); length > 0; length -= 1) {
      const tail = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return length;
    }
    return 0;
  }
}
