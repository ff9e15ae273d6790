import { copyFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, ENDPOINTS } from '../../shared/contract/index.ts';
import { dataDirPaths, lockDataDir, prepareDataDir, type DataDir } from '../../agent/kernel/data-dir.ts';
import { listBackups, runDatabaseTask } from '../../agent/kernel/database/maintenance.ts';
import { SCHEMA_VERSION } from '../../agent/kernel/database/migrations/index.ts';
import { readDatabaseHeader } from '../../agent/kernel/database/sqlite-header.ts';
import { exists, fsyncDirectory, fsyncFile } from '../../agent/kernel/files.ts';
import { action } from '../command-context.ts';
import { formatBytes, formatTable, formatTime } from '../output.ts';

export function backupCommands(program: Command): void {
  action<{ list?: boolean }>(
    program
      .command('backup')
      .description('back the database up while the agent runs')
      .argument('[file]', 'where to (default: the backups of the data directory)')
      .option('--list', 'show the backups there are'),
    async ({ agent, output, dataDir }, options, file) => {
      if (options.list === true) {
        output.result(
          { backups: await listBackups(dataDirPaths(dataDir).backups) },
          await backupTable(dataDirPaths(dataDir)),
        );
        return;
      }
      const { backup } = await (
        await agent()
      ).call(ENDPOINTS.createBackup, { body: file === undefined ? {} : { path: resolve(file) } });
      output.result(
        { backup },
        `${backup.path}  ${formatBytes(backup.size_bytes)}\n  The files of models are not in it; they lie in the store.`,
      );
    },
  );

  action<{ list?: boolean }>(
    program
      .command('restore')
      .description('put a backup in the place of the database; the agent must not run')
      .argument('[file]', 'the backup')
      .option('--list', 'show the backups there are'),
    async ({ output, dataDir }, options, file) => {
      const paths = dataDirPaths(dataDir);
      if (options.list === true || file === undefined) {
        output.result({ backups: await listBackups(paths.backups) }, await backupTable(paths));
        return;
      }
      const aside = await restore(paths, resolve(file));
      output.result(
        { restored: resolve(file), previous: aside },
        `Restored ${resolve(file)}.${aside === null ? '' : `\n  The former database lies at ${aside}.`}`,
      );
    },
  );
}

async function backupTable(paths: DataDir): Promise<string> {
  const backups = await listBackups(paths.backups);
  if (backups.length === 0) return `No backups in ${paths.backups}.`;
  return formatTable(
    ['created', 'size', 'schema', 'file'],
    backups.map((backup) => [
      formatTime(backup.created_at),
      formatBytes(backup.size_bytes),
      String(backup.schema_version),
      backup.path,
    ]),
  );
}

/**
 * Puts a backup in place of the database. The former one is kept beside it.
 * @throws {AppError} `data_dir_locked`, `not_found`, `database_corrupt`, `schema_too_new`.
 */
async function restore(paths: DataDir, file: string): Promise<string | null> {
  if (!(await exists(file))) throw new AppError('not_found', `There is no file ${file}.`);
  await prepareDataDir(paths);
  const lock = await lockDataDir(paths);
  try {
    const header = await readDatabaseHeader(file);
    if (header === null || !header.valid)
      throw new AppError('database_corrupt', `${file} is not a database.`, {
        hint: 'Choose another backup; modelops restore --list shows them.',
      });
    if (header.userVersion > SCHEMA_VERSION)
      throw new AppError(
        'schema_too_new',
        `${file} was written by a newer version (schema ${header.userVersion}).`,
      );
    const part = `${paths.database}.restoring`;
    await copyFile(file, part);
    // Checked as a copy, so that the backup itself stays as it is.
    const problems = await runDatabaseTask({ kind: 'check', path: part });
    await Promise.all(['-wal', '-shm'].map((suffix) => rm(part + suffix, { force: true })));
    if (problems.length > 0) {
      await rm(part, { force: true });
      throw new AppError('database_corrupt', `${file} is damaged: ${problems[0]}.`, {
        hint: 'Choose another backup; modelops restore --list shows them.',
      });
    }
    await fsyncFile(part);
    const aside = (await exists(paths.database))
      ? join(paths.root, `modelops.db.before-restore-${Date.now()}`)
      : null;
    if (aside !== null) {
      // The log belongs to the former database and goes with it.
      for (const suffix of ['', '-wal', '-shm']) {
        if (await exists(paths.database + suffix)) await rename(paths.database + suffix, aside + suffix);
      }
    }
    await rename(part, paths.database);
    await fsyncDirectory(paths.root);
    return aside;
  } finally {
    lock.release();
  }
}
