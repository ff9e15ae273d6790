/** What is read out of the lines of a log. Pure. */

export interface LogLine {
  /** Its place in the log of its attempt, counted from 1. */
  readonly line: number;
  /** ISO time; null when the runtime's line came without one. */
  readonly at: string | null;
  readonly stream: string;
  readonly text: string;
}

export type LogLevel = 'error' | 'warn' | 'info';

/** The level that a line of llama.cpp (`0.00.008.661 E ...`) or Python (`ERROR 11-20 ...`) says of itself. */
export function levelOf(text: string): LogLevel | null {
  const said =
    /^\d+\.\d+\.\d+\.\d+ ([EWID]) /.exec(text)?.[1] ??
    /\b(CRITICAL|FATAL|ERROR|WARNING|WARN|INFO)\b/.exec(text.slice(0, 80))?.[1];
  if (said === undefined) {
    if (/^(?:error|fatal|panic)\b/i.test(text) || /^(?:\([^)]*\) )?[\w.]*(?:Error|Exception): /.test(text))
      return 'error';
    return /^warn(?:ing)?\b/i.test(text) ? 'warn' : null;
  }
  if (/^(?:E|CRITICAL|FATAL|ERROR)$/.test(said)) return 'error';
  return said.startsWith('W') ? 'warn' : 'info';
}

/** What a line of a progress bar has in common with the next one; null for any other line. */
function progressOf(text: string): string | null {
  if (!/\d%/.test(text)) return null;
  return text.replace(/[\d.,:/<?█▉▊▋▌▍▎▏ |#=>-]+/g, '~');
}

/** A bar that was drawn anew is one line: the last of those that follow each other. */
export function collapseProgress(lines: readonly LogLine[]): LogLine[] {
  const kept: LogLine[] = [];
  let before: string | null = null;
  for (const line of lines) {
    const progress = progressOf(line.text);
    if (progress !== null && progress === before) kept.pop();
    kept.push(line);
    before = progress;
  }
  return kept;
}

/** Lines of before and new ones, each once and in order, the newest `most` of them. */
export function appendLines(
  before: readonly LogLine[],
  arrived: readonly LogLine[],
  most: number,
): readonly LogLine[] {
  const last = before.at(-1)?.line ?? 0;
  const fresh = arrived.filter((line) => line.line > last);
  return fresh.length === 0 ? before : [...before, ...fresh].slice(-most);
}
