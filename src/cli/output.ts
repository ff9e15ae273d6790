import { toAppError, type AppError } from '../shared/contract/index.ts';

/** What the CLI writes: tables and sentences for people, one JSON value for programs. */

export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;

/** Binary units, three digits, as everywhere in the product. Pure. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return `${bytes} B`;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** 84 ms, 8.4 s, 41 s, 4 min 10 s, 2 h 05 min. Pure. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export function formatTime(iso: string | null): string {
  if (iso === null) return '—';
  const date = new Date(iso);
  const today = new Date().toDateString() === date.toDateString();
  return today ? date.toLocaleTimeString() : `${date.toLocaleDateString()} ${date.toLocaleTimeString()}`;
}

/** Columns that line up; the last one may be as long as it is. Pure. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(header.map((title) => title.toUpperCase())), ...rows.map(line)].join('\n');
}

export interface Output {
  readonly json: boolean;
  readonly isTerminal: boolean;
  /** For people; silent under `--json`. */
  readonly say: (text: string) => void;
  /** The result: `text` for people, `value` for programs. */
  readonly result: (value: unknown, text: string) => void;
}

export function createOutput(json: boolean, stdout: NodeJS.WriteStream = process.stdout): Output {
  return {
    json,
    isTerminal: !json && stdout.isTTY,
    say: (text) => {
      if (!json) stdout.write(`${text}\n`);
    },
    result: (value, text) => {
      stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`);
    },
  };
}

/** Writes a failure to stderr and returns the exit code it stands for. */
export function reportFailure(
  thrown: unknown,
  json: boolean,
  stderr: NodeJS.WriteStream = process.stderr,
): number {
  const error = toAppError(thrown);
  if (json)
    stderr.write(
      `${JSON.stringify({ error: error.code, message: error.message, hint: error.hint, details: error.details })}\n`,
    );
  else
    stderr.write(
      `${error.message}\n${error.hint === '' ? '' : `  ${error.hint}\n`}  (${error.code}${requestId(error)})\n${details(error)}`,
    );
  if (error.code === 'internal_error' && error.cause instanceof Error)
    stderr.write(`${error.cause.stack ?? error.cause.message}\n`);
  return error.code === 'agent_unreachable' ? EXIT.unreachable : EXIT.refused;
}

function requestId(error: AppError): string {
  const id = error.details?.['request_id'];
  return typeof id === 'string' ? `, request ${id}` : '';
}

/** The parts of the details that help a person: choices, and the last lines of a log. */
function details(error: AppError): string {
  const { choices, log_excerpt: log } = error.details ?? {};
  const lines: string[] = [];
  if (Array.isArray(choices))
    for (const choice of choices as { path?: string; size_bytes?: number }[])
      lines.push(`  - ${choice.path ?? ''}  ${formatBytes(choice.size_bytes ?? 0)}`);
  if (Array.isArray(log)) lines.push(...(log as string[]).map((line) => `  | ${line}`));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
