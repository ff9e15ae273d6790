import { Worker } from 'node:worker_threads';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../shared/contract/index.ts';
import { toIso, type Clock } from '../clock.ts';
import { exists, fsyncDirectory, fsyncFile, translateFs } from '../files.ts';
import type { Logger } from '../logger.ts';
import { workerPath } from '../worker-entry.ts';
import type { Database } from './database.ts';
import type { DatabaseTask, DatabaseTaskResult } from './database-worker.ts';
import { readDatabaseHeader } from './sqlite-header.ts';

/** A log of this size is folded into the database. */
const CHECKPOINT_BYTES = 8 * 1024 * 1024;
/** Databases up to this size are checked before the agent is ready; larger ones in a worker after it. */
export const INLINE_CHECK_BYTES = 8 * 1024 * 1024;
const KEEP_BACKUPS = 7;
const DAY_MS = 86_400_000;
const BACKUP_NAME = /^modelops-\d{8}T\d{6}Z(-[a-z0-9.]+)?\.db$/;

export interface Backup {
  readonly path: string;
  readonly size_bytes: number;
  readonly created_at: string;
  readonly schema_version: number;
}

/** Runs one task in a worker. @throws {AppError} in the words of the error table. */
export async function runDatabaseTask(task: DatabaseTask): Promise<readonly string[]> {
  const worker = new Worker(workerPath('database-worker'), { workerData: task });
  const result = await new Promise<DatabaseTaskResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the database worker ended with code ${code}`)));
  });
  if (result.ok) return result.problems;
  if (result.code.startsWith('SQLITE_CORRUPT') || result.code === 'SQLITE_NOTADB') {
    throw new AppError('database_corrupt', `SQLite reports damage in the database: ${result.message}.`);
  }
  if (result.code === 'SQLITE_FULL' || result.code === 'ENOSPC') {
    throw new AppError('resource_exhausted', 'The disk has no room for it.');
  }
  throw new AppError('storage_unavailable', `SQLite could not do it: ${result.message}.`);
}

/** Keeps the log short, the backups fresh and the database checked, all off the main thread. */
export class DatabaseMaintenance {
  readonly #database: Database;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #busy: Promise<unknown> = Promise.resolve();
  #seenCommits = 0;

  constructor(database: Database, directory: string, clock: Clock, log: Logger) {
    this.#database = database;
    this.#directory = directory;
    this.#clock = clock;
    this.#log = log;
  }

  /** Starts the periodic work. `intervalMs` is how often it looks whether there is any. */
  start(intervalMs = 60_000): void {
    this.#timer = setInterval(
      () =>
        void this.#tick().catch((error: unknown) => this.#log.error({ err: error }, 'database maintenance')),
      intervalMs,
    );
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#busy.catch(() => undefined);
  }

  /** Checks the whole database in a worker; damage stops all writing. */
  async check(): Promise<void> {
    this.#database.checking = true;
    try {
      const problems = await this.#alone({ kind: 'check', path: this.#database.path });
      if (problems.length > 0) this.#database.markCorrupt(problems[0] ?? 'integrity check failed');
    } catch (error) {
      if (error instanceof AppError && error.code === 'database_corrupt')
        this.#database.markCorrupt(error.message);
      throw error;
    } finally {
      this.#database.checking = false;
    }
  }

  async checkpoint(truncate = false): Promise<void> {
    await this.#alone({ kind: 'checkpoint', path: this.#database.path, truncate });
  }

  /**
   * Backs the database up while it is in use.
   * @throws {AppError} `already_exists`, `storage_unavailable`, `resource_exhausted`, `permission_denied`, `database_corrupt`.
   */
  async backup(target?: string, suffix?: string): Promise<Backup> {
    if (this.#database.state === 'corrupt')
      throw new AppError('database_corrupt', 'A damaged database is not backed up.');
    const path = target ?? join(this.#directory, backupName(this.#clock.now(), suffix));
    return translateFs(path, async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (await exists(path)) throw new AppError('already_exists', `${path} exists already.`);
      const part = `${path}.part`;
      await rm(part, { force: true });
      try {
        // Reserve the name with the right mode before SQLite writes into it.
        await (await open(part, 'wx', 0o600)).close();
        const problems = await this.#alone({ kind: 'backup', path: this.#database.path, target: part });
        if (problems.length > 0)
          throw new AppError('database_corrupt', `The backup does not check: ${problems[0]}.`);
        await fsyncFile(part);
        await rename(part, path);
        await fsyncDirectory(dirname(path));
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      return describe(path);
    });
  }

  /** Newest first. */
  async list(): Promise<Backup[]> {
    return listBackups(this.#directory);
  }

  async #tick(): Promise<void> {
    if (this.#database.state === 'corrupt') return;
    if (this.#database.commits !== this.#seenCommits) {
      this.#seenCommits = this.#database.commits;
      if ((await this.#database.walBytes()) > CHECKPOINT_BYTES) await this.checkpoint();
    }
    await this.daily();
  }

  /** Makes the backup of the day when it is due, and keeps the newest seven. */
  async daily(): Promise<void> {
    const [newest] = await this.list();
    if (newest !== undefined && this.#clock.now() - Date.parse(newest.created_at) <= DAY_MS) return;
    await this.backup();
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const backups = await this.list();
    await Promise.all(backups.slice(KEEP_BACKUPS).map((backup) => rm(backup.path, { force: true })));
  }

  #alone(task: DatabaseTask): Promise<readonly string[]> {
    const run = this.#busy.then(
      () => runDatabaseTask(task),
      () => runDatabaseTask(task),
    );
    this.#busy = run.catch(() => undefined);
    return run;
  }
}

/** The backups in a directory, newest first; files that are not ours are left out. */
export async function listBackups(directory: string): Promise<Backup[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  const backups = await Promise.all(
    names.filter((name) => BACKUP_NAME.test(name)).map((name) => describe(join(directory, name))),
  );
  return backups.toSorted((a, b) => b.created_at.localeCompare(a.created_at));
}

async function describe(path: string): Promise<Backup> {
  const { size, mtimeMs } = await stat(path);
  const header = await readDatabaseHeader(path);
  const named = /^modelops-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(basename(path));
  const created =
    named === null
      ? toIso(mtimeMs)
      : `${named[1]}-${named[2]}-${named[3]}T${named[4]}:${named[5]}:${named[6]}.000Z`;
  return { path, size_bytes: size, created_at: created, schema_version: header?.userVersion ?? 0 };
}

export function backupName(now: number, suffix?: string): string {
  const stamp = toIso(now).replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `modelops-${stamp}${suffix === undefined ? '' : `-${suffix}`}.db`;
}
