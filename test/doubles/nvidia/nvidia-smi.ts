import { existsSync, readFileSync } from 'node:fs';
import { readRecording, type Control, type Failure, type RecordedTable } from './recording.ts';

/**
 * nvidia-smi, replaying a recording: `--query-gpu`, `--query-compute-apps`, `-L`, `-q -x`, `--id`, `-l` and `-lms`, with
 * the real one's texts and exit codes. NVIDIA_DOUBLE names a recording or a file with a `Control`, which is read again
 * at every look, so that a test can take a GPU away or fill it while it is watched.
 */

const FORMAT = 'csv,noheader,nounits';

function control(): Control {
  const named = process.env['NVIDIA_DOUBLE'] ?? 'one';
  return named.endsWith('.json') && existsSync(named)
    ? (JSON.parse(readFileSync(named, 'utf8')) as Control)
    : { recording: named };
}

class Exit extends Error {
  readonly code: number;
  readonly text: string;
  readonly isError: boolean;

  constructor(code: number, text: string, isError = false) {
    super(text);
    this.code = code;
    this.text = text;
    this.isError = isError;
  }
}

interface Question {
  readonly kind: 'gpu' | 'compute-apps' | 'list' | 'report';
  readonly fields: readonly string[];
  readonly ids: readonly string[];
  readonly everyMs: number | null;
}

const REFUSED = `Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n`;

interface Parsed extends Partial<Question> {
  readonly xml?: boolean;
}

/** What each word means. Those that end in = carry their value, the others take the next word if they want one. */
const WORDS: Readonly<Record<string, (value: string, next: () => string) => Parsed>> = {
  '--query-gpu': (value) => ({ kind: 'gpu', fields: value.split(',') }),
  '--query-compute-apps': (value) => ({ kind: 'compute-apps', fields: value.split(',') }),
  '--format': (value) => {
    if (value !== FORMAT) throw new Exit(2, `The double speaks --format=${FORMAT} only.\n`);
    return {};
  },
  '--id': (value) => ({ ids: value.split(',') }),
  '-i': (_value, next) => ({ ids: next().split(',') }),
  '-lms': (_value, next) => ({ everyMs: Number(next()) }),
  '-l': (_value, next) => ({ everyMs: Number(next()) * 1000 }),
  '-L': () => ({ kind: 'list' }),
  '-q': () => ({ kind: 'report' }),
  '-x': () => ({ xml: true }),
};

function parse(argv: readonly string[]): Question {
  const rest = [...argv];
  const parsed: Parsed = {};
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name = '', value = ''] = word.split('=', 2);
    const meaning = WORDS[name];
    if (meaning === undefined) throw new Exit(1, REFUSED);
    Object.assign(
      parsed,
      meaning(value, () => rest.shift() ?? ''),
    );
  }
  const { kind, fields = [], ids = [], everyMs = null, xml = false } = parsed;
  if (kind === undefined || (kind === 'report' && !xml) || Number.isNaN(everyMs)) throw new Exit(1, REFUSED);
  return { kind, fields, ids, everyMs };
}

const lostText = (busId: string): string =>
  `Unable to determine the device handle for GPU${busId}: GPU is lost.  Reboot the system to recover this GPU\n`;

function busIdOf({ rows }: RecordedTable, uuid: string): string {
  return (rows.find((row) => row['uuid'] === uuid)?.['pci.bus_id'] ?? '').slice(4);
}

/** One answer. @param looping a program that runs already goes on with cards that are lost */
function answer({ kind, fields, ids }: Question, looping: boolean): string {
  const now = control();
  const recording = readRecording(now.recording);
  const failure: Failure | null = now.failure ?? recording.failure;
  if (failure !== null) fail(failure);
  const lost = new Set(now.lost);
  const [firstLost] = lost;
  if (kind === 'list') {
    const lines = recording.list.split('\n').map((line) => {
      const uuid = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1];
      return uuid !== undefined && lost.has(uuid) ? lostText(busIdOf(recording.gpus, uuid)).trim() : line;
    });
    if (firstLost !== undefined) throw new Exit(15, lines.join('\n'));
    return lines.join('\n');
  }
  if (firstLost !== undefined && ids.length === 0 && !looping)
    throw new Exit(15, lostText(busIdOf(recording.gpus, firstLost)));
  if (kind === 'report') return recording.report;
  if (kind === 'compute-apps') {
    const known = [
      'timestamp',
      'gpu_uuid',
      'gpu_name',
      'pid',
      'process_name',
      'used_gpu_memory',
      'used_memory',
    ];
    assertKnown(fields, known, now);
    const rows = (now.processes ?? recording.processes.rows).filter(
      (row) => !lost.has(row['gpu_uuid'] ?? ''),
    );
    return table(rows, fields, {});
  }
  assertKnown(fields, ['timestamp', ...recording.gpus.fields], now);
  const rows = recording.gpus.rows
    .filter((row) => ids.length === 0 || ids.includes(row['uuid'] ?? '') || ids.includes(row['index'] ?? ''))
    .map((row) => {
      const uuid = row['uuid'] ?? '';
      if (!lost.has(uuid)) return { ...row, ...now.values?.[uuid] };
      const kept = new Set(['index', 'uuid', 'name', 'pci.bus_id']);
      return Object.fromEntries(
        Object.entries(row).map(([field, value]) => [field, kept.has(field) ? value : '[GPU is lost]']),
      );
    });
  return table(rows, fields, { timestamp: stamp(new Date()) });
}

function assertKnown(fields: readonly string[], known: readonly string[], now: Control): void {
  for (const field of fields) {
    if (known.includes(field) && now.unknown_fields?.includes(field) !== true) continue;
    throw new Exit(2, `Field "${field}" is not a valid field to query.\n\n`);
  }
}

function table(
  rows: readonly Readonly<Record<string, string>>[],
  fields: readonly string[],
  more: Readonly<Record<string, string>>,
): string {
  return rows
    .map((row) => `${fields.map((field) => more[field] ?? row[field] ?? '[N/A]').join(', ')}\n`)
    .join('');
}

function stamp(date: Date): string {
  return date.toISOString().replaceAll('-', '/').replace('T', ' ').replace('Z', '');
}

function fail({ exit_code: code = 0, stdout = '', stderr = '', hang: hangs = false }: Failure): never {
  if (hangs) throw new Hang();
  if (stderr !== '') throw new Exit(code, stderr, true);
  throw new Exit(code, stdout);
}

class Hang extends Error {}

function hang(): void {
  // As a call into a driver that does not come back: no signal but KILL ends it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  setInterval(() => undefined, 1 << 30);
}

/** @returns false when it does not go on */
function look(question: Question, looping: boolean): boolean {
  try {
    process.stdout.write(answer(question, looping));
    return true;
  } catch (error) {
    if (error instanceof Hang) {
      hang();
      return false;
    }
    if (!(error instanceof Exit)) throw error;
    (error.isError ? process.stderr : process.stdout).write(error.text);
    process.exitCode = error.code;
    return false;
  }
}

process.stdout.on('error', () => process.exit(0));
let question: Question | null = null;
try {
  question = parse(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.stdout.write(error.text);
  process.exitCode = error.code;
}
if (question !== null) {
  const asked = question;
  const goesOn = look(asked, false);
  if (goesOn && asked.everyMs !== null) {
    const timer = setInterval(() => {
      if (!look(asked, true)) clearInterval(timer);
    }, asked.everyMs);
  }
}
