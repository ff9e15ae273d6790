import type { Alias } from '../../shared/contract/index.ts';
import { visibilityCondition, type Viewer } from '../access/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import type { FamilyRow } from './version-store.ts';

export interface FamilyVersionRow {
  readonly id: number;
  readonly seq: number;
  readonly label: string | null;
  readonly content_id: string;
  readonly source: string;
  readonly source_id: string | null;
  readonly format: string | null;
  readonly size_bytes: number;
  readonly published_at: number;
  /** JSON array of the managed models that the viewer sees. */
  readonly model_ids: string;
}

interface AliasRow {
  readonly family_id: number;
  readonly alias: string;
  readonly seq: number;
  readonly label: string | null;
  readonly updated_by: string | null;
  readonly updated_at: number;
}

export interface FamilyChanges {
  readonly description?: string | undefined;
  readonly card?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** The SQL of families as people see them: descriptions, cards, aliases, and the versions a viewer sees. */
export class FamilyStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  find(name: string): FamilyRow | undefined {
    return this.#database.prepare<FamilyRow>('SELECT * FROM families WHERE name = :name').get({ name });
  }

  /** In the order of the ids as given. */
  byIds(ids: readonly number[]): FamilyRow[] {
    return this.#database
      .prepare<FamilyRow>(
        'SELECT families.* FROM json_each(:ids) AS wanted CROSS JOIN families ON families.id = wanted.value ORDER BY wanted.key',
      )
      .all({ ids: JSON.stringify(ids) });
  }

  /** Writes on the condition that nobody else did since the row was read. @returns whether it was so. */
  update(row: Pick<FamilyRow, 'id' | 'rev'>, changes: FamilyChanges): boolean {
    const { changes: written } = this.#database
      .prepare(
        `UPDATE families SET description = coalesce(:description, description), card = coalesce(:card, card),
           tags = coalesce(:tags, tags), rev = rev + 1, updated_at = :now WHERE id = :id AND rev = :rev`,
      )
      .run({
        id: row.id,
        rev: row.rev,
        description: changes.description ?? null,
        card: changes.card ?? null,
        tags: changes.tags === undefined ? null : JSON.stringify([...new Set(changes.tags)]),
        now: this.#clock.now(),
      });
    return written === 1;
  }

  /** Versions that hold a model the viewer sees, newest first; a superadmin sees those without a model too. */
  versions(viewer: Viewer, familyId: number, beforeSeq: number | null, limit: number): FamilyVersionRow[] {
    const visible = visibilityCondition(viewer);
    const models = `FROM models WHERE version_id = versions.id AND lifecycle_state <> 'deleted' AND ${visible.sql}`;
    const shown = viewer.role === 'superadmin' ? '1 = 1' : `EXISTS (SELECT 1 ${models})`;
    return this.#database.query<FamilyVersionRow>(
      `SELECT versions.*, (SELECT json_group_array(models.id) ${models}) AS model_ids FROM versions
       WHERE family_id = ? AND tombstoned_at IS NULL AND seq < ? AND ${shown} ORDER BY seq DESC LIMIT ?`,
      [
        ...visible.params,
        familyId,
        beforeSeq ?? Number.MAX_SAFE_INTEGER,
        ...(viewer.role === 'superadmin' ? [] : visible.params),
        limit,
      ],
    );
  }

  /** A version by number or label that a managed model stands for. */
  version(
    familyId: number,
    by: { seq: number } | { label: string },
  ): { id: number; seq: number; label: string | null } | undefined {
    const [column, value] = 'seq' in by ? ['seq', by.seq] : ['label', by.label];
    return this.#database
      .prepare<{ id: number; seq: number; label: string | null }>(
        `SELECT id, seq, label FROM versions WHERE family_id = :familyId AND ${column} = :value AND tombstoned_at IS NULL
           AND EXISTS (SELECT 1 FROM models WHERE version_id = versions.id AND lifecycle_state <> 'deleted')`,
      )
      .get({ familyId, value: value ?? null });
  }

  versionCounts(familyIds: readonly number[]): Map<number, number> {
    const rows = this.#database
      .prepare<{ family_id: number; n: number }>(
        `SELECT family_id, COUNT(*) AS n FROM versions WHERE tombstoned_at IS NULL
           AND family_id IN (SELECT value FROM json_each(:ids)) GROUP BY family_id`,
      )
      .all({ ids: JSON.stringify(familyIds) });
    return new Map(rows.map((row) => [row.family_id, row.n]));
  }

  aliases(familyIds: readonly number[]): Map<number, Alias[]> {
    const rows = this.#database
      .prepare<AliasRow>(
        `SELECT aliases.family_id, alias, seq, label, updated_by, updated_at FROM aliases
         JOIN versions ON versions.id = version_id
         WHERE aliases.family_id IN (SELECT value FROM json_each(:ids)) ORDER BY alias`,
      )
      .all({ ids: JSON.stringify(familyIds) });
    const byFamily = new Map<number, Alias[]>();
    for (const { family_id: id, updated_at: at, ...row } of rows)
      byFamily.set(id, [...(byFamily.get(id) ?? []), { ...row, updated_at: toIso(at) }]);
    return byFamily;
  }

  aliasTarget(familyId: number, alias: string): { version_id: number; seq: number } | undefined {
    return this.#database
      .prepare<{ version_id: number; seq: number }>(
        `SELECT version_id, seq FROM aliases JOIN versions ON versions.id = version_id
         WHERE aliases.family_id = :familyId AND alias = :alias`,
      )
      .get({ familyId, alias });
  }

  setAlias(familyId: number, alias: string, versionId: number, actorId: string): void {
    this.#database
      .prepare(
        `INSERT INTO aliases (family_id, alias, version_id, updated_by, updated_at)
         VALUES (:familyId, :alias, :versionId, :actorId, :now) ON CONFLICT (family_id, alias)
         DO UPDATE SET version_id = excluded.version_id, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
      )
      .run({ familyId, alias, versionId, actorId, now: this.#clock.now() });
  }

  deleteAlias(familyId: number, alias: string): void {
    this.#database
      .prepare('DELETE FROM aliases WHERE family_id = :familyId AND alias = :alias')
      .run({ familyId, alias });
  }

  deleteAliases(familyId: number): void {
    this.#database.prepare('DELETE FROM aliases WHERE family_id = :familyId').run({ familyId });
  }
}
