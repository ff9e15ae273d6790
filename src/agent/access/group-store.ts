import type { Database } from '../kernel/database/database.ts';

export interface GroupRow {
  readonly id: string;
  readonly rev: number;
  readonly name: string;
  readonly description: string;
  readonly created_at: number;
  readonly model_count: number;
  /** JSON array of {id, name, kind}. */
  readonly members: string;
}

const SELECT = `SELECT groups.*,
  (SELECT count(*) FROM model_groups JOIN models ON models.id = model_id
    WHERE group_id = groups.id AND lifecycle_state <> 'deleted') AS model_count,
  (SELECT json_group_array(json_object('id', id, 'name', name, 'kind', kind)) FROM
    (SELECT principals.id, principals.name, kind FROM group_members JOIN principals ON principals.id = principal_id
     WHERE group_id = groups.id ORDER BY principals.name)) AS members
  FROM groups`;

/** The SQL of groups and their members. */
export class GroupStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(id: string): GroupRow | undefined {
    return this.#database.prepare<GroupRow>(`${SELECT} WHERE groups.id = :id`).get({ id });
  }

  nameTaken(name: string, exceptId: string): boolean {
    return (
      this.#database
        .prepare('SELECT 1 FROM groups WHERE name = :name AND id <> :exceptId')
        .get({ name, exceptId }) !== undefined
    );
  }

  /** By name, keyset by name. */
  list(limit: number, afterName: string | null, q: string | null): GroupRow[] {
    return this.#database
      .prepare<GroupRow>(
        `${SELECT} WHERE (:after IS NULL OR groups.name > :after)
         AND (:q IS NULL OR instr(lower(groups.name), lower(:q)) > 0 OR instr(lower(description), lower(:q)) > 0)
         ORDER BY groups.name LIMIT :limit`,
      )
      .all({ after: afterName, limit, q });
  }

  insert(row: Pick<GroupRow, 'id' | 'name' | 'description' | 'created_at'>): void {
    this.#database
      .prepare(
        'INSERT INTO groups (id, name, description, created_at) VALUES (:id, :name, :description, :created_at)',
      )
      .run({ id: row.id, name: row.name, description: row.description, created_at: row.created_at });
  }

  update(row: Pick<GroupRow, 'id' | 'name' | 'description'>): void {
    this.#database
      .prepare('UPDATE groups SET rev = rev + 1, name = :name, description = :description WHERE id = :id')
      .run({ id: row.id, name: row.name, description: row.description });
  }

  delete(id: string): void {
    this.#database.prepare('DELETE FROM groups WHERE id = :id').run({ id });
  }

  /** @returns whether something changed. */
  addMember(groupId: string, principalId: string): boolean {
    return (
      this.#database
        .prepare(
          'INSERT INTO group_members (group_id, principal_id) VALUES (:groupId, :principalId) ON CONFLICT DO NOTHING',
        )
        .run({ groupId, principalId }).changes > 0
    );
  }

  /** @returns whether something changed. */
  removeMember(groupId: string, principalId: string): boolean {
    return (
      this.#database
        .prepare('DELETE FROM group_members WHERE group_id = :groupId AND principal_id = :principalId')
        .run({ groupId, principalId }).changes > 0
    );
  }
}
