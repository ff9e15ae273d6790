import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { systemClock } from './clock.ts';
import { dataDirPaths } from './data-dir.ts';
import type { Database } from './database/database.ts';
import { Secrets } from './secrets.ts';
import { refusal } from '../../../test/support/refusals.ts';
import { openDatabase } from '../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

describe('secrets', () => {
  const open = (database: Database, offered: Buffer | null = null): Promise<Secrets> =>
    Secrets.open(database, dataDirPaths(directory.path), systemClock, offered);
  const key = Buffer.alloc(32, 7);

  it('are sealed under a key that lies in a 0600 file', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    const made = await open(database, key);
    await database.transact(() => made.put('hub', 'x'));
    await made.rewrap('file', null);
    expect((await open(database)).get('hub')).toBe('x');
    await made.rewrap('keychain', key);
    expect((await open(database)).state).toBe('locked');
    expect((await open(database, key)).get('hub')).toBe('x');
  });

  it('are not made anew over old ones whose key is lost', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    const made = await open(database);
    await database.transact(() => made.put('hub', 'x'));
    const paths = dataDirPaths(directory.path);
    const { rm } = await import('node:fs/promises');
    await rm(paths.secretsWrap);
    expect((await open(database)).state).toBe('locked');
    await expect(stat(paths.secretsWrap)).rejects.toThrow('ENOENT');
  });

  it('notice that a row was changed from outside', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
