import { readFile } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import { writeFileDurably } from '../kernel/files.ts';
import { newId } from '../kernel/ids.ts';
import type { KeyStore } from './key-store.ts';
import type { Keys } from './keys.ts';

const ADMIN = 'admin';

/**
 * Makes sure that the file `admin-token` opens the node. Without the file, or with one that does not fit the database
 * (deleted by hand, or a restored backup), a new token takes the place of the old one.
 */
export async function ensureAdminToken(deps: {
  database: Database;
  store: KeyStore;
  keys: Keys;
  paths: DataDir;
  clock: Clock;
}): Promise<void> {
  const { database, store, keys, paths, clock } = deps;
  let principal = store.principalByName(ADMIN);
  if (principal === undefined) {
    principal = { id: newId(), role: 'superadmin' };
    const row = {
      id: principal.id,
      kind: 'person' as const,
      name: ADMIN,
      role: 'superadmin' as const,
      created_at: clock.now(),
    };
    await database.transact(() => store.insertPrincipal(row));
  }
  const token = await readFile(paths.adminToken, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (token !== '' && keys.isAdminToken(token.trim())) return;
  await writeFileDurably(paths.adminToken, `${await keys.replaceAdminToken(principal.id)}\n`, 0o600);
}
