import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { systemClock } from './clock.ts';
import { Journal } from './journal.ts';
import { RuntimeProfile } from './profile.ts';
import { refused } from '../../../test/support/refusals.ts';
import { openDatabase } from '../../../test/support/database.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

describe('the runtime profile', () => {
  it('starts online, is kept, and told', async () => {
    const database = await openDatabase(join(directory.path, 'modelops.db'));
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
    const database = await openDatabase(join(directory.path, 'modelops.db'));
    const profile = new RuntimeProfile(database, new Journal(database, systemClock), systemClock, {
      profile: 'offline',
      source: 'environment',
    });
    expect(profile.state.locked).toBe(true);
    expect((await refused(profile.set('online', null))).code).toBe('runtime_profile_locked');
  });
});
