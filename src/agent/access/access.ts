import type { Clock } from '../kernel/clock.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { ensureAdminToken } from './admin-token.ts';
import { GroupStore } from './group-store.ts';
import { Groups } from './groups.ts';
import { KeyStore } from './key-store.ts';
import { Keyring } from './keyring.ts';
import { Keys, type KeyUsage } from './keys.ts';
import { Limits } from './limits.ts';
import { PrincipalStore } from './principal-store.ts';
import { Principals } from './principals.ts';
import { Sessions } from './sessions.ts';

export interface AccessDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly paths: DataDir;
  readonly usage: KeyUsage;
}

export type Access = Awaited<ReturnType<typeof openAccess>>;

/** People, groups, keys and sessions on an open database; afterwards the file `admin-token` opens the node. */
export async function openAccess(deps: AccessDeps) {
  const { database, clock } = deps;
  const keyStore = new KeyStore(database);
  const people = new PrincipalStore(database);
  const keyring = new Keyring({ keys: keyStore, people, clock });
  const principals = new Principals({ ...deps, people, keys: keyStore, keyring });
  const groups = new Groups({ ...deps, groups: new GroupStore(database), people });
  const limits = new Limits(clock);
  const keys = new Keys({ ...deps, keys: keyStore, people, principals, keyring, limits });
  const sessions = new Sessions({ database, clock, keys, keyring });
  await ensureAdminToken({ ...deps, keyStore, people, keys, keyring });
  /** A person or service by id, else by name. */
  const principal = (idOrName: string) => people.get(idOrName) ?? people.byName(idOrName) ?? null;
  return { keyring, keys, sessions, principals, groups, principal };
}
