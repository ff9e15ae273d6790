import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * The durability barrier. SQLite runs with `synchronous=NORMAL`, so a commit writes the log without waiting for the
 * disk. Before a use case answers, it waits here for one `fdatasync` of the log on the thread pool; every commit that
 * waits at that moment shares it. The promise is that of `synchronous=FULL`, and the event loop is not stopped.
 */
export class DurabilityBarrier {
  readonly #wal: FileHandle;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  private constructor(wal: FileHandle) {
    this.#wal = wal;
  }

  /** Opens the log that must exist already, and makes its directory entry durable. */
  static async open(databasePath: string): Promise<DurabilityBarrier> {
    const wal = await open(`${databasePath}-wal`, 'r');
    const directory = await open(dirname(databasePath), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return new DurabilityBarrier(wal);
  }

  /** Resolves when everything committed before the call is on disk. Rejects when the disk said no. */
  wait(): Promise<void> {
    // A sync under way may have started before our commit was written; only the one after it covers us.
    if (this.#running === null) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  /** Bytes in the log, for deciding when to check-point. */
  async walBytes(): Promise<number> {
    return (await this.#wal.stat()).size;
  }

  async close(): Promise<void> {
    await this.#running?.catch(() => undefined);
    await this.#next?.catch(() => undefined);
    await this.#wal.close();
  }

  #startNext(): Promise<void> {
    this.#next = null;
    return this.#start();
  }

  #start(): Promise<void> {
    const run = this.#wal.datasync().finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }
}
