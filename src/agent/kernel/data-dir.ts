import BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { chmod, mkdir, open, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../shared/contract/index.ts';
import { readAgentFile, sharedFiles, type AgentFile } from './agent-file.ts';
import { readDatabaseHeader } from './database/sqlite-header.ts';
import { SCHEMA_VERSION } from './database/migrations/index.ts';
import { writeFileDurably } from './files.ts';

/** Where everything of a node lies. */
export interface DataDir {
  readonly root: string;
  readonly database: string;
  readonly lock: string;
  readonly agentFile: string;
  readonly adminToken: string;
  readonly backups: string;
  readonly secretsKey: string;
  readonly secretsWrap: string;
  readonly store: string;
  readonly samples: string;
  readonly userRuntimes: string;
  readonly caches: string;
  readonly logs: string;
  /** Sockets of runtimes. Short, because a Unix socket's path may have 107 bytes only. */
  readonly runtime: string;
}

/** The longest runtime directory that leaves room for `/<slot>/<attempt>/s.sock`. */
const RUNTIME_DIR_BYTES = 60;

export function dataDirPaths(root: string, env: NodeJS.ProcessEnv = process.env): DataDir {
  const { agentFile, adminToken, logs } = sharedFiles(root);
  return {
    root,
    database: join(root, 'modelops.db'),
    lock: join(root, 'agent.lock'),
    agentFile,
    adminToken,
    backups: join(root, 'backups'),
    secretsKey: join(root, 'secrets.key'),
    secretsWrap: join(root, 'secrets.json'),
    store: join(root, 'store'),
    samples: join(root, 'samples'),
    userRuntimes: join(root, 'runtimes'),
    caches: join(root, 'caches'),
    logs,
    runtime: runtimeDir(root, env),
  };
}

function runtimeDir(root: string, env: NodeJS.ProcessEnv): string {
  const own = join(root, 'run');
  if (Buffer.byteLength(own) <= RUNTIME_DIR_BYTES) return own;
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const base = env['XDG_RUNTIME_DIR'];
  if (base !== undefined && Buffer.byteLength(base) < RUNTIME_DIR_BYTES - 20)
    return join(base, `modelops-${digest}`);
  return join(tmpdir(), `modelops-${userInfo().uid}-${digest}`);
}

/** statfs types of file systems whose locks and write order SQLite cannot rely on (linux/magic.h). */
const NETWORK_FILE_SYSTEMS = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB 2'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x47504653, 'GPFS'],
  [0x0bd00bd0, 'Lustre'],
]);

/** The name of the network file system a statfs type stands for, or null. */
export function networkFileSystem(type: number): string | null {
  // statfs types are 32-bit; some arrive sign-extended.
  return NETWORK_FILE_SYSTEMS.get(type >>> 0) ?? null;
}

/**
 * Makes the data directory and everything in it that has to exist.
 * @throws {AppError} `data_dir_unusable` when it cannot be written or lies on a network file system.
 */
export async function prepareDataDir(paths: DataDir): Promise<void> {
  try {
    await mkdir(paths.root, { recursive: true, mode: 0o700 });
    const { type } = await statfs(paths.root);
    const network = networkFileSystem(type);
    if (network !== null) {
      throw new AppError(
        'data_dir_unusable',
        `${paths.root} lies on a network file system (${network}); a database is not safe there.`,
      );
    }
    // First of all, because making a directory on a read-only disk fails with a reason that says nothing.
    await assertWritable(paths.root);
    const below = [paths.store, paths.samples, paths.userRuntimes, paths.caches, paths.logs, paths.backups];
    for (const directory of below) await mkdir(directory, { recursive: true, mode: 0o700 });
    await prepareRuntimeDir(paths.runtime);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const words: Record<string, string> = {
      EACCES: 'it may not be written by this user',
      EPERM: 'it may not be written by this user',
      EROFS: 'the disk is mounted read-only',
      ENOSPC: 'the disk is full',
      EDQUOT: 'the quota is used up',
      ENOTDIR: 'a part of the path is a file',
      EEXIST: 'a file is in its place',
    };
    throw new AppError(
      'data_dir_unusable',
      `The data directory ${paths.root} cannot be used: ${words[code] ?? code}.`,
      { cause: error },
    );
  }
}

async function assertWritable(directory: string): Promise<void> {
  const probe = join(directory, `.write-${process.pid}`);
  const file = await open(probe, 'w', 0o600);
  try {
    await file.write('ok');
    await file.sync();
  } finally {
    await file.close();
    await rm(probe, { force: true });
  }
}

/** Other users must not be able to plant a socket, so a directory in a shared place has to be ours and closed. */
async function prepareRuntimeDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const info = await stat(path);
  if (process.getuid !== undefined && info.uid !== process.getuid()) {
    throw new AppError('data_dir_unusable', `${path} belongs to another user.`);
  }
  if ((info.mode & 0o777) !== 0o700) await chmod(path, 0o700);
}

/** Held until the process ends; the operating system releases it with the process, however that ends. */
export interface DataDirLock {
  release(): void;
}

/**
 * Takes the lock against a second agent: an exclusive lock of SQLite on a file of its own.
 * @throws {AppError} `data_dir_locked`, naming the process that holds it when that is known.
 */
export async function lockDataDir(paths: DataDir): Promise<DataDirLock> {
  const sqlite = new BetterSqlite3(paths.lock, { timeout: 0 });
  try {
    sqlite.pragma('locking_mode = EXCLUSIVE');
    sqlite.exec('BEGIN EXCLUSIVE');
    await chmod(paths.lock, 0o600);
    return {
      release: () => {
        sqlite.exec('ROLLBACK');
        sqlite.close();
      },
    };
  } catch (error) {
    sqlite.close();
    if (!(error instanceof BetterSqlite3.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
    const holder = await readAgentFile(paths);
    const who = holder === null ? 'Another agent' : `Another agent (process ${holder.pid})`;
    throw new AppError('data_dir_locked', `${who} uses ${paths.root}.`, {
      details: holder === null ? {} : { pid: holder.pid, url: holder.url },
    });
  }
}

/**
 * Looks at the database file before anything opens it.
 * @returns the schema version it has; 0 for a new one.
 * @throws {AppError} `schema_too_new`, `database_corrupt`. Nothing was touched.
 */
export async function inspectDatabase(paths: DataDir): Promise<{ version: number; sizeBytes: number }> {
  const header = await readDatabaseHeader(paths.database);
  if (header === null) return { version: 0, sizeBytes: 0 };
  const where = `Backups lie in ${paths.backups}.`;
  if (!header.valid) {
    throw new AppError('database_corrupt', `${paths.database} is not a SQLite database. ${where}`);
  }
  if (header.userVersion > SCHEMA_VERSION) {
    throw new AppError(
      'schema_too_new',
      `The database was written by a newer version (schema ${header.userVersion}; this one knows ${SCHEMA_VERSION}). It was not touched.`,
      { details: { found: header.userVersion, known: SCHEMA_VERSION } },
    );
  }
  // While a log waits, the main file may rightly be shorter than its first page says.
  const expected = header.pageCount * header.pageSize;
  if (!header.hasWal && header.pageCount > 0 && header.fileSize < expected) {
    throw new AppError(
      'database_corrupt',
      `${paths.database} ends at ${header.fileSize} of ${expected} bytes. ${where}`,
    );
  }
  return { version: header.userVersion, sizeBytes: header.fileSize };
}

export async function writeAgentFile(paths: DataDir, agent: AgentFile): Promise<void> {
  await writeFileDurably(paths.agentFile, `${JSON.stringify(agent)}\n`, 0o600);
}
