import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

/**
 * Work on the database that would stop the event loop: check-points, full checks, backups. One task a worker, on a
 * connection of its own; it ends after it.
 */
export type DatabaseTask =
  | { readonly kind: 'checkpoint'; readonly path: string; readonly truncate: boolean }
  | { readonly kind: 'check'; readonly path: string }
  | { readonly kind: 'backup'; readonly path: string; readonly target: string };

export type DatabaseTaskResult =
  | { readonly ok: true; readonly problems: readonly string[] }
  | { readonly ok: false; readonly code: string; readonly message: string };

const CACHE_KIB = 1024;

async function run(task: DatabaseTask): Promise<DatabaseTaskResult> {
  const sqlite = new BetterSqlite3(task.path, { fileMustExist: true, timeout: 10_000 });
  try {
    // Each page is looked at about once, and what a thread has cached stays with the process after its end.
    sqlite.pragma(`cache_size = -${CACHE_KIB}`);
    switch (task.kind) {
      case 'checkpoint':
        sqlite.pragma(`wal_checkpoint(${task.truncate ? 'TRUNCATE' : 'PASSIVE'})`);
        return { ok: true, problems: [] };
      case 'check': {
        const rows = sqlite.pragma('integrity_check(20)') as { integrity_check: string }[];
        return { ok: true, problems: rows.map((row) => row.integrity_check).filter((text) => text !== 'ok') };
      }
      case 'backup': {
        await sqlite.backup(task.target, { progress: () => 2000 });
        const copy = new BetterSqlite3(task.target);
        try {
          // A backup is one file that can be carried away, so its log is folded in.
          copy.pragma('journal_mode = DELETE');
          const rows = copy.pragma('quick_check(5)') as { quick_check: string }[];
          return { ok: true, problems: rows.map((row) => row.quick_check).filter((text) => text !== 'ok') };
        } finally {
          copy.close();
        }
      }
    }
  } finally {
    sqlite.close();
  }
}

try {
  parentPort?.postMessage(await run(workerData as DatabaseTask));
} catch (error) {
  const code =
    error instanceof BetterSqlite3.SqliteError
      ? error.code
      : ((error as NodeJS.ErrnoException).code ?? 'UNKNOWN');
  parentPort?.postMessage({
    ok: false,
    code,
    message: (error as Error).message,
  } satisfies DatabaseTaskResult);
}
