import {
  AppError,
  type ContentFile,
  type MODEL_SORTS,
  type TaskKey,
  type VisibilityScope,
} from '../../shared/contract/index.ts';
import type { LifecycleState } from '../../shared/lifecycle/index.ts';
import { visibilityCondition, type Viewer } from '../access/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database, SqlValue, Statement } from '../kernel/database/database.ts';
import type { ModelRow } from './model-row.ts';

const COLUMNS = `models.*, models.rowid_ AS row_id, versions.label, versions.content_id, versions.framework, versions.format, versions.source,
  versions.source_id, versions.revision, versions.size_bytes, versions.inferred, versions.declared,
  versions.approval_state, versions.stage,
  EXISTS (SELECT 1 FROM current_validations WHERE model_id = models.id) AS validation_current,
  (SELECT MAX(expires_at) FROM current_validations WHERE model_id = models.id) AS validation_expires_at,
  (SELECT result FROM validations WHERE id = models.last_validation_id) AS last_validation_result,
  (SELECT result FROM test_runs WHERE id = models.last_test_run_id) AS last_test_result`;
const FROM = 'FROM models JOIN versions ON versions.id = models.version_id';

export type ModelSort = (typeof MODEL_SORTS)[number];
export interface ModelChanges {
  readonly lifecycle_state?: LifecycleState;
  readonly artifact_status?: string;
  readonly stale_reason?: string | null;
  readonly last_test_run_id?: string;
  readonly last_validation_id?: string;
  readonly last_validated_at?: number;
  readonly registered_at?: number | null;
  readonly activated_at?: number | null;
  readonly description?: string;
  readonly annotations?: string;
  readonly metadata?: string;
  readonly config_override?: string;
  readonly config_revision?: number;
  readonly visibility_scope?: VisibilityScope;
  readonly credential_id?: string;
}

export type CloudColumns = Pick<
  ModelRow,
  'hosting' | 'visibility_scope' | 'owner_type' | 'owner_user_id' | 'credential_id' | 'provider_model_id'
>;

const LOCAL_OF_THE_NODE: CloudColumns = {
  hosting: 'local',
  visibility_scope: 'platform',
  owner_type: 'platform',
  owner_user_id: null,
  credential_id: null,
  provider_model_id: null,
};

