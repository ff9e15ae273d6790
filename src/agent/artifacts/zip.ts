import { inflateRawSync } from 'node:zlib';
import type { ByteSource } from './byte-source.ts';

/** An entry of a ZIP archive as its central directory tells it, which is what Python's `zipfile` believes too. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 65_535;
const MAX_DIRECTORY = 64 * 1024 * 1024;
const MAX_32 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;

/** Lists an archive. Bounded by its directory. @returns null when this is no readable ZIP archive. */
export async function listZip(source: ByteSource, signal: AbortSignal): Promise<ZipEntry[] | null> {
  const directory = await findDirectory(source, signal);
  if (directory === null || directory.size > MAX_DIRECTORY || directory.offset + directory.size > source.size)
    return null;
  const bytes = await source.read(directory.offset, directory.size, signal);
  const entries: ZipEntry[] = [];
  for (let at = 0; at + 46 <= bytes.length && bytes.readUInt32LE(at) === CENTRAL;) {
    const nameLength = bytes.readUInt16LE(at + 28);
    const extraLength = bytes.readUInt16LE(at + 30);
    const commentLength = bytes.readUInt16LE(at + 32);
    const extraAt = at + 46 + nameLength;
    const wide = zip64(bytes.subarray(extraAt, extraAt + extraLength), {
      size: bytes.readUInt32LE(at + 24),
      compressedSize: bytes.readUInt32LE(at + 20),
      headerOffset: bytes.readUInt32LE(at + 42),
    });
    entries.push({
      name: bytes.toString('utf8', at + 46, extraAt),
      method: bytes.readUInt16LE(at + 10),
      ...wide,
    });
    at = extraAt + extraLength + commentLength;
  }
  return entries;
}

/** The bytes of an entry. @returns null when it is longer than `limit`, damaged, or packed in a way we do not know. */
export async function readZipEntry(
  source: ByteSource,
  entry: ZipEntry,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer | null> {
  if (entry.size > limit || entry.compressedSize > limit) return null;
  const header = await source.read(entry.headerOffset, 30, signal);
  if (header.length < 30 || header.readUInt32LE(0) !== LOCAL) return null;
  const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = await source.read(start, entry.compressedSize, signal);
  if (packed.length < entry.compressedSize) return null;
  if (entry.method === STORED) return packed;
  if (entry.method !== DEFLATED) return null;
  try {
    return inflateRawSync(packed, { maxOutputLength: limit });
  } catch {
    // Damaged, or larger than it says; both are told as "cannot be looked into".
    return null;
  }
}

async function findDirectory(
  source: ByteSource,
  signal: AbortSignal,
): Promise<{ offset: number; size: number } | null> {
  const length = Math.min(source.size, END_BYTES + MAX_COMMENT);
  const start = source.size - length;
  const tail = await source.read(start, length, signal);
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END) continue;
    const size = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    if (size !== MAX_32 && offset !== MAX_32) return { offset, size };
    return at >= 20 ? wideDirectory(source, tail.subarray(at - 20, at), signal) : null;
  }
  return null;
}

async function wideDirectory(
  source: ByteSource,
  locator: Buffer,
  signal: AbortSignal,
): Promise<{ offset: number; size: number } | null> {
  if (locator.readUInt32LE(0) !== END_64_LOCATOR) return null;
  const end = await source.read(Number(locator.readBigUInt64LE(8)), 56, signal);
  if (end.length < 56 || end.readUInt32LE(0) !== END_64) return null;
  return { offset: Number(end.readBigUInt64LE(48)), size: Number(end.readBigUInt64LE(40)) };
}

/** Sizes beyond 4 GiB stand in an extra field, in this order and only where the short field is full. */
function zip64<T extends Record<'size' | 'compressedSize' | 'headerOffset', number>>(
  extra: Buffer,
  short: T,
): T {
  const values: Record<string, number> = { ...short };
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      let field = at + 4;
      for (const key of ['size', 'compressedSize', 'headerOffset']) {
        if (values[key] !== MAX_32 || field + 8 > extra.length) continue;
        values[key] = Number(extra.readBigUInt64LE(field));
        field += 8;
      }
    }
    at += 4 + length;
  }
  return values as T;
}
