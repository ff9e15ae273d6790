import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AppError } from '../../../shared/contract/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../test/support/temporary.ts';
import { systemClock } from '../clock.ts';
import { DatabaseMaintenance, backupName, listBackups, runDatabaseTask } from './maintenance.ts';
import { SCHEMA_VERSION } from './migrations/index.ts';
import { createLogger } from '../logger.ts';
import { refused } from '../../../../test/support/refusals.ts';
import { openDatabase } from '../../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});
const quiet = createLogger({ level: 'silent' });

describe('backups', () => {
  it('are whole, dated and kept for a week of days', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    const maintenance = new DatabaseMaintenance(database, join(directory.path, 'b'), systemClock, quiet);
    const target = join(directory.path, 'mine.db');
    await writeFile(target, 'precious');
    expect((await refused(maintenance.backup(target))).code).toBe('already_exists');
    expect(await readFile(target, 'utf8')).toBe('precious');
  });

  it('find damage in a worker', async () => {
    const database = await openDatabase(join(directory.path, 'e.db'));
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
