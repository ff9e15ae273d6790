import { fileURLToPath } from 'node:url';

/** Entries that run outside the main thread. The build emits one file for each, beside the CLI's. */
export const WORKER_ENTRIES = {
  'database-worker': './database/database-worker.ts',
  'hash-worker': '../artifacts/hash-worker.ts',
  'embedded-runtime': '../runtimes/embedded/embedded-runtime.ts',
} as const;
export type WorkerEntry = keyof typeof WORKER_ENTRIES;

/** The file of an entry: the source in a checkout, the bundle in a build. */
export function workerPath(entry: WorkerEntry): string {
  const here = import.meta.url;
  const relative = here.endsWith('.ts') ? WORKER_ENTRIES[entry] : `./${entry}.js`;
  return fileURLToPath(new URL(relative, here));
}
