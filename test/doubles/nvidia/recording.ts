import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Recordings of nvidia-smi: a folder each, as `npm run verify:gpu -- --record DIR` writes them. */
const RECORDINGS = fileURLToPath(new URL('../../fixtures/nvidia-smi/', import.meta.url));

/** A table as CSV: its first line names the fields, under the names that this driver knows. */
export interface RecordedTable {
  readonly fields: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}

/** A driver that does not answer questions. */
export interface Failure {
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly hang?: boolean;
}

export interface Recording {
  readonly gpus: RecordedTable;
  readonly processes: RecordedTable;
  readonly list: string;
  readonly report: string;
  readonly failure: Failure | null;
}

/** What a test may say of the machine while it runs; the rest is as recorded. */
export interface Control {
  readonly recording: string;
  /** UUIDs of cards that no longer answer. */
  readonly lost?: readonly string[];
  /** Values by UUID and field. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly processes?: readonly Readonly<Record<string, string>>[];
  readonly failure?: Failure;
  /** Fields that this driver does not know, whatever was recorded. */
  readonly unknown_fields?: readonly string[];
}

/** @param where name of a recording, or a folder */
export function readRecording(where: string): Recording {
  const directory = existsSync(join(RECORDINGS, where)) ? join(RECORDINGS, where) : where;
  const read = (file: string): string => {
    const path = join(directory, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const failure = read('failure.json');
  return {
    gpus: tableOf(read('gpus.csv')),
    processes: tableOf(read('processes.csv')),
    list: read('list.txt'),
    report: read('report.xml'),
    failure: failure === '' ? null : (JSON.parse(failure) as Failure),
  };
}

function tableOf(text: string): RecordedTable {
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '');
  const fields = head === '' ? [] : head.split(', ');
  const wide = Math.max(fields.indexOf('name'), fields.indexOf('process_name'));
  return {
    fields,
    rows: lines.map((line) => {
      const cells = line.split(', ');
      const surplus = cells.length - fields.length;
      if (surplus > 0) cells.splice(wide, surplus + 1, cells.slice(wide, wide + surplus + 1).join(', '));
      return Object.fromEntries(fields.map((field, i) => [field, cells[i] ?? '']));
    }),
  };
}
