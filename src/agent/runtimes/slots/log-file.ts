import { createReadStream } from 'node:fs';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import type { LogLine } from '../drivers/driver.ts';

/** A line with its place in the log of its attempt, counted from 1. */
export interface NumberedLine extends LogLine {
  readonly line: number;
}

/** Two segments are kept: at least this much of the newest lines, at most twice as much. */
const SEGMENT_BYTES = 10 * 1024 * 1024;
/** A disk that does not keep up loses lines of the copy, not memory of the agent. */
const PENDING_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 256 * 1024;

/** The older segment of a log. */
export function olderSegment(path: string): string {
  return `${path}.old`;
}

/**
 * The file of one attempt's log: rows `line, time, stream, text` between tabs. One writer appends what is pending in
 * turns; where the file grew too large the older half goes.
 */
export class LogFile {
  readonly #path: string;
  readonly #segmentBytes: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #handle: FileHandle | null = null;
  #size = 0;
  #writing: Promise<void> | null = null;
  #broken = false;

  constructor(path: string, segmentBytes: number = SEGMENT_BYTES) {
    this.#path = path;
    this.#segmentBytes = segmentBytes;
  }

  append(line: NumberedLine): void {
    if (this.#broken || this.#pendingBytes > PENDING_BYTES) return;
    const row = toRow(line);
    this.#pending.push(row);
    this.#pendingBytes += row.length;
    // The last look at what is pending and this line are in one turn: nothing is left lying.
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
  }

  /** Resolves when everything that was appended is in the file. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#handle?.close();
    this.#handle = null;
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const rows = this.#pending.join('');
        this.#pending = [];
        this.#pendingBytes = 0;
        await this.#makeRoom();
        this.#handle ??= await open(this.#path, 'a', 0o600);
        await this.#handle.appendFile(rows);
        this.#size += Buffer.byteLength(rows);
      }
    } catch {
      // Losing the copy of a log must not end the agent; the lines in memory stay.
      this.#broken = true;
      this.#pending = [];
    }
  }

  async #makeRoom(): Promise<void> {
    if (this.#handle === null) {
      this.#size = await stat(this.#path).then(
        (found) => found.size,
        () => 0,
      );
    }
    if (this.#size < this.#segmentBytes) return;
    await this.#handle?.close();
    this.#handle = null;
    await rename(this.#path, olderSegment(this.#path));
    this.#size = 0;
  }
}

/** Every line that is kept of an attempt, oldest first; nothing where there is no log. */
export async function* readLogFile(path: string): AsyncGenerator<NumberedLine> {
  let count = 0;
  for (const segment of [olderSegment(path), path]) {
    for await (const row of rowsOf(segment)) {
      const line = parseRow(row, count + 1);
      count = line.line;
      yield line;
    }
  }
}

/** The last lines of a log, from a short read at its end. Empty where there is none. */
export async function readLogTail(path: string): Promise<NumberedLine[]> {
  const newest = await readTail(path);
  return newest.length > 0 ? newest : readTail(olderSegment(path));
}

async function readTail(path: string): Promise<NumberedLine[]> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const rows = buffer.toString('utf8', 0, bytesRead).split('\n');
    // The first may be the end of a row.
    return rows
      .slice(from === 0 ? 0 : 1)
      .filter((row) => row !== '')
      .map((row, index) => parseRow(row, index + 1));
  } finally {
    await file.close();
  }
}

async function* rowsOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') yield part;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (rest !== '') yield rest;
}

function toRow({ line, at, stream, text }: NumberedLine): string {
  return `${line}\t${at === null ? '-' : new Date(at).toISOString()}\t${stream}\t${text}\n`;
}

/** Rows of before the numbers were kept begin with the time; their place is counted. */
function parseRow(row: string, counted: number): NumberedLine {
  const fields = row.split('\t');
  const numbered = /^\d+$/.test(fields[0] ?? '');
  const [at = '-', stream = 'stderr', ...text] = numbered ? fields.slice(1) : fields;
  return {
    line: numbered ? Number(fields[0]) : counted,
    at: at === '-' ? null : Date.parse(at),
    stream: stream as LogLine['stream'],
    text: text.join('\t'),
  };
}
