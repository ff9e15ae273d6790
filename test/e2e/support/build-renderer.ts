import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build, mergeConfig, type InlineConfig, type UserConfig } from 'vite';
import config from '../../../electron.vite.config.ts';

const root = join(import.meta.dirname, '../../..');
const SOURCES = ['src/renderer', 'src/shared', 'electron.vite.config.ts', 'package-lock.json'];

/** Where the built UI lies; an agent serves it from there. Its own folder: builds for the desktop come and go beside it. */
export const UI_DIRECTORY = join(root, 'out/renderer-e2e');

/**
 * Builds the UI as the desktop build does, unless what is there is newer than its sources. Assets are named from the
 * root, because the page is served under every path.
 */
export async function buildRenderer(): Promise<void> {
  const built = await newest(join(UI_DIRECTORY, 'index.html'));
  const changed = Math.max(...(await Promise.all(SOURCES.map((path) => newest(join(root, path))))));
  if (built > changed) return;
  const { renderer } = config as { renderer: UserConfig };
  // The test runner's own NODE_ENV would make it a build for development.
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  await build(
    mergeConfig(renderer, {
      configFile: false,
      base: '/',
      logLevel: 'warn',
      build: { outDir: UI_DIRECTORY, emptyOutDir: true, target: 'es2023' },
    } satisfies InlineConfig),
  ).finally(() => {
    process.env['NODE_ENV'] = before;
  });
}

/** Time of the last change below a path; 0 when there is nothing. */
async function newest(path: string): Promise<number> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (info === null) return 0;
  if (!info.isDirectory()) return info.mtimeMs;
  const names = await readdir(path);
  const times = await Promise.all(names.map((name) => newest(join(path, name))));
  return Math.max(0, ...times);
}
