import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { uptime } from 'node:os';
import type { Clock } from '../kernel/clock.ts';
import { xidOf, type Xid } from './xid.ts';

/** The kernel gives one record for each read of at most this much. */
const RECORD_BYTES = 8192;
/** Records of one poll; the rest waits for the next. */
const RECORDS_AT_ONCE = 4000;

/**
 * XID errors in the kernel's log. `/dev/kmsg` gives everything since the machine started and then whatever comes; it
 * is read without waiting, when somebody polls.
 */
export class KernelLog {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #onXid: (xid: Xid) => void;
  readonly #bootedAt: number;
  #handle: FileHandle | null = null;
  #reading: Promise<void> | null = null;
  #polledAt = 0;
  #closed = false;
  #rest = '';
  /** Why it cannot be read; null while it can, and before the first try. */
  problem: string | null = null;

  constructor(deps: { path: string; clock: Clock; everyMs: number; onXid: (xid: Xid) => void }) {
    this.#path = deps.path;
    this.#clock = deps.clock;
    this.#everyMs = deps.everyMs;
    this.#onXid = deps.onXid;
    this.#bootedAt = deps.clock.now() - uptime() * 1000;
  }

  /** Reads what is new, unless that was done a moment ago. Does not wait for it. */
  poll(): void {
    const now = this.#clock.now();
    if (this.#closed || this.#reading !== null || Math.abs(now - this.#polledAt) < this.#everyMs) return;
    this.#polledAt = now;
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
    await this.#handle?.close().catch(() => undefined);
    this.#handle = null;
  }

  async #read(): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      this.problem = null;
      await this.#records(this.#handle);
    } catch (error) {
      this.problem = whyUnreadable(this.#path, error as NodeJS.ErrnoException);
      await this.#handle?.close().catch(() => undefined);
      this.#handle = null;
    }
  }

  async #records(handle: FileHandle): Promise<void> {
    const buffer = Buffer.alloc(RECORD_BYTES);
    for (let i = 0; i < RECORDS_AT_ONCE && !this.#closed; i += 1) {
      let bytesRead: number;
      try {
        ({ bytesRead } = await handle.read(buffer, 0, RECORD_BYTES, null));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // Nothing new; or records were overwritten before they were read, and reading goes on behind the gap.
        if (code === 'EAGAIN') return;
        if (code === 'EPIPE') continue;
        throw error;
      }
      if (bytesRead === 0) return;
      this.#take(buffer.toString('utf8', 0, bytesRead));
    }
  }

  /** The device gives whole records; a file may break one. */
  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const xid = xidOf(line, this.#bootedAt);
      if (xid !== null) this.#onXid(xid);
    }
  }
}

function whyUnreadable(path: string, { code }: NodeJS.ErrnoException): string {
  if (code === 'EPERM' || code === 'EACCES')
    return `The user of the agent may not read the kernel's log (${path}), so XID errors are not seen. Allow it with: sudo sysctl kernel.dmesg_restrict=0`;
  if (code === 'ENOENT')
    return process.platform === 'linux'
      ? `There is no ${path} here, so XID errors are not seen. In a container it has to be given: --device /dev/kmsg`
      : 'XID errors are seen on Linux only.';
  return `The kernel's log (${path}) cannot be read (${code ?? 'unknown'}), so XID errors are not seen.`;
}
