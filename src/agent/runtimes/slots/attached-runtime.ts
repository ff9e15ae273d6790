import type { Pool } from 'undici';
import type { ExitInfo, RunningRuntime } from '../drivers/driver.ts';
import { SlotEndpoint } from './endpoint.ts';
import { LogBuffer, type NumberedLine } from './log-buffer.ts';

const BACKLOG_LINES = 1000;

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
  readonly #buffer: LogBuffer;
  readonly #following = new AbortController();
  #endpoint: SlotEndpoint | null = null;
  #exit: ExitInfo | null = null;

  constructor(running: RunningRuntime, options: AttachOptions) {
    this.running = running;
    this.pool = options.pool;
    this.#options = options;
    this.#buffer = new LogBuffer(options.logPath);
    // How the log ends says nothing; how the runtime ends is told by `exited`.
    running
      .follow((line) => options.onLine(this.#buffer.push(line)), BACKLOG_LINES, this.#following.signal)
      .catch(() => undefined);
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
    return this.#buffer.tail(count);
  }

  /** Lets go of it without ending it. */
  async detach(): Promise<void> {
    this.#following.abort();
    await this.pool.destroy();
    this.#buffer.close();
  }
}