/** The SQL of managed models. */
export class ModelStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #byId: Statement<ModelRow>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#byId = database.prepare<ModelRow>(
      `SELECT ${COLUMNS} ${FROM} WHERE models.id = :id AND lifecycle_state <> 'deleted'`,
    );
  }

  find(id: string): ModelRow | undefined {
    return this.#byId.get({ id });
  }

  /** @throws {AppError} `not_found`. */
  get(id: string): ModelRow {
    const row = this.find(id);
    if (row === undefined) throw new AppError('not_found', `There is no model ${id}.`);
    return row;
  }

  /** Whether an id is or was in use: ids of deleted models are not given out again. */
  idTaken(id: string): boolean {
    return this.#database.prepare('SELECT 1 FROM models WHERE id = :id').get({ id }) !== undefined;
  }

  /** The managed model of this node for a family and content, if there is one. */
  findByContent(familyName: string, contentId: string): ModelRow | undefined {
    return this.#database
      .prepare<ModelRow>(
        `SELECT ${COLUMNS} ${FROM} WHERE models.name = :name AND content_id = :contentId AND lifecycle_state <> 'deleted' ORDER BY models.seq LIMIT 1`,
      )
      .get({ name: familyName, contentId });
  }

  /** Managed models of any name that hold this content. */
  idsOfContent(contentId: string): string[] {
    return this.#database
      .prepare<{ id: string }>(
        `SELECT models.id ${FROM} WHERE content_id = :contentId AND lifecycle_state <> 'deleted'`,
      )
      .all({ contentId })
      .map(({ id }) => id);
  }

  /** Managed models, in any state but deleted, that use a credential. */
  idsOfCredential(credentialId: string): string[] {
    return this.#database
      .prepare<{ id: string }>(
        "SELECT id FROM models WHERE credential_id = :credentialId AND lifecycle_state <> 'deleted' ORDER BY id",
      )
      .all({ credentialId })
      .map(({ id }) => id);
  }

  /** Managed models a viewer sees, by the content they stand for. */
  idsByContent(contentIds: readonly string[], viewer: Viewer): Map<string, string[]> {
    const visible = visibilityCondition(viewer);
    const rows = this.#database.query<{ id: string; content_id: string }>(
      `SELECT models.id, content_id ${FROM} WHERE content_id IN (SELECT value FROM json_each(?))
         AND lifecycle_state <> 'deleted' AND ${visible.sql} ORDER BY models.id`,
      [JSON.stringify(contentIds), ...visible.params],
    );
    const ids = new Map<string, string[]>();
    for (const { id, content_id } of rows) ids.set(content_id, [...(ids.get(content_id) ?? []), id]);
    return ids;
  }

  files(versionId: number): (ContentFile & { counted: boolean })[] {
    return this.#database
      .prepare<{ path: string; sha256: string; size: number; counted: number }>(
        'SELECT path, sha256, size, counted FROM version_files WHERE version_id = :versionId ORDER BY path',
      )
      .all({ versionId })
      .map((file) => ({ ...file, counted: file.counted === 1 }));
  }

  tags(modelIds: readonly string[]): Map<string, string[]> {
    const byModel = new Map<string, string[]>();
    if (modelIds.length === 0) return byModel;
    const rows = this.#database.query<{ model_id: string; tag: string }>(
      `SELECT model_id, tag FROM model_tags WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY tag`,
      [JSON.stringify(modelIds)],
    );
    for (const { model_id, tag } of rows) byModel.set(model_id, [...(byModel.get(model_id) ?? []), tag]);
    return byModel;
  }

  setTags(modelId: string, tags: readonly string[]): void {
    this.#database.prepare('DELETE FROM model_tags WHERE model_id = :modelId').run({ modelId });
    const insert = this.#database.prepare('INSERT INTO model_tags (model_id, tag) VALUES (:modelId, :tag)');
    for (const tag of new Set(tags)) insert.run({ modelId, tag });
    this.retell('id', modelId);
  }

  /** Writes the full-text documents again, of one model or of all of a family. */
  retell(by: 'id' | 'name', value: string): void {
    this.#database.prepare(`UPDATE models SET text_rev = text_rev + 1 WHERE ${by} = :value`).run({ value });
  }

  /** Rows in the order of their rowids as given. */
  byRowids(rowids: readonly number[]): ModelRow[] {
    if (rowids.length === 0) return [];
    return this.#database
      .prepare<ModelRow>(
        `SELECT ${COLUMNS} FROM json_each(:rowids) AS wanted CROSS JOIN models ON models.rowid_ = wanted.value
         JOIN versions ON versions.id = models.version_id ORDER BY wanted.key`,
      )
      .all({ rowids: JSON.stringify(rowids) });
  }

  /** Managed models of a family, tombstones left out. */
  ofFamily(name: string): ModelRow[] {
    return this.#database
      .prepare<ModelRow>(
        `SELECT ${COLUMNS} ${FROM} WHERE models.name = :name AND lifecycle_state <> 'deleted' ORDER BY models.seq, models.id`,
      )
      .all({ name });
  }

  /** Whether a viewer sees any model of a family. */
  seesFamily(viewer: Viewer, name: string): boolean {
    const visible = visibilityCondition(viewer);
    return (
      this.#database.query(
        `SELECT 1 FROM models WHERE name = ? AND lifecycle_state <> 'deleted' AND ${visible.sql} LIMIT 1`,
        [name, ...visible.params],
      ).length > 0
    );
  }

  /** The aliases that point at the versions of models, by version. */
  aliases(versionIds: readonly number[]): Map<number, string[]> {
    const rows = this.#database
      .prepare<{ version_id: number; alias: string }>(
        'SELECT version_id, alias FROM aliases WHERE version_id IN (SELECT value FROM json_each(:ids)) ORDER BY alias',
      )
      .all({ ids: JSON.stringify(versionIds) });
    const byVersion = new Map<number, string[]>();
    for (const { version_id: id, alias } of rows) byVersion.set(id, [...(byVersion.get(id) ?? []), alias]);
    return byVersion;
  }

  /** Names of principals, by id. */
  principalNames(ids: readonly string[]): Map<string, string> {
    if (ids.length === 0) return new Map();
    const rows = this.#database
      .prepare<{ id: string; name: string }>(
        'SELECT id, name FROM principals WHERE id IN (SELECT value FROM json_each(:ids))',
      )
      .all({ ids: JSON.stringify(ids) });
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** Models at providers that could answer a viewer now; the rule itself has the last word. */
  activeAtProviders(viewer: Viewer): ModelRow[] {
    const visible = visibilityCondition(viewer);
    return this.#database.query<ModelRow>(
      `SELECT ${COLUMNS} ${FROM} WHERE lifecycle_state = 'active' AND hosting = 'cloud' AND ${visible.sql}
         AND EXISTS (SELECT 1 FROM current_validations WHERE model_id = models.id)`,
      visible.params,
    );
  }

  /** When the last of its files was compared with its digest; null when one never was. */
  verifiedAt(versionId: number): number | null {
    return (
      this.#database
        .prepare<{ at: number | null }>(
          `SELECT CASE WHEN COUNT(*) = COUNT(blobs.sha256) THEN MIN(verified_at) END AS at
           FROM version_files LEFT JOIN blobs USING (sha256) WHERE version_id = :versionId`,
        )
        .get({ versionId })?.at ?? null
    );
  }

  insert(row: {
    id: string;
    version_id: number;
    name: string;
    seq: number;
    task_key: TaskKey;
    provider: string;
    lifecycle_state: LifecycleState;
    artifact_status: string;
    is_sample: number;
    description: string;
    /** Without it the model is a local one of the node, seen by everybody. */
    cloud?: CloudColumns;
  }): void {
    const now = this.#clock.now();
    const { cloud = LOCAL_OF_THE_NODE, ...rest } = row;
    this.#database
      .prepare(
        `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, visibility_scope, owner_type,
           owner_user_id, credential_id, provider_model_id, registered_at,
           lifecycle_state, artifact_status, is_sample, description, created_at, updated_at)
         VALUES (:id, :version_id, :name, :seq, :task_key, :hosting, :provider, :visibility_scope, :owner_type,
           :owner_user_id, :credential_id, :provider_model_id, CASE :lifecycle_state WHEN 'registered' THEN :now END,
           :lifecycle_state, :artifact_status, :is_sample, :description, :now, :now)`,
      )
      .run({ ...rest, ...cloud, now });
  }

  /** Writes on the condition that nobody else did since the row was read. @throws {AppError} `conflict`. */
  update(row: Pick<ModelRow, 'id' | 'rev' | 'lifecycle_state'>, changes: ModelChanges): void {
    const columns = Object.keys(changes);
    const sets = [
      ...columns.map((column) => `${column} = :${column}`),
      'rev = rev + 1',
      'updated_at = :now',
      // What people search for.
      ...('description' in changes || 'annotations' in changes ? ['text_rev = text_rev + 1'] : []),
    ];
    const { changes: written } = this.#database
      .prepare(
        `UPDATE models SET ${sets.join(', ')} WHERE id = :id AND rev = :rev AND lifecycle_state = :was`,
      )
      .run({
        ...(changes as Record<string, SqlValue>),
        id: row.id,
        rev: row.rev,
        was: row.lifecycle_state,
        now: this.#clock.now(),
      });
    if (written === 1) return;
    throw new AppError('conflict', `${row.id} was changed by somebody else. Your change was not made.`);
  }

  addConfigRevision(modelId: string, revision: number, config: string, actorId: string | null): void {
    this.#database
      .prepare(
        'INSERT INTO model_config_revisions (model_id, revision, config, actor_id, created_at) VALUES (:modelId, :revision, :config, :actorId, :now)',
      )
      .run({ modelId, revision, config, actorId, now: this.#clock.now() });
  }

  count(): number {
    return (
      this.#database
        .prepare<{ n: number }>("SELECT COUNT(*) AS n FROM models WHERE lifecycle_state <> 'deleted'")
        .get({})?.n ?? 0
    );
  }
}
