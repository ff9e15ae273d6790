import { PassThrough, type Readable } from 'node:stream';
import { AppError } from '../../../shared/contract/index.ts';
import type { ContainerExec } from '../../adapters/docker/index.ts';

/** Bytes kept for a reader that is slow or not there yet; then the program has to wait. */
const BUFFER_BYTES = 256 * 1024;

export interface TerminalOptions {
  readonly id: string;
  readonly slotId: string;
  /** Who opened it; nobody else may touch it. */
  readonly principalId: string;
  readonly exec: ContainerExec;
  /** Nobody reads it for this long, or nothing goes in or out: it ends. */
  readonly unreadMs: number;
  readonly idleMs: number;
  readonly onEnd: () => void;
}

/** One terminal in a container, passed through by the agent: one reader, bounded memory, and an end that always comes. */
export class Terminal {
  readonly id: string;
  readonly slotId: string;
  readonly principalId: string;
  readonly ended: Promise<void>;
  readonly #options: TerminalOptions;
  readonly #output = new PassThrough({ highWaterMark: BUFFER_BYTES });
  readonly #end = Promise.withResolvers<void>();
  #isRead = false;
  #isOver = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.id = options.id;
    this.slotId = options.slotId;
    this.principalId = options.principalId;
    this.ended = this.#end.promise;
    const { stream } = options.exec;
    stream.on('data', () => this.#awake());
    // The connection broke, or the container went: that is an end like any other.
    stream.on('error', () => this.close());
    stream.once('end', () => this.close());
    stream.once('close', () => this.close());
    stream.pipe(this.#output);
    this.#expect(options.unreadMs);
  }

  /** What it prints, from the first byte, until it ends. @throws {AppError} `conflict` when somebody reads it already. */
  read(): Readable {
    if (this.#isRead) {
      throw new AppError('conflict', 'This terminal has a reader already.', {
        hint: 'Open another terminal.',
      });
    }
    this.#isRead = true;
    this.#awake();
    // A terminal that nobody sees is not left open.
    this.#output.once('close', () => this.close());
    return this.#output;
  }

  write(data: string): void {
    this.#awake();
    if (!this.#isOver) this.#options.exec.stream.write(data);
  }

  async resize(columns: number, rows: number): Promise<void> {
    if (!this.#isOver) await this.#options.exec.resize(columns, rows);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { stream } = this.#options.exec;
    stream.unpipe(this.#output);
    stream.destroy();
    this.#output.end();
    this.#options.onEnd();
    this.#end.resolve();
  }

  #awake(): void {
    if (this.#isRead && !this.#isOver) this.#expect(this.#options.idleMs);
  }

  #expect(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), ms);
    this.#timer.unref();
  }
}
