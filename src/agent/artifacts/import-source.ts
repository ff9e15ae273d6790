import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, countsForIdentity, defaultModelName } from '../../shared/contract/index.ts';
import { fsError } from '../kernel/files.ts';
import { FileSource } from './byte-source.ts';
import { assertGguf, SNIFF_BYTES } from './file-kind.ts';
import { readGgufHeader } from './gguf.ts';
import { factsFromDirectory, factsFromGguf, type ModelFacts } from './model-facts.ts';
import { readSafetensorsHeader } from './safetensors.ts';

/** One file to take in: where it lies, what it is called inside the model, whether it counts for identity. */
export interface SourceFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly counted: boolean;
}

export interface ImportSource {
  readonly path: string;
  readonly name: string;
  readonly files: readonly SourceFile[];
  readonly sizeBytes: number;
  readonly facts: ModelFacts;
}

const SPLIT = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
const MAX_FILES = 10_000;
/** Weights in formats we do not serve, or that run code when opened. They stay out of the selection. */
const LEFT_OUT = /\.(bin|pt|pth|ckpt|pkl|pickle|h5|msgpack|onnx|tflite|gguf|npz)$/i;

/**
 * Looks at a path and says what an import of it would bring. Reads headers only.
 * @throws {AppError} `not_found`, `permission_denied`, `unsupported_format`, `ambiguous_source`.
 */
export async function inspectSource(path: string, signal: AbortSignal): Promise<ImportSource> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return await inspectDirectory(path, signal);
    if (info.isFile()) return await inspectGguf(path, signal);
  } catch (error) {
    throw fsError(error, path);
  }
  throw new AppError('unsupported_format', `${path} is neither a file nor a directory.`);
}

async function inspectGguf(path: string, signal: AbortSignal): Promise<ImportSource> {
  const parts = await splitParts(path);
  const facts: ModelFacts[] = [];
  const files: SourceFile[] = [];
  for (const [index, part] of parts.entries()) {
    await using source = await FileSource.open(part);
    assertGguf(await source.read(0, SNIFF_BYTES, signal), source.size);
    const header = await readGgufHeader(source, signal);
    if (header.metadata.get('general.type') === 'mmproj' || header.architecture === 'clip') {
      throw new AppError(
        'unsupported_format',
        'This GGUF is a projector for images; it needs the model it belongs to.',
        {
          hint: 'Import the model file instead.',
          details: { reason: 'projector' },
        },
      );
    }
    facts.push(factsFromGguf(header));
    files.push({ path: part, name: ggufName(index, parts.length), size: source.size, counted: true });
  }
  const [first] = facts;
  if (first === undefined) throw new AppError('unsupported_format', 'There is no GGUF here.');
  const parameters = facts.reduce((sum, one) => sum + (one.parameter_count ?? 0), 0);
  return {
    path,
    name: defaultModelName(parts[0] ?? path),
    files,
    sizeBytes: total(files),
    facts: parts.length === 1 ? first : { ...first, parameter_count: parameters },
  };
}

/** Names are part of the identity (contract.md): one file is `model.gguf`, a split keeps its numbers. */
function ggufName(index: number, count: number): string {
  if (count === 1) return 'model.gguf';
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `model-${digits(index + 1)}-of-${digits(count)}.gguf`;
}

