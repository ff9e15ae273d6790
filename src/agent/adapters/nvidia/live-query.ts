import { spawn, type ChildProcess } from 'node:child_process';
import type { Timers } from '../../kernel/clock.ts';
import { garbageProblem, hungProblem, problemOf, type DriverProblem } from './driver-state.ts';
import type { AskedField, LiveField } from './fields.ts';
import { kill, processorMs, programEnvironment } from './program-call.ts';
import { TickReader, type Tick } from './tick-reader.ts';

/** Ticks without a line until it counts as hanging. */
const SILENT_TICKS = 5;
/** The first line waits for the driver, which may take seconds without persistence mode. */
const FIRST_LINE_MS = 20_000;
const GARBAGE_LINES = 20;
const KEPT_TEXT = 4000;

export interface LiveQueryOptions {
  readonly path: string;
  readonly asked: readonly AskedField<LiveField>[];
  /** Only these cards; all without. */
  readonly ids: readonly string[];
  readonly expected: number;
  readonly intervalMs: number;
  readonly firstLineMs?: number | undefined;
  readonly timers: Timers;
  readonly onTick: (tick: Tick) => void;
  /** It ended, and not because of `stop()`. Told once. */
  readonly onEnd: (problem: DriverProblem) => void;
}

/**
 * One nvidia-smi that goes on answering, so that the driver is opened once and not for every look. A watchdog ends it
 * when it falls silent.
 */
export class LiveQuery {
  readonly intervalMs: number;
  readonly #options: LiveQueryOptions;
  readonly #child: ChildProcess;
  readonly #cancelTimer: () => void;
  #text = '';
  #garbage = 0;
  #ticks = 0;
  #seenTicks = 0;
  #silent = 0;
  #over = false;

  constructor(options: LiveQueryOptions) {
    this.#options = options;
    this.intervalMs = options.intervalMs;
    const { path, asked, ids } = options;
    this.#child = spawn(
      path,
      [
        `--query-gpu=${asked.map(({ name }) => name).join(',')}`,
        '--format=csv,noheader,nounits',
        ...(ids.length === 0 ? [] : [`--id=${ids.join(',')}`]),
        '-lms',
        String(options.intervalMs),
      ],
      { env: programEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true },
    );
    const reader = new TickReader({
      fields: asked.map(({ field }) => field),
      expected: options.expected,
      onTick: (tick) => {
        this.#ticks += 1;
        this.#garbage = 0;
        if (!this.#over) options.onTick(tick);
      },
      onGarbage: (line) => this.#takeGarbage(line),
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => reader.push(chunk));
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => this.#keep(chunk));
    this.#child.once('error', (error) =>
      this.#end(problemOf({ code: null, text: `it cannot be started (${error.message})` })),
    );
    this.#child.once('close', (code) => this.#end(problemOf({ code, text: this.#text })));
    let cancel = options.timers.after(options.intervalMs, () => watch());
    const watch = (): void => {
      this.#watch();
      if (!this.#over) cancel = options.timers.after(options.intervalMs, watch);
    };
    this.#cancelTimer = () => cancel();
  }

  /** Processor time that the program has used so far, in milliseconds; null where the system does not say. */
  async costMs(): Promise<number | null> {
    return this.#child.pid === undefined ? null : processorMs(this.#child.pid, 'process');
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** Ends it; nothing is told any more. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer();
    kill(this.#child);
  }

  #watch(): void {
    if (this.#ticks > this.#seenTicks) {
      this.#seenTicks = this.#ticks;
      this.#silent = 0;
      return;
    }
    this.#silent += 1;
    const { firstLineMs = FIRST_LINE_MS } = this.#options;
    const patience =
      this.#ticks === 0 ? Math.max(SILENT_TICKS, Math.ceil(firstLineMs / this.intervalMs)) : SILENT_TICKS;
    if (this.#silent < patience) return;
    const seconds = Math.max(1, Math.round((patience * this.intervalMs) / 1000));
    this.#end(this.#garbage > 0 ? garbageProblem(this.#text) : hungProblem(seconds));
  }

  #takeGarbage(line: string): void {
    this.#garbage += 1;
    this.#keep(`${line}\n`);
    if (this.#garbage >= GARBAGE_LINES) this.#end(garbageProblem(this.#text));
  }

  #keep(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_TEXT);
  }

  #end(problem: DriverProblem): void {
    if (this.#over) return;
    this.stop();
    this.#options.onEnd(problem);
  }
}
