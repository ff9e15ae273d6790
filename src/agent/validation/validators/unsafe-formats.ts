import { gunzipSync, inflateSync } from 'node:zlib';
import type { ContentFile } from '../../../shared/contract/index.ts';
import {
  listZip,
  readZipEntry,
  scanPickle,
  startsLikePickle,
  type ByteSource,
  type ModelFiles,
} from '../../artifacts/index.ts';
import type { Finding, Validator } from './validator.ts';
import { listInWords } from './words.ts';

type Danger = 'none' | 'known_names' | 'unknown_names' | 'dangerous' | 'unreadable';

interface Inspected {
  readonly path: string;
  readonly danger: Danger;
  /** The names it looks up that are not known to be harmless. */
  readonly names: readonly string[];
}

const SAFE = /\.(safetensors|gguf|json|jinja|txt|md|ya?ml|py|model|tiktoken|csv|tsv|html?)$/i;
/** Names under which Python opens pickles. */
const PICKLE_NAME = /\.(bin|pt|pth|ckpt|pkl|pickle|joblib|dill|npy|npz)$/i;
const KERAS_NAME = /\.(h5|hdf5|keras)$/i;

const SCAN_LIMIT = 64 * 1024 * 1024;
const MAX_ENTRIES = 10_000;

/** What weights need: rebuild tensors, arrays, plain containers. */
const HARMLESS: readonly RegExp[] = [
  /^collections\.(OrderedDict|defaultdict|deque|Counter)$/,
  /^torch\.(\w*Storage|Size|device|dtype|Tensor|FloatTensor|LongTensor|float\d*|bfloat16|half|double|u?int\d+|bool|long|int|short|strided|sparse_coo)$/,
  /^torch\._utils\._rebuild_(tensor|tensor_v2|parameter|parameter_with_state|sparse_tensor|qtensor|device_tensor_from_numpy)$/,
  /^torch\.(storage\.UntypedStorage|storage\.TypedStorage|nn\.parameter\.Parameter|serialization\._get_layout|_tensor\._rebuild_from_type_v2)$/,
  /^numpy\.(_core|core)\.multiarray\.(_reconstruct|scalar)$/,
  /^numpy\.(ndarray|dtype|float\d+|int\d+|uint\d+|bool_|str_|bytes_)$/,
  /^numpy\.(_core|core)\.numeric\._frombuffer$/,
  /^numpy\.random\._pickle\.\w+$/,
  /^joblib\.numpy_pickle\.NumpyArrayWrapper$/,
  /^_codecs\.encode$/,
  /^(builtins|__builtin__)\.(set|frozenset|dict|list|tuple|int|float|complex|bytearray|bytes|str|bool|slice|range|object)$/,
  /^copyreg\._reconstructor$|^copy_reg\._reconstructor$/,
];

/** What a pickle looks up to run something. */
const DANGEROUS =
  /^(os|posix|nt|subprocess|sys|shutil|socket|pty|commands|webbrowser|runpy|importlib|imp|pip|ctypes|asyncio|multiprocessing|threading|code|codeop|bdb|pdb|timeit|cProfile|profile|pickle|_pickle|dill|cloudpickle|marshal|types|functools|operator|requests|urllib|http|ftplib|smtplib|tempfile|pathlib|platform|signal|builtins|__builtin__)(\.|$)/;

/** Whether opening a file of the model would run code. */
export const unsafeFormats: Validator = {
  kind: 'unsafe_formats',
  title: 'No file that runs code when opened',
  description:
    'Pickles are read, not run, and searched for what they would call. Safetensors and GGUF hold data only.',
  required: true,
  hosting: ['local'],
  applies: () => true,
  run: async ({ files }, signal) => {
    const found: Inspected[] = [];
    for (const file of files.list) {
      if (SAFE.test(file.path)) continue;
      const inspected = await inspect(files, file, signal);
      if (inspected !== null) found.push(inspected);
    }
    return judge(found);
  },
};

function judge(found: readonly Inspected[]): Finding {
  const of = (danger: Danger): Inspected[] => found.filter((one) => one.danger === danger);
  const details = {
    files: found.slice(0, 50).map(({ path, danger, names }) => ({ path, danger, names: names.slice(0, 20) })),
  };
  const fail = (files: readonly Inspected[], why: string): Finding => ({
    result: 'failure',
    summary: `${listInWords(files.map((file) => file.path))} ${why}`,
    details,
  });
  const dangerous = of('dangerous');
  if (dangerous.length > 0)
    return fail(
      dangerous,
      `would run code when opened: it calls ${listInWords(dangerous.flatMap((file) => file.names))}. Delete this model and get it as safetensors or GGUF.`,
    );
  const unreadable = of('unreadable');
  if (unreadable.length > 0)
    return fail(
      unreadable,
      'may be a Python pickle and cannot be looked into. Get the model as safetensors.',
    );
  const unknown = of('unknown_names');
  if (unknown.length > 0)
    return fail(
      unknown,
      `is a Python pickle that looks up names we do not know: ${listInWords(unknown.flatMap((file) => file.names))}.`,
    );
  const pickles = of('known_names');
  if (pickles.length === 0)
    return { result: 'success', summary: 'No file of it runs code when opened.', details };
  return {
    result: 'warning',
    summary: `${listInWords(pickles.map((file) => file.path))} is a Python pickle. It only rebuilds data; safetensors would need no pickle.`,
    details,
  };
}

