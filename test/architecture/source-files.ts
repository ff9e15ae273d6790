import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

/** The root of the checkout. */
export const repository = resolve(import.meta.dirname, '../..');

/** TypeScript files below a folder of the checkout, relative to its root. */
export async function sourceFiles(folder: string): Promise<string[]> {
  const entries = await readdir(join(repository, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter(
      (entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.parentPath.includes('node_modules'),
    )
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .toSorted();
}
