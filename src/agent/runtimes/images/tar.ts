import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { AppError } from '../../../shared/contract/index.ts';

/** Just enough of the tar format (POSIX ustar with pax and GNU names) to look into an archive without unpacking it. */

const BLOCK = 512;
/** Names longer than a header has room for; more would be no name. */
const NAME_LIMIT = 64 * 1024;

export interface TarEntry {
  /** Without a leading `./`. */
  readonly name: string;
  readonly type: 'file' | 'link' | 'directory' | 'other';
  readonly size: number;
  /** What a link points at, as written. */
  readonly linkName: string;
}

/** Reads forwards through an archive. */
export interface TarCursor {
  /** The next bytes; fewer at the end. */
  take(count: number): Promise<Buffer>;
  skip(count: number): Promise<void>;
}

/** Decodes one header block. @returns null when it is no header: wrong checksum. Pure. */
export function parseTarHeader(block: Buffer): (TarEntry & { readonly flag: string }) | null {
  if (block.length < BLOCK) return null;
  let sum = 0;
  for (let i = 0; i < BLOCK; i += 1) sum += i >= 148 && i < 156 ? 32 : (block[i] ?? 0);
  if (octal(block.subarray(148, 156)) !== sum) return null;
  const text = (from: number, to: number): string => {
    const part = block.subarray(from, to);
    const end = part.indexOf(0);
    return part.toString('utf8', 0, end === -1 ? part.length : end);
  };
  const flag = String.fromCharCode(block[156] ?? 0).replace('\0', '0');
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  const name = text(0, 100);
  return {
    name: plain(prefix === '' ? name : `${prefix}/${name}`),
    type:
      flag === '0' ? 'file' : flag === '1' || flag === '2' ? 'link' : flag === '5' ? 'directory' : 'other',
    size: number(block.subarray(124, 136)),
    linkName: text(157, 257),
    flag,
  };
}

/**
 * Walks over an archive. `take` of an entry's own bytes has to happen before the next step, and at most once.
 * @throws {AppError} `unsupported_format` when it is no tar, or ends in the middle.
 */
export async function* walkTar(
  cursor: TarCursor,
): AsyncGenerator<{ readonly entry: TarEntry; readonly read: () => Promise<Buffer> }> {
  let longName: string | null = null;
  let paxSize: number | null = null;
  for (let count = 0; ; count += 1) {
    const block = await cursor.take(BLOCK);
    if (block.length === 0 && count > 0) return;
    if (block.length === BLOCK && block.every((byte) => byte === 0)) return;
    const header = parseTarHeader(block);
    if (header === null) throw count === 0 ? notTar() : broken('between two files');
    const size = paxSize ?? header.size;
    if (header.flag === 'L' || header.flag === 'x' || header.flag === 'g') {
      if (size > NAME_LIMIT) throw broken('in a name');
      const data = await takeWhole(cursor, size, header.name);
      if (header.flag === 'L') longName = data.toString('utf8').replace(/\0.*$/s, '');
      if (header.flag === 'x') {
        const pax = parsePax(data);
        longName = pax.get('path') ?? longName;
        const large = pax.get('size');
        paxSize = large === undefined ? null : Number(large);
      }
      continue;
    }
    const { flag: _flag, ...rest } = header;
    const entry = { ...rest, name: longName === null ? header.name : plain(longName), size };
    longName = null;
    paxSize = null;
    let taken = false;
    yield {
      entry,
      read: async () => {
        taken = true;
        return takeWhole(cursor, size, entry.name);
      },
    };
    if (!taken) await cursor.skip(padded(size));
  }
}

/** A file that is not compressed: what is not read is not touched, so gigabytes take no time. */
export class FileCursor implements TarCursor {
  readonly #file: FileHandle;
  readonly #size: number;
  #position = 0;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string): Promise<FileCursor & AsyncDisposable> {
    const file = await open(path, 'r');
    const cursor = new FileCursor(file, (await file.stat()).size);
    return Object.assign(cursor, { [Symbol.asyncDispose]: () => file.close() });
  }

  async take(count: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.min(count, Math.max(0, this.#size - this.#position)));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#file.read(
        buffer,
        filled,
        buffer.length - filled,
        this.#position + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#position += count;
    return buffer.subarray(0, filled);
  }

  async skip(count: number): Promise<void> {
    this.#position += count;
    // The padding of the last file may be missing; its bytes may not.
    if (this.#position > this.#size + BLOCK) throw broken('in the middle of a file');
  }
}

/** A stream, for archives that are compressed. */
export class StreamCursor implements TarCursor {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0 && (await this.#fill())) {
      const part = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    let missing = count;
    while (missing > 0 && (await this.#fill())) {
      const part = Math.min(missing, this.#held.length);
      this.#held = this.#held.subarray(part);
      missing -= part;
    }
    if (missing >= BLOCK) throw broken('in the middle of a file');
  }

  async #fill(): Promise<boolean> {
    while (this.#held.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#held = next.value;
    }
    return true;
  }
}

/** One file as tar keeps it: header, content, padding. Pure. */
export function tarFile(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc(padded(content.length) - content.length)]);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

async function takeWhole(cursor: TarCursor, size: number, name: string): Promise<Buffer> {
  const data = await cursor.take(size);
  if (data.length < size) throw broken(`in the middle of ${name}`);
  await cursor.skip(padded(size) - size);
  return data;
}

function plain(name: string): string {
  return name.replace(/^(\.\/)+/, '');
}

function octal(bytes: Buffer): number {
  const text = bytes
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** Octal, or binary with the top bit set for what octal has no room for. */
function number(bytes: Buffer): number {
  if (((bytes[0] ?? 0) & 0x80) === 0) return octal(bytes);
  let value = 0;
  for (const byte of bytes.subarray(4)) value = value * 256 + byte;
  return value;
}

function parsePax(data: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const length = space === -1 ? Number.NaN : Number(data.toString('latin1', at, space));
    if (!(length > 0)) break;
    const record = data.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

function notTar(): AppError {
  return new AppError('unsupported_format', 'This file is no tar archive.', {
    hint: 'Give a file that `docker save` or `modelops images export` made.',
    details: { reason: 'not_tar' },
  });
}

function broken(where: string): AppError {
  return new AppError('unsupported_format', `The archive is cut or damaged: it ends ${where}.`, {
    hint: 'Copy the file again and compare its size with the original.',
    details: { reason: 'truncated' },
  });
}
