import type { Principal } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Database } from '../kernel/database/database.ts';

export interface PrincipalRow {
  readonly id: string;
  readonly rev: number;
  readonly kind: Principal['kind'];
  readonly name: string;
  readonly display_name: string;
  readonly role: Role;
  readonly created_at: number;
  readonly disabled_at: number | null;
  /** Keys that are not revoked, without sessions. */
  readonly key_count: number;
  readonly last_seen_at: number | null;
  /** JSON array of {id, name}. */
  readonly groups: string;
}

const SELECT = `SELECT principals.*,
  (SELECT count(*) FROM api_keys WHERE principal_id = principals.id AND revoked_at IS NULL AND expired_at IS NULL
    AND kind <> 'session') AS key_count,
  (SELECT max(last_used_at) FROM api_keys WHERE principal_id = principals.id) AS last_seen_at,
  (SELECT json_group_array(json_object('id', id, 'name', name)) FROM
    (SELECT groups.id, groups.name FROM group_members JOIN groups ON groups.id = group_id
     WHERE principal_id = principals.id ORDER BY groups.name)) AS groups
  FROM principals`;

/** The SQL of people and services. One that was erased is found by nothing here. */
export class PrincipalStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(id: string): PrincipalRow | undefined {
    return this.#database
      .prepare<PrincipalRow>(`${SELECT} WHERE principals.id = :id AND erased_at IS NULL`)
      .get({ id });
  }

  /** What every request asks. */
  state(id: string): Pick<PrincipalRow, 'role' | 'disabled_at'> | undefined {
    return this.#database
      .prepare<Pick<PrincipalRow, 'role' | 'disabled_at'>>(
        'SELECT role, disabled_at FROM principals WHERE id = :id AND erased_at IS NULL',
      )
      .get({ id });
  }

  byName(name: string): PrincipalRow | undefined {
    return this.#database
      .prepare<PrincipalRow>(`${SELECT} WHERE principals.name = :name AND erased_at IS NULL`)
      .get({ name });
  }

  /** By name, keyset by name. */
  list(
    limit: number,
    afterName: string | null,
    filter: { q: string | null; role: Role | null },
  ): PrincipalRow[] {
    return this.#database
      .prepare<PrincipalRow>(
        `${SELECT} WHERE erased_at IS NULL AND (:after IS NULL OR principals.name > :after)
         AND (:role IS NULL OR role = :role)
         AND (:q IS NULL OR instr(lower(principals.name), lower(:q)) > 0 OR instr(lower(display_name), lower(:q)) > 0)
         ORDER BY principals.name LIMIT :limit`,
      )
      .all({ after: afterName, limit, ...filter });
  }

  insert(row: Pick<PrincipalRow, 'id' | 'kind' | 'name' | 'display_name' | 'role' | 'created_at'>): void {
    this.#database
      .prepare(
        `INSERT INTO principals (id, kind, name, display_name, role, created_at)
         VALUES (:id, :kind, :name, :display_name, :role, :created_at)`,
      )
      .run({
        id: row.id,
        kind: row.kind,
        name: row.name,
        display_name: row.display_name,
        role: row.role,
        created_at: row.created_at,
      });
  }

  update(row: Pick<PrincipalRow, 'id' | 'display_name' | 'role' | 'disabled_at'>): void {
    this.#database
      .prepare(
        `UPDATE principals SET rev = rev + 1, display_name = :display_name, role = :role, disabled_at = :disabled_at
         WHERE id = :id`,
      )
      .run({ id: row.id, display_name: row.display_name, role: row.role, disabled_at: row.disabled_at });
  }

  /** What others own stays; everything that tells who it was, and what it saw, goes. */
  erase(id: string, at: number): void {
    for (const sql of [
      'DELETE FROM group_members WHERE principal_id = :id',
      'DELETE FROM model_users WHERE principal_id = :id',
      'DELETE FROM saved_views WHERE principal_id = :id',
    ])
      this.#database.prepare(sql).run({ id });
    this.#database
      .prepare(
        `UPDATE principals SET rev = rev + 1, name = '', display_name = '', disabled_at = :at, erased_at = :at WHERE id = :id`,
      )
      .run({ id, at });
  }

  /** Ids of the first models it owns that are not deleted. */
  ownedModels(id: string, limit: number): string[] {
    return this.#database
      .prepare<{ id: string }>(
        `SELECT id FROM models WHERE owner_user_id = :id AND lifecycle_state <> 'deleted' ORDER BY id LIMIT :limit`,
      )
      .all({ id, limit })
      .map((row) => row.id);
  }

  /** Ids of the provider credentials it owns that are not revoked. */
  ownedCredentials(id: string): string[] {
    return this.#database
      .prepare<{ id: string }>(
        'SELECT id FROM credentials WHERE owner_user_id = :id AND revoked_at IS NULL ORDER BY id',
      )
      .all({ id })
      .map((row) => row.id);
  }
}
