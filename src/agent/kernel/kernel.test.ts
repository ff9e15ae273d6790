import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { AppError } from '../../shared/contract/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { systemClock } from './clock.ts';
import { defaultDataDir, loadConfig } from './config.ts';
import { decodeCursor, encodeCursor, pageOf } from './cursor.ts';
import { dataDirPaths, inspectDatabase, lockDataDir, networkFileSystem, prepareDataDir } from './data-dir.ts';
import { Database } from './database/database.ts';
import { DatabaseMaintenance, backupName, listBackups, runDatabaseTask } from './database/maintenance.ts';
import { SCHEMA_VERSION } from './database/migrations/index.ts';
import { readDatabaseHeader } from './database/sqlite-header.ts';
import { decideEgress, Egress, isLoopback } from './egress.ts';
import { newId, newToken } from './ids.ts';
import { Journal, type Signer } from './journal.ts';
import { createLogger, redactText } from './logger.ts';
import { assertNodeVersion } from './node-version.ts';
import { loadNodeIdentity, loadSigner } from './node-identity.ts';
import { RuntimeProfile } from './profile.ts';
import { Secrets } from './secrets.ts';

let directory: TemporaryDirectory;
const quiet = createLogger({ level: 'silent' });
const signal = new AbortController().signal;

beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

async function openDatabase(name = 'modelops.db'): Promise<Database> {
  const database = Database.open(join(directory.path, name));
  await database.migrate();
  onTestFinished(() => database.close());
  return database;
}

const refusal = (run: () => unknown): AppError => {
  try {
    run();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('it was accepted');
};
const refused = async (run: Promise<unknown>): Promise<AppError> =>
  run.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: unknown) => error as AppError,
  );

describe('Node', () => {
  it.each(['18.0.0', '20.20.2', '23.9.0'])('%s is refused with a sentence', (version) => {
    expect(() => assertNodeVersion(version)).toThrow(/needs Node.js 24/);
  });
  it('24 and later pass', () => {
    expect(() => assertNodeVersion('24.0.0')).not.toThrow();
    expect(() => assertNodeVersion('26.1.0')).not.toThrow();
  });
});

