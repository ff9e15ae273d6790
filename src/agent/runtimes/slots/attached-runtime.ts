import type { Pool } from 'undici';
import type { ExitInfo, LogLine, RunningRuntime } from '../drivers/driver.ts';
import { SlotEndpoint } from './endpoint.ts';
import { LogBuffer, type NumberedLine } from './log-buffer.ts';

const BACKLOG_LINES = 5000;
/** The end of a container and the end of its log come over different connections. */
const LOG_END_MS = 2000;

export interface AttachOptions {
  readonly pool: Pool;
  readonly logPath: string;
  readonly onLine: (line: NumberedLine) => void;
  readonly onExit: () => void;
  /** The gateway could not reach it. */
  readonly onFailure: () => void;
}

/** A running attempt in the hands of its slot: its log, its connections, its end. */
export class AttachedRuntime {
  readonly running: RunningRuntime;
  readonly pool: Pool;
  readonly #options: AttachOptions;
  readonly #opened: Promise<LogBuffer>;
  readonly #logEnded: Promise<unknown>;
  #buffer: LogBuffer | null = null;
  readonly #following = new AbortController();
  #endpoint: SlotEndpoint | null = null;
  #exit: ExitInfo | null = null;

  constructor(running: RunningRuntime, options: AttachOptions) {
    this.running = running;
    this.pool = options.pool;
    this.#options = options;
    this.#opened = LogBuffer.open(options.logPath).catch(() => new LogBuffer(options.logPath));
    // How the log ends says nothing; how the runtime ends is told by `exited`.
    this.#logEnded = this.#follow().catch(() => undefined);
    void running.exited.then((exit) => {
      this.#exit = exit;
      options.onExit();
    });
  }

  /** How it ended; null while it runs. */
  get exit(): ExitInfo | null {
    return this.#exit;
  }

  get endpoint(): SlotEndpoint | null {
    return this.#endpoint;
  }

  /** Opens it to the gateway. */
  serve(identity: string, refusedParameters: readonly string[]): void {
    this.#endpoint = new SlotEndpoint({
      slotId: this.running.slotId,
      modelId: this.running.modelId,
      runtimeModelId: this.running.modelId,
      runtimeIdentity: identity,
      refusedParameters,
      pool: this.pool,
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

  /** After its end: until the last line was read, or for two seconds. */
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
    const onLine = (line: LogLine): void => {
      const kept = buffer.push(line);
      if (kept !== null) this.#options.onLine(kept);
    };
    await this.running.follow(onLine, BACKLOG_LINES, this.#following.signal);
  }
}
