import { open, type FileHandle } from 'node:fs/promises';

/** Bytes that can be read at any place: a local file now, a remote one with ranges later. */
export interface ByteSource {
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer only at the end. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Buffer>;
}

export class FileSource implements ByteSource, AsyncDisposable {
  readonly size: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  static async open(path: string): Promise<FileSource> {
    const file = await open(path, 'r');
    try {
      return new FileSource(file, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async read(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - offset)));
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await this.#file.read(buffer, done, buffer.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return buffer.subarray(0, done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Sequential reading with a window, so that a header of a few MiB costs a few reads. */
export class Cursor {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  position = 0;

  constructor(source: ByteSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** Exactly `length` bytes. @throws {EndOfFileError} when the file is shorter. */
  async take(length: number): Promise<Buffer> {
    if (this.position + length > this.#source.size)
      throw new EndOfFileError(this.position, length, this.#source.size);
    const start = this.position - this.#windowStart;
    if (start < 0 || start + length > this.#window.length) {
      this.#window = await this.#source.read(this.position, Math.max(length, WINDOW_BYTES), this.#signal);
      this.#windowStart = this.position;
      if (this.#window.length < length) throw new EndOfFileError(this.position, length, this.#source.size);
    }
    const from = this.position - this.#windowStart;
    this.position += length;
    return this.#window.subarray(from, from + length);
  }

  /** @throws {EndOfFileError} when that is beyond the end. */
  skip(length: number): void {
    if (this.position + length > this.#source.size)
      throw new EndOfFileError(this.position, length, this.#source.size);
    this.position += length;
  }

  async u32(): Promise<number> {
    return (await this.take(4)).readUInt32LE(0);
  }

  /** A 64-bit count. @throws {RangeError} beyond 2^53, which no real file has. */
  async u64(): Promise<number> {
    const value = (await this.take(8)).readBigUInt64LE(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`a length of ${value} bytes`);
    return Number(value);
  }
}

const WINDOW_BYTES = 1024 * 1024;

export class EndOfFileError extends Error {
  readonly at: number;
  readonly size: number;
  constructor(at: number, length: number, size: number) {
    super(`wanted ${length} bytes at ${at}, the file has ${size}`);
    this.name = 'EndOfFileError';
    this.at = at;
    this.size = size;
  }
}
