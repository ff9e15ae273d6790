import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { redactText } from '../../kernel/logger.ts';
import type { LogLine } from '../drivers/driver.ts';
import { LogFile, olderSegment, readLogFile, readLogTail, type NumberedLine } from './log-file.ts';

export type { NumberedLine } from './log-file.ts';

const KEPT_LINES = 5000;
const KEPT_CHARACTERS = 4 * 1024 * 1024;
const MAX_LINE = 8000;
const KEPT_ATTEMPTS = 10;

/**
 * The log of one attempt: the last lines in memory, more of it in a file that outlives the attempt. A line keeps its
 * number: in events, in reads, and when another agent takes the runtime over.
 */
export class LogBuffer {
  readonly #lines: NumberedLine[] = [];
  readonly #file: LogFile;
  readonly #known: Known;
  #characters = 0;
  #count = 0;

  /** Goes on where a former agent stopped. */
  static async open(path: string): Promise<LogBuffer> {
    return new LogBuffer(path, await readLogTail(path));
  }

  constructor(path: string, before: readonly NumberedLine[] = []) {
    this.#file = new LogFile(path);
    this.#known = new Known(before);
    for (const line of before) this.#keep(line);
    this.#count = before.at(-1)?.line ?? 0;
  }

  /** @returns null for a line that a former agent has read already. */
  push(line: LogLine): NumberedLine | null {
    const text = tidy(line.text);
    if (this.#known.has(line.at, text)) return null;
    this.#count += 1;
    const kept = { ...line, text, line: this.#count };
    this.#keep(kept);
    this.#file.append(kept);
    return kept;
  }

  tail(count: number): NumberedLine[] {
    return this.#lines.slice(-count);
  }

  /** Everything so far is in the file. */
  flush(): Promise<void> {
    return this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #keep(line: NumberedLine): void {
    this.#lines.push(line);
    this.#characters += line.text.length;
    let gone = 0;
    while (this.#lines.length - gone > KEPT_LINES || this.#characters > KEPT_CHARACTERS) {
      this.#characters -= this.#lines[gone]?.text.length ?? 0;
      gone += 1;
    }
    // In lumps: taking one from the front for each line that comes would copy all of them each time.
    if (gone > 0) this.#lines.splice(0, gone);
  }
}

/** Lines of before, by their time: what an engine tells again to whoever begins to follow. */
class Known {
  readonly #until: number;
  readonly #last = new Map<string, number>();

  constructor(before: readonly NumberedLine[]) {
    this.#until = before.reduce((latest, { at }) => Math.max(latest, at ?? 0), 0);
    for (const { at, text } of before)
      if (at === this.#until) this.#last.set(text, (this.#last.get(text) ?? 0) + 1);
  }

  has(at: number | null, text: string): boolean {
    if (at === null || at > this.#until) return false;
    if (at < this.#until) return true;
    // Several lines may have come in the same millisecond, not all of them in time for the former agent.
    const left = this.#last.get(text) ?? 0;
    if (left > 0) this.#last.set(text, left - 1);
    return left > 0;
  }
}

/** Without keys and colours, and of a bearable length. */
function tidy(text: string): string {
  const plain = text.includes('\u001B') ? stripVTControlCharacters(text) : text;
  return redactText(plain.length > MAX_LINE ? `${plain.slice(0, MAX_LINE)} …` : plain);
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

  /** The last lines that hold a text, upper and lower case alike; all of them without one. */
  async read(attempt: number, tail: number, query?: string): Promise<NumberedLine[]> {
    const wanted = query?.toLowerCase();
    const found: NumberedLine[] = [];
    for await (const line of readLogFile(this.path(attempt))) {
      if (wanted !== undefined && !line.text.toLowerCase().includes(wanted)) continue;
      found.push(line);
      if (found.length >= tail * 2) found.splice(0, found.length - tail);
    }
    return found.slice(-tail);
  }

  /** Keeps the newest few. */
  async prune(): Promise<void> {
    const attempts = await this.attempts();
    await Promise.all(
      attempts
        .slice(KEPT_ATTEMPTS)
        .flatMap((attempt) => [this.path(attempt), olderSegment(this.path(attempt))])
        .map((path) => rm(path, { force: true })),
    );
  }
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
