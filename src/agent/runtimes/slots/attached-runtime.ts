import type { Pool } from 'undici';
import type { SlotPhase } from '../../../shared/lifecycle/index.ts';
import type { ExitInfo, LogLine, RunningRuntime } from '../drivers/driver.ts';
import { EngineReport } from '../fit/engine-report.ts';
import type { RuntimeSpec } from '../specs/spec.ts';
import { SlotEndpoint } from './endpoint.ts';
import { LogBuffer, type NumberedLine } from './log-buffer.ts';
import type { RuntimeSettings } from './pending-changes.ts';
import { Progress } from './progress.ts';

const BACKLOG_LINES = 5000;
/** The end of a container and the end of its log come over different connections. */
const LOG_END_MS = 10_000;

export interface AttachOptions {
  readonly pool: Pool;
  readonly logPath: string;
  readonly milestones: RuntimeSpec['milestones'];
  readonly stallMs: number;
  readonly device: RuntimeSpec['device'];
  readonly probe: RuntimeSpec['probe'];
  /** What it was started with; null when nobody knows. */
  readonly settings: RuntimeSettings | null;
  readonly adopted: boolean;
  readonly now: () => number;
  readonly onLine: (runtime: AttachedRuntime, line: NumberedLine, isMilestone: boolean) => void;
  readonly onExit: (runtime: AttachedRuntime) => void;
  /** The gateway could not reach it. */
  readonly onFailure: () => void;
}

/** A running attempt in the hands of its slot: its log, its progress, its connections, its end. */
export class AttachedRuntime {
  readonly running: RunningRuntime;
  readonly pool: Pool;
  readonly progress: Progress;
  readonly settings: RuntimeSettings | null;
  readonly stallMs: number;
  readonly device: RuntimeSpec['device'];
  readonly probe: RuntimeSpec['probe'];
  /** Found running, and not probed since. */
  adopted: boolean;
  /** Of the wish it satisfies: that of its start, until a later wish turns out to need nothing else. */
  generation: number;
  /** What its engine says of memory. */
  readonly report = new EngineReport();
  phase: SlotPhase = 'starting';
  readonly since: number;
  readonly #options: AttachOptions;
  readonly #opened: Promise<LogBuffer>;
  readonly #logEnded: Promise<unknown>;
  #buffer: LogBuffer | null = null;
  readonly #following = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #endpoint: SlotEndpoint | null = null;
  #exit: ExitInfo | null = null;

  constructor(running: RunningRuntime, options: AttachOptions) {
    this.running = running;
    this.pool = options.pool;
    this.settings = options.settings;
    this.stallMs = options.stallMs;
    this.device = options.device;
    this.probe = options.probe;
    this.adopted = options.adopted;
    this.generation = running.generation;
    this.since = options.now();
    this.progress = new Progress(options.milestones, this.since);
    this.#options = options;
    this.#opened = LogBuffer.open(options.logPath).catch(() => new LogBuffer(options.logPath));
    // How the log ends says nothing; how the runtime ends is told by `exited`.
    this.#logEnded = this.#follow().catch(() => undefined);
    void running.exited.then((exit) => {
      this.#exit = exit;
      options.onExit(this);
    });
  }

  /** How it ended; null while it runs. */
  get exit(): ExitInfo | null {
    return this.#exit;
  }

  get endpoint(): SlotEndpoint | null {
    return this.#endpoint;
  }

  /** Resolves when its log says that it is ready; asking it is what decides. */
  get saysReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Opens it to the gateway. */
  serve(identity: string, refusedParameters: readonly string[]): void {
    this.adopted = false;
    this.phase = 'ready';
    this.progress.done(this.#options.now());
    this.#endpoint = new SlotEndpoint({
      slotId: this.running.slotId,
      modelId: this.running.modelId,
      runtimeModelId: this.running.modelId,
      runtimeIdentity: identity,
      refusedParameters,
      pool: this.pool,
      probe: this.probe,
      now: this.#options.now,
      onFailure: this.#options.onFailure,
    });
  }

  tail(count: number): NumberedLine[] {
    return this.#buffer?.tail(count) ?? [];
  }

  /** What came so far can be read from the file. */
  async flushLog(): Promise<void> {
    await (await this.#opened).flush();
  }

  /** After its end: until the last line was read, or for ten seconds: a busy engine is slow to tell. */
  async logEnd(): Promise<void> {
    const longEnough = new Promise((resolve) => setTimeout(resolve, LOG_END_MS).unref());
    await Promise.race([this.#logEnded, longEnough]);
  }

  /** Lets go of it without ending it. */
  async detach(): Promise<void> {
    this.#following.abort();
    void this.#endpoint?.drain();
    await this.pool.destroy();
    await (await this.#opened).close();
  }

  async #follow(): Promise<void> {
    const buffer = await this.#opened;
    this.#buffer = buffer;
    // What a former agent read of it is not told again, but its milestones were reached.
    for (const { text } of buffer.tail(BACKLOG_LINES)) this.progress.line(text, this.#options.now());
    const onLine = (line: LogLine): void => {
      const kept = buffer.push(line);
      if (kept !== null) this.#onLine(kept);
    };
    await this.running.follow(onLine, BACKLOG_LINES, this.#following.signal);
  }

  #onLine(line: NumberedLine): void {
    this.report.line(line.text);
    const isMilestone = this.progress.line(line.text, this.#options.now());
    if (isMilestone && this.progress.allReached) this.#ready.resolve();
    this.#options.onLine(this, line, isMilestone);
  }
}
