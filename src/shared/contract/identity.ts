import { z } from 'zod';

/** Names and ids of everything a person can name. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,127}$/;

export const NameSchema = z
  .string()
  .regex(
    NAME_PATTERN,
    'Use 1 to 128 lower-case letters, digits, dots, dashes or underscores, starting with a letter or digit.',
  );

/**
 * Makes a name out of anything: the last part of a source, lower-cased, other characters to `-`.
 * Returns `model` when nothing usable is left.
 */
export function slugify(source: string): string {
  const last =
    source
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) ?? '';
  const slug = last
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .replace(/[-._]+$/, '')
    .slice(0, 128);
  return slug === '' ? 'model' : slug;
}

/** The default name for a model file: its name without the `.gguf` and without a split's part number. */
export function defaultModelName(path: string): string {
  return slugify(path.replace(/[\\/]+$/, '').replace(/(-\d{5}-of-\d{5})?\.gguf$/i, ''));
}

/** `<name>-v<seq>`, shortened from the left part so that it stays a valid id. */
export function defaultModelId(name: string, seq: number): string {
  const suffix = `-v${seq}`;
  return name.slice(0, 128 - suffix.length) + suffix;
}

export const GLOBAL_MODEL_ID_PREFIX = 'urn:modelops:content:sha256:';

/** One file of a version, as identity and manifest see it. */
export interface ContentFile {
  /** Relative, `/`-separated, NFC, without `.` or `..`. */
  readonly path: string;
  readonly size: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Files that travel with a model but do not make it another model (contract.md, "Names and identity"). */
const UNCOUNTED: readonly RegExp[] = [
  /^model\.yaml$/,
  /^readme/i,
  /^licen[cs]e/i,
  /^notice/i,
  /^use_policy/i,
  /\.(md|pdf|png|jpg|jpeg|gif|svg|webp|mp4|bib|ipynb)$/i,
];

/** Whether a file under its relative path counts towards the identity of a model that is not GGUF. */
export function countsForIdentity(path: string): boolean {
  const parts = path.split('/');
  if (parts.some((part) => part.startsWith('.'))) return false;
  const name = parts.at(-1) ?? '';
  return !UNCOUNTED.some((pattern) => pattern.test(name));
}

/**
 * The canonical text whose SHA-256 is the `global_model_id` of a model with files (schema `modelops.files.v1`):
 * JSON in UTF-8 without spaces, keys sorted, files sorted by the bytes of their NFC path.
 */
export function canonicalFiles(files: readonly ContentFile[]): string {
  const encoder = (text: string): string => JSON.stringify(text);
  const rows = files
    .map((file) => ({ ...file, path: file.path.normalize('NFC') }))
    .toSorted((a, b) => compareUtf8(a.path, b.path))
    .map((file) => `{"path":${encoder(file.path)},"sha256":"${file.sha256}","size":${file.size}}`);
  return `{"files":[${rows.join(',')}],"schema":"modelops.files.v1"}`;
}

/**
 * The canonical text of a remote model (schema `modelops.remote.v1`). Credentials never enter.
 * @throws {RangeError} when the origin is not an http(s) URL.
 */
export function canonicalRemote(providerModelId: string, origin: string): string {
  const match = /^(https?):\/\/([^/?#@]+)([^?#]*)/i.exec(origin.trim());
  if (match === null) throw new RangeError(`not an http(s) origin: ${origin}`);
  const [, scheme = '', host = '', path = ''] = match;
  const defaultPort = scheme.toLowerCase() === 'https' ? /:443$/ : /:80$/;
  const normal = `${scheme.toLowerCase()}://${host.toLowerCase().replace(defaultPort, '')}${path.replace(/\/+$/, '')}`;
  return `{"kind":"remote","model":${JSON.stringify(providerModelId)},"origin":${JSON.stringify(normal)},"schema":"modelops.remote.v1"}`;
}

/** Order by UTF-8 bytes, which is the order of code points, not of UTF-16 units. */
function compareUtf8(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i += 1) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** What people see of a digest: the first 6 and the last 4 digits. */
export function shortDigest(hex: string): string {
  const bare = hex.replace(/^.*:/, '');
  return bare.length <= 12 ? bare : `${bare.slice(0, 6)}…${bare.slice(-4)}`;
}