describe('ids', () => {
  it('never go backwards', () => {
    const ids = Array.from({ length: 5000 }, newId);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('the configuration', () => {
  const env = { MODELOPS_DATA_DIR: '/env', DOCKER_HOST: 'unix:///env.sock', MODELOPS_PROFILE: 'offline' };

  it('takes the command line over the environment over the file', async () => {
    const file = join(directory.path, 'c.yaml');
    await writeFile(file, 'data_dir: /file\nport: 1\nhost: 127.0.0.1\nlog_level: debug\nprofile: online\n');
    const config = await loadConfig({ argv: { port: 2 }, env, file });
    expect(config).toMatchObject({
      dataDir: '/env',
      port: 2,
      logLevel: 'debug',
      dockerHost: 'unix:///env.sock',
      profile: { profile: 'offline', source: 'environment' },
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads config.yaml of the data directory when there is one', async () => {
    await writeFile(join(directory.path, 'config.yaml'), 'port: 9');
    expect((await loadConfig({ argv: { data_dir: directory.path }, env: {} })).port).toBe(9);
  });

  it.each([
    ['an unknown key', 'prot: 1', 'prot'],
    ['a wrong value', 'port: 70000', 'port'],
    ['a wrong profile', 'profile: away', 'profile'],
  ])('refuses %s and names it', async (_name, text, field) => {
    const file = join(directory.path, 'c.yaml');
    await writeFile(file, text);
    expect(await refused(loadConfig({ argv: {}, env: {}, file }))).toMatchObject({
      code: 'invalid_argument',
      details: { fields: [field] },
    });
  });

  it('lets other machines in only with TLS and a name', async () => {
    const load = (argv: object) => loadConfig({ argv: { data_dir: directory.path, ...argv }, env: {} });
    expect(await refused(load({ host: '0.0.0.0' }))).toMatchObject({ details: { fields: ['host'] } });
    expect(await refused(load({ host: '0.0.0.0', insecure: true }))).toMatchObject({
      details: { fields: ['allowed_hosts'] },
    });
    expect(await refused(load({ tls_cert: 'x' }))).toMatchObject({ code: 'invalid_argument' });
    expect((await load({ host: '0.0.0.0', insecure: true, allowed_hosts: ['box'] })).host).toBe('0.0.0.0');
  });

  it.each([
    ['linux', { XDG_DATA_HOME: '/x' }, '/x/modelops-node'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/ModelOps Node'],
  ] as const)('keeps its data on %s where people expect it', (platform, variables, path) => {
    expect(defaultDataDir(variables, platform)).toBe(path);
  });
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
    const database = await openDatabase('whole.db');
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

describe('a transaction', () => {
  it('is all or nothing, and its effects follow only when it is durable', async () => {
    const database = await openDatabase();
    const effects: string[] = [];
    const put = (key: string): void =>
      void database.prepare('INSERT INTO meta (key, value) VALUES (:key, :key)').run({ key });
    await expect(
      database.transact((unit) => {
        put('a');
        unit.after(() => effects.push('never'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await database.transact((unit) => {
      put('b');
      unit.after(() => effects.push('told'));
      expect(effects).toEqual([]);
    });
    expect(effects).toEqual(['told']);
    expect(database.prepare<{ key: string }>("SELECT key FROM meta WHERE key IN ('a', 'b')").all({})).toEqual(
      [{ key: 'b' }],
    );
  });

  it('waits for the disk, sharing one sync among all that wait', async () => {
    const database = await openDatabase();
    const insert = database.prepare('INSERT INTO meta (key, value) VALUES (:key, :key)');
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => database.transact(() => insert.run({ key: `k${i}` }))),
    );
    // Another connection sees them all: they were committed, not only promised.
    const other = new BetterSqlite3(database.path, { readonly: true });
    onTestFinished(() => void other.close());
    expect(other.prepare("SELECT COUNT(*) AS n FROM meta WHERE key LIKE 'k%'").get()).toEqual({ n: 200 });
  });

  it('stops all writing when SQLite reports damage, and goes on reading', async () => {
    const told: string[] = [];
    const database = Database.open(join(directory.path, 'c.db'), (message) => told.push(message));
    onTestFinished(() => database.close());
    await database.migrate();
    database.markCorrupt('page 7');
    expect(refusal(() => database.prepare("INSERT INTO meta VALUES ('x', 'y')").run({}))).toMatchObject({
      code: 'database_corrupt',
    });
    expect((await refused(database.transact(() => undefined))).code).toBe('database_corrupt');
    expect(database.prepare<{ n: number }>('SELECT COUNT(*) AS n FROM journal').get({})).toEqual({ n: 0 });
    expect(told).toEqual(['page 7']);
  });

  it('notices damage by itself', async () => {
    const path = join(directory.path, 'd.db');
    const database = Database.open(path);
    await database.migrate();
    await database.transact(() => {
      for (let i = 0; i < 20_000; i += 1)
        database.prepare('INSERT INTO meta (key, value) VALUES (:key, :key)').run({ key: `key-${i}` });
    });
    await runDatabaseTask({ kind: 'checkpoint', path, truncate: true });
    await database.close();
    const bytes = await readFile(path);
    // The last pages hold rows, not the schema.
    bytes.fill(0xff, bytes.length - 4096 * 50, bytes.length - 4096 * 10);
    await writeFile(path, bytes);
    const damaged = Database.open(path);
    onTestFinished(() => damaged.close());
    const error = refusal(() => damaged.prepare('SELECT COUNT(value) FROM meta').get({}));
    expect(error.code).toBe('database_corrupt');
    expect(damaged.state).toBe('corrupt');
  });
});

describe('backups', () => {
  it('are whole, dated and kept for a week of days', async () => {
    const database = await openDatabase();
    let now = Date.parse('2026-11-01T12:00:00Z');
    const backups = join(directory.path, 'backups');
    const maintenance = new DatabaseMaintenance(database, backups, { now: () => now }, quiet);
    for (let day = 0; day < 9; day += 1) {
      await maintenance.daily();
      now += 86_400_001;
    }
    const found = await listBackups(backups);
    expect(found).toHaveLength(7);
    expect(found[0]).toMatchObject({
      created_at: '2026-11-09T12:00:00.000Z',
      schema_version: SCHEMA_VERSION,
    });
    expect(await runDatabaseTask({ kind: 'check', path: found[0]?.path ?? '' })).toEqual([]);
  });

  it('never overwrite a file', async () => {
    const database = await openDatabase();
    const maintenance = new DatabaseMaintenance(database, join(directory.path, 'b'), systemClock, quiet);
    const target = join(directory.path, 'mine.db');
    await writeFile(target, 'precious');
    expect((await refused(maintenance.backup(target))).code).toBe('already_exists');
    expect(await readFile(target, 'utf8')).toBe('precious');
  });

  it('find damage in a worker', async () => {
    const database = await openDatabase('e.db');
    await runDatabaseTask({ kind: 'checkpoint', path: database.path, truncate: true });
    const copy = join(directory.path, 'copy.db');
    const bytes = await readFile(database.path);
    bytes.fill(0x55, 4096 * 2, 4096 * 4);
    await writeFile(copy, bytes);
    const problems = await runDatabaseTask({ kind: 'check', path: copy }).catch((error: AppError) => [
      error.code,
    ]);
    expect(problems.length).toBeGreaterThan(0);
  });

  it('carry their time in their name', () => {
    expect(backupName(Date.parse('2026-11-21T01:02:03.456Z'), 'schema1')).toBe(
      'modelops-20261121T010203Z-schema1.db',
    );
  });
});

describe('the journal', () => {
  const signer = (): Signer & { signed: number } => {
    const made = {
      fingerprint: 'f',
      publicKey: Buffer.alloc(0),
      signed: 0,
      sign: () => ((made.signed += 1), 'c2ln'),
    };
    return made;
  };
  const append = (database: Database, journal: Journal, action: string, note?: string): Promise<void> =>
    database.transact(
      (unit) =>
        void journal.append(unit, { actorId: null, action, subject: 'model:a', data: { n: 1 }, note }),
    );

  it('is a chain that verifies, also after notes and data were erased', async () => {
    const database = await openDatabase();
    const journal = new Journal(database, systemClock);
    const told: number[] = [];
    journal.listen((record) => told.push(record.seq));
    for (const action of ['a', 'b', 'c']) await append(database, journal, action, 'because');
    expect(told).toEqual([1, 2, 3]);
    await database.transact(() => {
      database.prepare('DELETE FROM journal_notes').run({});
      database.prepare('UPDATE journal SET data = NULL WHERE seq = 2').run({});
    });
    expect(await journal.verify(null, signal)).toMatchObject({ ok: true, rows: 3, signed_seq: 0 });
  });

  it('cannot be changed or shortened through SQL', async () => {
    const database = await openDatabase();
    const journal = new Journal(database, systemClock);
    await append(database, journal, 'a');
    for (const sql of [
      "UPDATE journal SET action = 'z'",
      "UPDATE journal SET data = 'z'",
      'DELETE FROM journal',
    ]) {
      expect(() => database.prepare(sql).run({})).toThrow(/append-only/);
    }
  });

  it.each([
    ['a changed row', "UPDATE journal SET action = 'x' WHERE seq = 2", 2],
    ['changed data', `UPDATE journal SET data = '{"n":2}' WHERE seq = 2`, 2],
    ['a row that is gone', 'DELETE FROM journal WHERE seq = 2', 2],
  ])('tells %s', async (_name, sql, brokenAt) => {
    const database = await openDatabase();
    const journal = new Journal(database, systemClock);
    for (const action of ['a', 'b', 'c']) await append(database, journal, action);
    const raw = new BetterSqlite3(database.path);
    raw.exec('DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete;');
    raw.exec(sql);
    raw.close();
    expect(await journal.verify(null, signal)).toMatchObject({ ok: false, broken_at: brokenAt });
  });

  it('signs its head every thousand rows, and a cut tail is noticed', async () => {
    const database = await openDatabase();
    const journal = new Journal(database, systemClock);
    const key = signer();
    journal.signer = key;
    await database.transact((unit) => {
      for (let i = 0; i < 1001; i += 1) journal.append(unit, { actorId: null, action: 'a', subject: null });
    });
    expect(key.signed).toBe(1);
    const raw = new BetterSqlite3(database.path);
    raw.exec(
      'PRAGMA foreign_keys = OFF; DROP TRIGGER journal_no_delete; DELETE FROM journal WHERE seq > 500;',
    );
    raw.close();
    expect(await journal.verify(null, signal)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('ends at 500'),
    });
  });

  it('keeps its times in order when the clock is set back', async () => {
    const database = await openDatabase();
    let now = 1000;
    const journal = new Journal(database, { now: () => now });
    await append(database, journal, 'a');
    now = 10;
    await append(database, journal, 'b');
    expect(journal.after(0, 10).map((row) => row.at)).toEqual([1000, 1000]);
    expect(await journal.verify(null, signal)).toMatchObject({ ok: true });
  });

  it('is vouched for by the key of the node', async () => {
    const database = await openDatabase();
    const paths = dataDirPaths(directory.path);
    const secrets = await Secrets.open(database, paths, systemClock, null);
    const journal = new Journal(database, systemClock);
    journal.signer = loadSigner(database, secrets);
    await append(database, journal, 'a');
    journal.signHead();
    const { publicKey } = loadNodeIdentity(database);
    expect(await journal.verify(publicKey, signal)).toMatchObject({ ok: true, signed_seq: 1 });
    expect(loadSigner(database, secrets)?.fingerprint).toBe(journal.signerFingerprint);
  });
});

describe('secrets', () => {
  const open = (database: Database, offered: Buffer | null = null): Promise<Secrets> =>
    Secrets.open(database, dataDirPaths(directory.path), systemClock, offered);
  const key = Buffer.alloc(32, 7);

  it('are sealed under a key that lies in a 0600 file', async () => {
    const database = await openDatabase();
    const secrets = await open(database);
    await database.transact(() => secrets.put('hub', 'hf_verysecret'));
    expect(secrets).toMatchObject({ state: 'unlocked', wrappedBy: 'file' });
    const paths = dataDirPaths(directory.path);
    expect((await stat(paths.secretsKey)).mode & 0o777).toBe(0o600);
    expect((await stat(paths.secretsWrap)).mode & 0o777).toBe(0o600);
    expect((await open(database)).get('hub')).toBe('hf_verysecret');
    expect((await open(database)).get('nothing')).toBeNull();
    expect((await readFile(database.path)).includes('verysecret')).toBe(false);
  });

  it('are locked without the keychain that made them, and open with it', async () => {
    const database = await openDatabase();
    const made = await open(database, key);
    await database.transact(() => made.put('hub', 'x'));
    expect(made.wrappedBy).toBe('keychain');
    const locked = await open(database);
    expect(locked.state).toBe('locked');
    expect(refusal(() => locked.get('hub'))).toMatchObject({ code: 'secrets_locked' });
    expect(refusal(() => locked.unlock(Buffer.alloc(32, 8)))).toMatchObject({ code: 'forbidden' });
    locked.unlock(key);
    expect(locked.get('hub')).toBe('x');
  });

  it('move to another keeper without being written again', async () => {
    const database = await openDatabase();
    const made = await open(database, key);
    await database.transact(() => made.put('hub', 'x'));
    await made.rewrap('file', null);
    expect((await open(database)).get('hub')).toBe('x');
    await made.rewrap('keychain', key);
    expect((await open(database)).state).toBe('locked');
    expect((await open(database, key)).get('hub')).toBe('x');
  });

  it('are not made anew over old ones whose key is lost', async () => {
    const database = await openDatabase();
    const made = await open(database);
    await database.transact(() => made.put('hub', 'x'));
    const paths = dataDirPaths(directory.path);
    const { rm } = await import('node:fs/promises');
    await rm(paths.secretsWrap);
    expect((await open(database)).state).toBe('locked');
    await expect(stat(paths.secretsWrap)).rejects.toThrow('ENOENT');
  });

  it('notice that a row was changed from outside', async () => {
    const database = await openDatabase();
    const made = await open(database);
    await database.transact(() => {
      made.put('a', 'x');
      made.put('b', 'y');
      // A sealed value moved under another name does not open.
      database
        .prepare(
          "UPDATE secrets SET nonce = (SELECT nonce FROM secrets WHERE name = 'a'), ciphertext = (SELECT ciphertext FROM secrets WHERE name = 'a') WHERE name = 'b'",
        )
        .run({});
    });
    expect(refusal(() => made.get('b'))).toMatchObject({ code: 'database_corrupt' });
  });
});

describe('what may leave the machine', () => {
  const offline = { profile: 'offline', allowedPeers: ['https://mirror.local'] } as const;
  it.each([
    ['docker', 'http://127.0.0.1:2375', true],
    ['docker', 'http://[::1]:2375', true],
    ['docker', 'http://localhost:2375', true],
    ['docker', 'http://10.0.0.5:2375', false],
    ['hub', 'http://127.0.0.1:8080', false],
    ['hub', 'https://mirror.local', true],
    ['image_pull', 'http://127.0.0.1', false],
    ['federation', 'https://central.example', false],
  ] as const)('offline, %s to %s: %s', (purpose, origin, allowed) => {
    expect(decideEgress({ purpose, origin }, offline).ok).toBe(allowed);
    expect(decideEgress({ purpose, origin }, { ...offline, profile: 'online' }).ok).toBe(true);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['fe80::1', false],
  ])('%s is loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });

  it('is counted when it is refused', () => {
    const egress = new Egress(() => offline, { now: () => 5 });
    let told = 0;
    egress.onRefused(() => (told += 1));
    expect(
      refusal(() => egress.assertAllowed({ purpose: 'hub', origin: 'https://hub.example' })),
    ).toMatchObject({ code: 'runtime_profile_blocks_internet' });
    expect(egress).toMatchObject({
      refusedCount: 1,
      refusedAttempts: [{ host: 'hub.example', purpose: 'hub', at: 5 }],
    });
    expect(told).toBe(1);
  });

  it('is asked again at every new connection', async () => {
    let profile: 'online' | 'offline' = 'online';
    const egress = new Egress(() => ({ profile, allowedPeers: [] }), systemClock);
    const pool = egress.originPool({ purpose: 'provider', origin: 'http://127.0.0.1:9' }, 1);
    onTestFinished(() => pool.destroy());
    profile = 'offline';
    await expect(pool.request({ path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'runtime_profile_blocks_internet',
    });
  });
});

describe('the runtime profile', () => {
  it('starts online, is kept, and told', async () => {
    const database = await openDatabase();
    const journal = new Journal(database, systemClock);
    const profile = new RuntimeProfile(database, journal, systemClock, null);
    const told: string[] = [];
    profile.listen((now) => told.push(now));
    expect(profile.state).toEqual({ profile: 'online', locked: false, source: 'default' });
    await profile.set('offline', null);
    await profile.set('offline', null);
    expect(told).toEqual(['offline']);
    expect(new RuntimeProfile(database, journal, systemClock, null).state).toEqual({
      profile: 'offline',
      locked: false,
      source: 'stored',
    });
  });

  it('is locked when it comes from outside', async () => {
    const database = await openDatabase();
    const profile = new RuntimeProfile(database, new Journal(database, systemClock), systemClock, {
      profile: 'offline',
      source: 'environment',
    });
    expect(profile.state.locked).toBe(true);
    expect((await refused(profile.set('online', null))).code).toBe('runtime_profile_locked');
  });
});

describe('logs', () => {
  it('carry no secret, whatever field or text it stands in', () => {
    const lines: string[] = [];
    const log = createLogger({
      level: 'info',
      destination: { write: (line: string) => void lines.push(line) },
    });
    const token = newToken('mok');
    log.info(
      {
        token,
        headers: { authorization: `Bearer ${token}` },
        nested: { deep: { api_key: 'sk-abcdefghijklmnopqrstuv' } },
      },
      `called with ${token}`,
    );
    const text = lines.join('');
    expect(text).not.toContain(token);
    expect(text).not.toContain('sk-abc');
    expect(text).toContain('[redacted]');
  });

  it('lets ordinary text pass', () => {
    expect(redactText('model sample-v1 in slot chat')).toBe('model sample-v1 in slot chat');
    expect(redactText('Authorization: Bearer abc.def')).toBe('Authorization: [redacted]');
  });
});

describe('cursors', () => {
  const schema = z.tuple([z.string(), z.int()]);
  it('come back as they went', () => {
    expect(decodeCursor(encodeCursor(['a/ä', 7]), schema)).toEqual(['a/ä', 7]);
    expect(decodeCursor(undefined, schema)).toBeNull();
  });
  it.each(['x', '', Buffer.from('[1]').toString('base64url'), Buffer.from('{').toString('base64url')])(
    'refuse %s',
    (cursor) => {
      expect(refusal(() => decodeCursor(cursor, schema))).toMatchObject({
        code: 'invalid_argument',
        details: { fields: ['cursor'] },
      });
    },
  );
  it('split a page from the row after it', () => {
    expect(pageOf([1, 2, 3], 2)).toEqual({ rows: [1, 2], next: 2 });
    expect(pageOf([1, 2], 2)).toEqual({ rows: [1, 2], next: null });
  });
});
