import { readFile } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import { writeFileDurably } from '../kernel/files.ts';
import { newId } from '../kernel/ids.ts';
import type { Keyring } from './keyring.ts';
import type { KeyStore } from './key-store.ts';
import { blankKey, type Keys } from './keys.ts';
import type { PrincipalStore } from './principal-store.ts';
import { BUILT_IN } from './rules.ts';

export interface AdminTokenDeps {
  readonly database: Database;
  readonly keyStore: KeyStore;
  readonly people: PrincipalStore;
  readonly keys: Keys;
  readonly keyring: Keyring;
  readonly paths: DataDir;
  readonly clock: Clock;
}

/**
 * Makes sure that the file `admin-token` opens the node. Without the file, or with one that does not fit the database
 * (deleted by hand, or a restored backup), a new token takes the place of the old one.
 */
export async function ensureAdminToken(deps: AdminTokenDeps): Promise<void> {
  const { database, people, keyring, paths, clock } = deps;
  let id = people.byName(BUILT_IN)?.id;
  if (id === undefined) {
    id = newId();
    const admin = {
      id,
      kind: 'person',
      name: BUILT_IN,
      display_name: '',
      role: 'superadmin',
      created_at: clock.now(),
    } as const;
    await database.transact(() => people.insert(admin));
  }
  const token = await readFile(paths.adminToken, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (token !== '' && keyring.isAdminToken(token.trim())) return;
  await writeFileDurably(paths.adminToken, `${await replaceAdminToken(deps, id)}\n`, 0o600);
}

/** The old token and the sessions opened with it end in the transaction that makes the new one. */
async function replaceAdminToken(deps: AdminTokenDeps, principalId: string): Promise<string> {
  const { database, keyStore, keys, clock } = deps;
  const { token } = await database.transact((unit) => {
    for (const row of keyStore.ofPrincipal(principalId)) if (row.kind === 'admin') keys.end(unit, row, null);
    return keys.insert(unit, {
      ...blankKey('admin', 'admin-token', clock.now()),
      principal_id: principalId,
      role: 'superadmin',
      created_by: null,
    });
  });
  return token;
}
