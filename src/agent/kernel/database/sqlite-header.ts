import { open, type FileHandle } from 'node:fs/promises';

/**
 * Reads the schema version of a SQLite database without opening it: nothing is created, recovered or locked, so a
 * database of a newer agent stays untouched. Format: https://www.sqlite.org/fileformat.html, sections 1.3 and 4.1.
 */
export interface DatabaseHeader {
  /** False when the file does not start with SQLite's magic. */
  readonly valid: boolean;
  readonly pageSize: number;
  /** Pages according to the header; 0 when the header does not know. */
  readonly pageCount: number;
  readonly fileSize: number;
  readonly userVersion: number;
  /** True when a write-ahead log holds committed pages that the main file does not have yet. */
  readonly hasWal: boolean;
}

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** @returns null when there is no file or it is empty. */
export async function readDatabaseHeader(path: string): Promise<DatabaseHeader | null> {
  const main = await openOrNull(path);
  if (main === null) return null;
  try {
    const fileSize = (await main.stat()).size;
    const wal = await readWalPageOne(`${path}-wal`);
    if (fileSize === 0 && wal === null) return null;
    const own = await readAt(main, 0, HEADER_BYTES);
    // The newest committed first page may still be in the log.
    const header = wal ?? own;
    const valid = header.length === HEADER_BYTES && header.toString('latin1', 0, 16) === MAGIC;
    if (!valid) return { valid, pageSize: 0, pageCount: 0, fileSize, userVersion: 0, hasWal: wal !== null };
    const rawSize = header.readUInt16BE(16);
    const countIsCurrent = header.readUInt32BE(24) === header.readUInt32BE(92);
    return {
      valid,
      pageSize: rawSize === 1 ? 65_536 : rawSize,
      pageCount: countIsCurrent ? header.readUInt32BE(28) : 0,
      fileSize,
      userVersion: header.readUInt32BE(60),
      hasWal: wal !== null,
    };
  } finally {
    await main.close();
  }
}

/** The first 100 bytes of the newest committed page 1 in the log, or null. */
async function readWalPageOne(path: string): Promise<Buffer | null> {
  const wal = await openOrNull(path);
  if (wal === null) return null;
  try {
    const size = (await wal.stat()).size;
    const head = await readAt(wal, 0, WAL_HEADER_BYTES);
    if (head.length < WAL_HEADER_BYTES) return null;
    const pageSize = head.readUInt32BE(8);
    if (pageSize < 512 || pageSize > 65_536) return null;
    const salts = head.subarray(16, 24);
    let candidate: Buffer | null = null;
    let committed: Buffer | null = null;
    for (
      let offset = WAL_HEADER_BYTES;
      offset + FRAME_HEADER_BYTES + pageSize <= size;
      offset += FRAME_HEADER_BYTES + pageSize
    ) {
      const frame = await readAt(wal, offset, FRAME_HEADER_BYTES + HEADER_BYTES);
      // Other salts: frames of an earlier round of the log.
      if (!frame.subarray(8, 16).equals(salts)) break;
      if (frame.readUInt32BE(0) === 1) candidate = frame.subarray(FRAME_HEADER_BYTES);
      const isCommit = frame.readUInt32BE(4) !== 0;
      if (isCommit && candidate !== null) committed = candidate;
    }
    return committed;
  } finally {
    await wal.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
