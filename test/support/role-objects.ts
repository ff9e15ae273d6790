import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/** How a model stands to a caller. */
export const RELATIONS = ['own', 'foreign', 'assigned', 'platform'] as const;
export type Relation = (typeof RELATIONS)[number];

export interface CloudModel {
  /** The id of the model, and the name of its family. */
  readonly name: string;
  readonly relation: Relation;
  /** The principal of the caller. */
  readonly callerId: string;
  /** Another one, to whom foreign and assigned models belong. */
  readonly otherId: string;
}

/** Writes cloud models, each a family of its own with an alias, into the database of an agent that is not running. */
export function writeCloudModels(dataDir: string, models: readonly CloudModel[]): void {
  const sqlite = new BetterSqlite3(join(dataDir, 'modelops.db'));
  sqlite.pragma('foreign_keys = ON');
  const family = sqlite.prepare(
    `INSERT INTO families (uid, name, task_key, latest_seq, owner_user_id, created_at, updated_at)
     VALUES (:name, :name, 'llm', 1, :owner, :at, :at)`,
  );
  const version = sqlite.prepare(
    `INSERT INTO versions (family_id, seq, content_id, kind, source, source_id, published_at)
     VALUES (:family, 1, :content, 'remote', 'openai_compatible', :name, :at)`,
  );
  const model = sqlite.prepare(
    `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, provider_model_id, visibility_scope, owner_type,
       owner_user_id, lifecycle_state, artifact_status, created_at, updated_at)
     VALUES (:name, :version, :name, 1, 'llm', 'cloud', 'openai_compatible', :name, :scope, :ownerType, :owner, 'registered', 'absent', :at, :at)`,
  );
  const alias = sqlite.prepare(
    `INSERT INTO aliases (family_id, alias, version_id, updated_at) VALUES (:family, 'stable', :version, :at)`,
  );
  const assigned = sqlite.prepare('INSERT INTO model_users (model_id, principal_id) VALUES (:name, :caller)');
  sqlite.transaction(() => {
    for (const { name, relation, callerId, otherId } of models) {
      const at = Date.now();
      const owner = { own: callerId, foreign: otherId, assigned: otherId, platform: null }[relation];
      const familyId = family.run({ name, owner, at }).lastInsertRowid;
      const content = `urn:modelops:content:sha256:${Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64)}`;
      const versionId = version.run({ family: familyId, content, name, at }).lastInsertRowid;
      const scope = { own: 'private', foreign: 'private', assigned: 'user', platform: 'platform' }[relation];
      const ownerType = owner === null ? 'platform' : 'user';
      model.run({ name, version: versionId, scope, ownerType, owner, at });
      alias.run({ family: familyId, version: versionId, at });
      if (relation === 'assigned') assigned.run({ name, caller: callerId });
    }
  })();
  sqlite.close();
}
