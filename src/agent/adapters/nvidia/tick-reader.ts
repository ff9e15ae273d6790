import type { LiveField } from './fields.ts';
import { liveReadingOf, type LiveReading } from './readings.ts';
import { rowOf } from './values.ts';

/** All cards at one moment. */
export type Tick = readonly LiveReading[];

/**
 * Groups the lines of a looping query into ticks. A tick is whole when it has as many cards as are known, or when a
 * card comes again or an earlier one follows: then one is missing. Pure: no clock, no I/O.
 */
export class TickReader {
  readonly #fields: readonly LiveField[];
  readonly #expected: number;
  readonly #onTick: (tick: Tick) => void;
  readonly #onGarbage: (line: string) => void;
  #rest = '';
  #tick: LiveReading[] = [];

  constructor(options: {
    fields: readonly LiveField[];
    /** How many cards a whole tick has. */
    expected: number;
    onTick: (tick: Tick) => void;
    onGarbage: (line: string) => void;
  }) {
    this.#fields = options.fields;
    this.#expected = options.expected;
    this.#onTick = options.onTick;
    this.#onGarbage = options.onGarbage;
  }

  push(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    // A program that never ends its line is not nvidia-smi.
    if (this.#rest.length > MAX_LINE) {
      this.#onGarbage(this.#rest.slice(0, MAX_LINE));
      this.#rest = '';
    }
    for (const line of lines) this.#line(line.trim());
  }

  #line(line: string): void {
    if (line === '') return;
    const row = rowOf(line, this.#fields);
    const reading = row === null ? null : liveReadingOf(row);
    if (reading === null) {
      this.#onGarbage(line);
      return;
    }
    const last = this.#tick.at(-1);
    if (last !== undefined && reading.index <= last.index) this.#flush();
    this.#tick.push(reading);
    if (this.#tick.length >= this.#expected) this.#flush();
  }

  #flush(): void {
    const tick = this.#tick;
    this.#tick = [];
    if (tick.length > 0) this.#onTick(tick);
  }
}

const MAX_LINE = 64 * 1024;
