import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openDatabase } from '../../../../../test/support/database.ts';
import { temporaryDirectory } from '../../../../../test/support/temporary.ts';
import { MIGRATIONS } from './index.ts';

it('gives keys of programs, which shared the principal of their maker, a service each', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'modelops.db');
  const old = new BetterSqlite3(path);
  old.exec(MIGRATIONS[0]!);
  old.pragma('user_version = 1');
  old.exec(
    `INSERT INTO principals (id, kind, name, role, created_at) VALUES ('p', 'person', 'admin', 'superadmin', 1)`,
  );
  const insert = old.prepare(
    `INSERT INTO api_keys (id, principal_id, kind, name, role, hash, last4, created_at, revoked_at)
     VALUES (?, 'p', ?, ?, ?, ?, 'abcd', 2, ?)`,
  );
  for (const [id, kind, name, role, revoked] of [
    ['k1', 'admin', 'admin-token', 'superadmin', null],
    ['k2', 'desktop', 'desktop-me', 'superadmin', null],
    ['k3', 'api', 'application', 'user', null],
    ['k4', 'api', 'admin', 'admin', null],
    ['k5', 'api', 'application', 'user', 3],
  ] as const)
    insert.run(id, kind, name, role, Buffer.from(id), revoked);
  old.close();

  const database = await openDatabase(path);
  expect(
    database.query(
      `SELECT api_keys.id, principals.kind, principals.name, principals.role FROM api_keys
       JOIN principals ON principals.id = principal_id ORDER BY api_keys.id`,
      [],
    ),
  ).toEqual([
    { id: 'k1', kind: 'person', name: 'admin', role: 'superadmin' },
    { id: 'k2', kind: 'person', name: 'admin', role: 'superadmin' },
    { id: 'k3', kind: 'service', name: 'application', role: 'user' },
    { id: 'k4', kind: 'service', name: 'key-k4', role: 'admin' },
    { id: 'k5', kind: 'person', name: 'admin', role: 'superadmin' },
  ]);
});
