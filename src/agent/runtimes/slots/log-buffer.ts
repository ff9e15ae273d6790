import { createWriteStream, type WriteStream } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { redactText } from '../../kernel/logger.ts';
import type { LogLine } from '../drivers/driver.ts';

const KEPT_LINES = 5000;
const MAX_LINE = 8000;
const MAX_FILE_BYTES = 20 * 1024 * 1024;
const KEPT_ATTEMPTS = 10;

/** A line with its place in the log of its attempt, counted from 1. */
export interface NumberedLine extends LogLine {
  readonly line: number;
}

/** The log of one attempt: the last lines in memory, all of it (up to a limit) in a file that outlives the attempt. */
export class LogBuffer {
  readonly #lines: NumberedLine[] = [];
  #count = 0;
  readonly #file: WriteStream;
  #written = 0;

  constructor(path: string) {
    this.#file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    // Losing the copy of a log must not end the agent.
    this.#file.on('error', () => (this.#written = Number.POSITIVE_INFINITY));
  }

  push(line: LogLine): NumberedLine {
    this.#count += 1;
    const text = redactText(line.text.length > MAX_LINE ? `${line.text.slice(0, MAX_LINE)} …` : line.text);
    const kept = { ...line, text, line: this.#count };
    this.#lines.push(kept);
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
    if (this.#written < MAX_FILE_BYTES) {
      const row = `${line.at === null ? '-' : new Date(line.at).toISOString()}\t${line.stream}\t${text}\n`;
      this.#written += row.length;
      this.#file.write(row);
    }
    return kept;
  }

  tail(count: number): NumberedLine[] {
    return this.#lines.slice(-count);
  }

  close(): void {
    this.#file.end();
  }
}

/** The files of a slot's attempts. */
export class AttemptLogs {
  readonly directory: string;

  constructor(root: string, slotId: string) {
    this.directory = join(root, slotId);
  }

  path(attempt: number): string {
    return join(this.directory, `${attempt}.log`);
  }

  async attempts(): Promise<number[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .flatMap((name) => (/^\d+\.log$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => b - a);
  }

  async read(attempt: number, tail: number): Promise<NumberedLine[]> {
    const text = await readFile(this.path(attempt), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return text
      .split('\n')
      .filter((row) => row !== '')
      .map(parseRow)
      .slice(-tail);
  }

  /** Keeps the newest few. */
  async prune(): Promise<void> {
    const attempts = await this.attempts();
    await Promise.all(
      attempts.slice(KEPT_ATTEMPTS).map((attempt) => rm(this.path(attempt), { force: true })),
    );
  }
}

function parseRow(row: string, index: number): NumberedLine {
  const [at = '-', stream = 'stderr', ...rest] = row.split('\t');
  return {
    at: at === '-' ? null : Date.parse(at),
    stream: stream as LogLine['stream'],
    text: rest.join('\t'),
    line: index + 1,
  };
}

/** Splits chunks into lines; progress bars write `\r`. */
export function lineSplitter(onLine: (text: string) => void): { write(chunk: string): void; end(): void } {
  let rest = '';
  return {
    write(chunk) {
      const parts = (rest + chunk).split(/\r\n|\n|\r/);
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') onLine(part);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
