import type { Readable } from 'node:stream';

/** One line of the streams that the engine answers pulls and loads with. */
export interface EngineProgress {
  readonly status?: string;
  /** The layer it is about; on some lines the tag. */
  readonly id?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string; readonly code?: number };
  readonly aux?: { readonly Digest?: string; readonly ID?: string };
}

/** Longer lines are no progress; an engine that sends them is not understood. */
const LINE_LIMIT = 1024 * 1024;

/** Newline-separated JSON, however it is cut into chunks. What is no JSON is left out. */
export async function* readProgress(stream: Readable): AsyncGenerator<EngineProgress> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > LINE_LIMIT) rest = '';
    for (const part of parts) {
      const event = parseLine(part);
      if (event !== null) yield event;
    }
  }
  const last = parseLine(rest);
  if (last !== null) yield last;
}

function parseLine(line: string): EngineProgress | null {
  if (line.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    // Engines end some streams in the middle of a line; the error came on a line of its own.
    return null;
  }
}
