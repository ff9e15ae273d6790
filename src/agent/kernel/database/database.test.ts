import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../test/support/temporary.ts';
import { Database } from './database.ts';
import { runDatabaseTask } from './maintenance.ts';
import { refusal, refused } from '../../../../test/support/refusals.ts';
import { openDatabase } from '../../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

describe('a transaction', () => {
  it('is all or nothing, and its effects follow only when it is durable', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
