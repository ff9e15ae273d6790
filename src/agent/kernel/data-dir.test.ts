import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { dataDirPaths, inspectDatabase, lockDataDir, networkFileSystem, prepareDataDir } from './data-dir.ts';
import { runDatabaseTask } from './database/maintenance.ts';
import { SCHEMA_VERSION } from './database/migrations/index.ts';
import { readDatabaseHeader } from './database/sqlite-header.ts';
import { refused } from '../../../test/support/refusals.ts';
import { openDatabase } from '../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

describe('the data directory', () => {
  it('is private, and locked against a second agent until the first lets go', async () => {
    const paths = dataDirPaths(join(directory.path, 'data'));
    await prepareDataDir(paths);
    expect((await stat(paths.root)).mode & 0o777).toBe(0o700);
    const lock = await lockDataDir(paths);
    expect((await refused(lockDataDir(paths))).code).toBe('data_dir_locked');
    lock.release();
    (await lockDataDir(paths)).release();
  });

  it('is refused when a file is in its place', async () => {
    await writeFile(join(directory.path, 'file'), '');
    expect(await refused(prepareDataDir(dataDirPaths(join(directory.path, 'file'))))).toMatchObject({
      code: 'data_dir_unusable',
      message: expect.stringContaining('file'),
    });
  });

  it('keeps sockets in a short path', () => {
    const long = `/data/${'x'.repeat(100)}`;
    expect(dataDirPaths('/data/m', {}).runtime).toBe('/data/m/run');
    expect(dataDirPaths(long, { XDG_RUNTIME_DIR: '/run/user/1000' }).runtime).toMatch(
      /^\/run\/user\/1000\/modelops-[0-9a-f]{8}$/,
    );
    expect(Buffer.byteLength(dataDirPaths(long, {}).runtime)).toBeLessThan(60);
  });

  it.each([
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 | 0, 'CIFS'],
    [0xef53, null],
    [0x9123683e, null],
  ])('knows file system %i as %s', (type, name) => {
    expect(networkFileSystem(type)).toBe(name);
  });
});

describe('the database file', () => {
  it('is looked at without being opened, also what only its log knows', async () => {
    const path = join(directory.path, 'x.db');
    expect(await readDatabaseHeader(path)).toBeNull();
    const sqlite = new BetterSqlite3(path);
    onTestFinished(() => void sqlite.close());
    sqlite.pragma('journal_mode = WAL');
    sqlite.exec('CREATE TABLE t (x)');
    sqlite.pragma('wal_checkpoint(TRUNCATE)');
    expect(await readDatabaseHeader(path)).toMatchObject({ valid: true, userVersion: 0, hasWal: false });
    sqlite.pragma('user_version = 41');
    const before = await readFile(path);
    expect(await readDatabaseHeader(path)).toMatchObject({ userVersion: 41, hasWal: true });
    expect(await readFile(path)).toEqual(before);
  });

  it('does not count a version that was rolled back', async () => {
    const path = join(directory.path, 'x.db');
    const sqlite = new BetterSqlite3(path);
    onTestFinished(() => void sqlite.close());
    sqlite.pragma('journal_mode = WAL');
    sqlite.exec('CREATE TABLE t (x)');
    sqlite.exec('BEGIN; PRAGMA user_version = 9; ROLLBACK;');
    expect(await readDatabaseHeader(path)).toMatchObject({ userVersion: 0 });
  });

  it('of a newer agent is refused and stays as it is', async () => {
    const paths = dataDirPaths(directory.path);
    const sqlite = new BetterSqlite3(paths.database);
    sqlite.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    sqlite.close();
    const before = await readFile(paths.database);
    expect(await refused(inspectDatabase(paths))).toMatchObject({
      code: 'schema_too_new',
      details: { found: SCHEMA_VERSION + 1 },
    });
    expect(await readFile(paths.database)).toEqual(before);
  });

  it('that is not one, or is cut off, is refused with the way to the backups', async () => {
    const paths = dataDirPaths(directory.path);
    await writeFile(
      paths.database,
      'not a database at all, but long enough to have a header of one hundred bytes, which this text surely is by now',
    );
    expect(await refused(inspectDatabase(paths))).toMatchObject({
      code: 'database_corrupt',
      message: expect.stringContaining(paths.backups),
    });
    const database = await openDatabase(join(directory.path, 'whole.db'));
    database.prepare('SELECT 1').get({});
    await runDatabaseTask({ kind: 'checkpoint', path: database.path, truncate: true });
    const whole = await readFile(database.path);
    await writeFile(paths.database, whole.subarray(0, whole.length - 4096));
    expect(await refused(inspectDatabase(paths))).toMatchObject({
      code: 'database_corrupt',
      message: expect.stringContaining('ends at'),
    });
  });
});