/** @returns null for a file that Python opens without running anything. */
async function inspect(files: ModelFiles, file: ContentFile, signal: AbortSignal): Promise<Inspected | null> {
  await using source = await files.open(file);
  const head = await source.read(0, 16, signal);
  const named = PICKLE_NAME.test(file.path);
  if (head.toString('latin1', 0, 2) === 'PK') return await inspectZip(source, file.path, signal);
  if (KERAS_NAME.test(file.path)) return { path: file.path, danger: 'unreadable', names: [] };
  if (head.toString('latin1', 1, 6) === 'NUMPY') return await inspectNumpy(source, file.path, signal);
  if (!named && !startsLikePickle(head)) return null;
  const bytes = await source.read(0, SCAN_LIMIT, signal);
  return inspectBytes(bytes, file.path, named, bytes.length < source.size, signal);
}

async function inspectBytes(
  packed: Buffer,
  path: string,
  named: boolean,
  cut: boolean,
  signal: AbortSignal,
): Promise<Inspected | null> {
  const bytes = unpacked(packed);
  if (bytes === null) return { path, danger: 'unreadable', names: [] };
  const { globals, complete } = await scanPickle(bytes, signal);
  const judged = judgeNames(path, globals);
  if (judged.danger === 'dangerous' || judged.danger === 'unknown_names') return judged;
  // Older PyTorch files go on with raw numbers behind the pickles; a pickle that has no end was not seen whole.
  if (complete) return judged;
  const isPickle = startsLikePickle(bytes) || globals.length > 0;
  if (!isPickle)
    return named && /\.(pkl|pickle|joblib|dill)$/i.test(path)
      ? { path, danger: 'unreadable', names: [] }
      : null;
  return cut || named ? { path, danger: 'unreadable', names: [] } : judged;
}

/** joblib and others pack their pickles. @returns null when it is packed in a way that cannot be opened here. */
function unpacked(bytes: Buffer): Buffer | null {
  const magic = bytes.toString('latin1', 0, 6);
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, { maxOutputLength: SCAN_LIMIT });
    if (bytes[0] === 0x78 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0)
      return inflateSync(bytes, { maxOutputLength: SCAN_LIMIT });
  } catch {
    return null;
  }
  return magic.startsWith('BZh') || magic.startsWith('\xfd7zXZ') || magic.startsWith('\x04"M\x18')
    ? null
    : bytes;
}

async function inspectZip(source: ByteSource, path: string, signal: AbortSignal): Promise<Inspected | null> {
  const entries = await listZip(source, signal);
  if (entries === null || entries.length > MAX_ENTRIES) return { path, danger: 'unreadable', names: [] };
  const names: string[] = [];
  let seen = false;
  for (const entry of entries) {
    // The numbers of a PyTorch checkpoint lie in entries of their own, which nobody unpickles.
    if (!/\.(pkl|pickle|npy|joblib|h5)$/i.test(entry.name)) continue;
    seen = true;
    const bytes = await readZipEntry(source, entry, SCAN_LIMIT, signal);
    if (bytes === null) {
      // A large array without objects is only numbers.
      if (/\.npy$/i.test(entry.name) && entry.size > SCAN_LIMIT) continue;
      return { path, danger: 'unreadable', names: [] };
    }
    const start = /\.npy$/i.test(entry.name) ? numpyObjectsAt(bytes) : 0;
    if (start === null) continue;
    const { globals, complete } = await scanPickle(bytes.subarray(start), signal);
    names.push(...globals);
    if (!complete && globals.length === 0) return { path, danger: 'unreadable', names: [] };
  }
  return seen ? judgeNames(path, names) : null;
}

async function inspectNumpy(
  source: ByteSource,
  path: string,
  signal: AbortSignal,
): Promise<Inspected | null> {
  const start = numpyObjectsAt(await source.read(0, 1024 * 1024, signal));
  if (start === null) return null;
  const bytes = await source.read(start, SCAN_LIMIT, signal);
  return inspectBytes(bytes, path, true, start + bytes.length < source.size, signal);
}

/** Where the pickle of an array of objects starts; null for an array of numbers. */
function numpyObjectsAt(bytes: Buffer): number | null {
  if (bytes.length < 12 || bytes.toString('latin1', 1, 6) !== 'NUMPY') return 0;
  const wide = bytes[6]! >= 2;
  const start = (wide ? 12 : 10) + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString('latin1', 10, Math.min(start, bytes.length));
  return /'descr':\s*('[|<>=]?O|\[.*'[|<>=]?O)/s.test(header) ? start : null;
}

function judgeNames(path: string, globals: readonly string[]): Inspected {
  const strange = [...new Set(globals)].filter((name) => !HARMLESS.some((pattern) => pattern.test(name)));
  const dangerous = strange.filter((name) => DANGEROUS.test(name));
  if (dangerous.length > 0) return { path, danger: 'dangerous', names: dangerous };
  if (strange.length > 0) return { path, danger: 'unknown_names', names: strange };
  return { path, danger: 'known_names', names: [] };
}