/** All parts of a split when the path is one of them; else the path alone. */
async function splitParts(path: string): Promise<string[]> {
  const match = SPLIT.exec(basename(path));
  if (match === null) return [path];
  const [, stem = '', , count = '1'] = match;
  const names = Array.from(
    { length: Number(count) },
    (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`,
  );
  const present = new Set(await readdir(dirname(path)));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new AppError(
      'unsupported_format',
      `${missing.length} of ${count} parts are missing: ${missing.slice(0, 3).join(', ')}.`,
      {
        hint: 'Put all parts into one directory.',
        details: { reason: 'incomplete', missing },
      },
    );
  }
  return names.map((name) => join(dirname(path), name));
}

async function inspectDirectory(path: string, signal: AbortSignal): Promise<ImportSource> {
  const names = await listFiles(path, signal);
  const ggufs = names.filter(
    (name) =>
      /\.gguf$/i.test(name) && !/mmproj/i.test(name) && (SPLIT.exec(name)?.[2] ?? '00001') === '00001',
  );
  const hasSafetensors = names.some((name) => /\.safetensors$/i.test(name)) && names.includes('config.json');
  if (ggufs.length + (hasSafetensors ? 1 : 0) > 1) throw await ambiguous(path, ggufs, hasSafetensors);
  const [gguf] = ggufs;
  if (gguf !== undefined) return inspectGguf(join(path, gguf), signal);
  if (!hasSafetensors) throw nothingUsable(path, names);
  return inspectSafetensors(path, names, signal);
}

async function ambiguous(path: string, ggufs: readonly string[], hasSafetensors: boolean): Promise<AppError> {
  const choices = await Promise.all(
    ggufs.map(async (name) => ({
      path: join(path, name),
      label: name,
      size_bytes: (await stat(join(path, name))).size,
    })),
  );
  return new AppError(
    'ambiguous_source',
    `${path} holds ${ggufs.length} GGUF models${hasSafetensors ? ' beside safetensors' : ''}.`,
    {
      hint: 'Import one of them by its own path.',
      details: { choices },
    },
  );
}

function nothingUsable(path: string, names: readonly string[]): AppError {
  const pickles = names.filter((name) => /\.(bin|pt|pth|ckpt|pkl)$/i.test(name));
  if (pickles.length > 0) {
    return new AppError(
      'unsupported_format',
      `${path} holds weights as Python pickles only (${pickles[0]}); opening them runs code.`,
      {
        hint: 'Get the model as safetensors or GGUF.',
        details: { reason: 'pickle', files: pickles.slice(0, 20) },
      },
    );
  }
  const reason =
    names.length === 0 ? 'It is empty.' : 'It has no GGUF file, and no config.json beside safetensors files.';
  return new AppError('unsupported_format', `${path} holds no model. ${reason}`, {
    details: { reason: 'no_model' },
  });
}

async function inspectSafetensors(
  path: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ImportSource> {
  const chosen = names.filter((name) => !LEFT_OUT.test(name));
  const files: SourceFile[] = [];
  const headers = [];
  for (const name of chosen) {
    const file = join(path, name);
    files.push({
      path: file,
      name: name.normalize('NFC'),
      size: (await stat(file)).size,
      counted: countsForIdentity(name),
    });
    if (!/\.safetensors$/i.test(name)) continue;
    await using source = await FileSource.open(file);
    headers.push(await readSafetensorsHeader(source, name, signal));
  }
  await assertIndexComplete(path, chosen);
  const config = await readJson(join(path, 'config.json'));
  const tokenizerConfig = chosen.includes('tokenizer_config.json')
    ? await readJson(join(path, 'tokenizer_config.json'))
    : null;
  return {
    path,
    name: defaultModelName(path),
    files,
    sizeBytes: total(files),
    facts: factsFromDirectory({ config, tokenizerConfig, fileNames: chosen, headers }),
  };
}

/** A sharded model lists its files; one that is missing would be noticed only when the engine starts. */
async function assertIndexComplete(path: string, names: readonly string[]): Promise<void> {
  if (!names.includes('model.safetensors.index.json')) return;
  const map = (await readJson(join(path, 'model.safetensors.index.json')))['weight_map'];
  const wanted = new Set(
    Object.values(typeof map === 'object' && map !== null ? map : {}).filter(
      (name) => typeof name === 'string',
    ),
  );
  const missing = [...wanted].filter((name) => !names.includes(name));
  if (missing.length === 0) return;
  throw new AppError(
    'unsupported_format',
    `${missing.length} of ${wanted.size} weight files are missing: ${missing.slice(0, 3).join(', ')}.`,
    {
      hint: 'Copy the directory again.',
      details: { reason: 'incomplete', missing: missing.slice(0, 50) },
    },
  );
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const info = await stat(path);
  const name = basename(path);
  if (info.size > 64 * 1024 * 1024)
    throw new AppError('unsupported_format', `${name} is too large to be what its name says.`);
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new AppError('unsupported_format', `${name} is not a JSON object.`, {
    details: { reason: 'damaged', file: name },
  });
}

/** Relative paths of regular files, `/`-separated and sorted. Links are followed only to files inside or beside the model (a Hub cache keeps its blobs there). */
async function listFiles(root: string, signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  const walk = async (directory: string, prefix: string): Promise<void> => {
    signal.throwIfAborted();
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      // Dotfiles (.git, .cache, .DS_Store) never belong to a model.
      if (entry.name.startsWith('.')) continue;
      const relative = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      const full = join(directory, entry.name);
      if (entry.isDirectory()) await walk(full, relative);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFileLink(full)))) found.push(relative);
      if (found.length > MAX_FILES) {
        throw new AppError(
          'unsupported_format',
          `${root} holds more than ${MAX_FILES} files; that is not one model.`,
          { details: { reason: 'too_many_files' } },
        );
      }
    }
  };
  await walk(root, '');
  return found.toSorted();
}

async function isFileLink(path: string): Promise<boolean> {
  try {
    return (await stat(await realpath(path))).isFile();
  } catch (cause) {
    throw new AppError('unsupported_format', `${path} is a link to something that is not there.`, {
      details: { reason: 'broken_link' },
      cause,
    });
  }
}

function total(files: readonly SourceFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}
