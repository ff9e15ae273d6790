import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { systemClock } from './clock.ts';
import { dataDirPaths } from './data-dir.ts';
import type { Database } from './database/database.ts';
import { Journal, type Signer } from './journal.ts';
import { loadNodeIdentity, loadSigner } from './node-identity.ts';
import { Secrets } from './secrets.ts';
import { openDatabase } from '../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});
const signal = new AbortController().signal;

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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    const journal = new Journal(database, systemClock);
    for (const action of ['a', 'b', 'c']) await append(database, journal, action);
    const raw = new BetterSqlite3(database.path);
    raw.exec('DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete;');
    raw.exec(sql);
    raw.close();
    expect(await journal.verify(null, signal)).toMatchObject({ ok: false, broken_at: brokenAt });
  });

  it('signs its head every thousand rows, and a cut tail is noticed', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    let now = 1000;
    const journal = new Journal(database, { now: () => now });
    await append(database, journal, 'a');
    now = 10;
    await append(database, journal, 'b');
    expect(journal.after(0, 10).map((row) => row.at)).toEqual([1000, 1000]);
    expect(await journal.verify(null, signal)).toMatchObject({ ok: true });
  });

  it('is vouched for by the key of the node', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
