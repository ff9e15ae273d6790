import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import { WORKER_ENTRIES } from './src/agent/kernel/worker-entry.ts';

const root = import.meta.dirname;
const { version } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as { version: string };

/** Packages with native parts, or that find files beside themselves. */
const EXTERNAL = [/^better-sqlite3/, /^node-llama-cpp/, /^dockerode/, /^systeminformation/, /^chokidar/];

/**
 * The lint rules see what a file imports; this sees what the bundle reaches through anything. Electron in the agent
 * would break it everywhere but on a desktop.
 */
export function forbidElectron(): Plugin {
  return {
    name: 'modelops:forbid-electron',
    enforce: 'pre',
    resolveId(source, importer) {
      if (source !== 'electron' && !source.startsWith('electron/')) return null;
      throw new Error(`${importer ?? 'an entry'} reaches electron; agent and CLI run on plain Node.`);
    },
  };
}

/** Agent, CLI, workers and the embedded runtime for plain Node. */
export default defineConfig({
  define: { MODELOPS_VERSION: JSON.stringify(version) },
  plugins: [forbidElectron()],
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    target: 'node24',
    outDir: 'out/cli',
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      external: EXTERNAL,
      input: {
        main: resolve(root, 'src/cli/main.ts'),
        ...Object.fromEntries(
          Object.entries(WORKER_ENTRIES).map(([name, path]) => [
            name,
            resolve(root, 'src/agent/kernel', path),
          ]),
        ),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
