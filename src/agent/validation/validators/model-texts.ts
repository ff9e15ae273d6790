import { parse as parseYaml } from 'yaml';
import { readGgufHeader, type GgufHeader, type ModelFiles } from '../../artifacts/index.ts';

/** What several validators read of a model: the header of a GGUF, small JSON files, the front matter of a README. */

export const JSON_LIMIT = 64 * 1024 * 1024;
const README_LIMIT = 1024 * 1024;

/** The header of the first GGUF file; null for a model of another format. @throws {AppError} `unsupported_format`. */
export async function ggufHeader(files: ModelFiles, signal: AbortSignal): Promise<GgufHeader | null> {
  const first = files.list
    .filter((file) => /\.gguf$/i.test(file.path) && !/^(mmproj|adapter)/.test(file.path))
    .toSorted((a, b) => a.path.localeCompare(b.path))[0];
  if (first === undefined) return null;
  await using source = await files.open(first);
  return await readGgufHeader(source, signal);
}

/** A text of the metadata of a GGUF; null when it has none of that name. */
export function ggufText(header: GgufHeader | null, key: string): string | null {
  const value = header?.metadata.get(key);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** The YAML between `---` at the start of README.md; null when there is none that can be read. */
export async function readmeFrontMatter(
  files: ModelFiles,
  signal: AbortSignal,
): Promise<Record<string, unknown> | null> {
  const readme = files.list.find((file) => /^readme\.md$/i.test(file.path));
  if (readme === undefined) return null;
  const text = await files.text(readme.path, README_LIMIT, signal);
  const block = text === null ? null : /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---\s*(\r?\n|$)/.exec(text)?.[1];
  if (block == null) return null;
  try {
    const value = parseYaml(block) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    // A README with broken YAML says nothing about the licence; that is told by who asks.
    return null;
  }
}
