import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import type { LifecycleState } from '../../src/shared/lifecycle/index.ts';

const VALIDATED = new Set<LifecycleState>(['validated', 'active', 'inactive']);

export interface StateModel {
  readonly id: string;
  readonly hosting: 'local' | 'cloud';
  readonly state: LifecycleState;
}

/**
 * Writes models in states that would take a runtime to reach into the database of an agent that is not running. Local
 * ones stand for the version of a model that was imported, so that their files are there.
 */
export function writeModelsInStates(dataDir: string, likeId: string, models: readonly StateModel[]): void {
  const sqlite = new BetterSqlite3(join(dataDir, 'modelops.db'));
  sqlite.pragma('foreign_keys = ON');
  const at = Date.now();
  const like = sqlite
    .prepare('SELECT version_id, name, seq, provider FROM models WHERE id = ?')
    .get(likeId) as {
    version_id: number;
    name: string;
    seq: number;
    provider: string;
  };
  const insert = sqlite.prepare(
    `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, visibility_scope, owner_type, lifecycle_state,
       artifact_status, last_validation_id, last_validated_at, created_at, updated_at)
     VALUES (:id, :version, :name, :seq, 'llm', :hosting, :provider, 'platform', 'platform', :state, :artifact, :validation,
       :validatedAt, :at, :at)`,
  );
  const test = sqlite.prepare(
    `INSERT INTO test_runs (id, model_id, task_key, result, summary, input_payload, output_payload, fingerprint, runtime_identity, created_at)
     VALUES (:run, :id, 'llm', 'success', 'ok', '{}', '{}', 'f', 'r', :at)`,
  );
  const validation = sqlite.prepare(
    `INSERT INTO validations (id, model_id, validator_kind, trigger_reason, result, summary, test_run_id, fingerprint, runtime_identity, created_at)
     VALUES (:validation, :id, 'test_run', 'requested', 'success', 'ok', :run, 'f', 'r', :at)`,
  );
  const current = sqlite.prepare(
    `INSERT INTO current_validations (model_id, runtime_identity, validation_id, test_run_seq, fingerprint)
     VALUES (:id, 'r', :validation, (SELECT seq FROM test_runs WHERE id = :run), 'f')`,
  );
  sqlite.transaction(() => {
    for (const { id, hosting, state } of models) {
      const proven = VALIDATED.has(state);
      const names = { id, run: `${id}-run`, validation: `${id}-validation` };
      insert.run({
        id,
        version: like.version_id,
        name: like.name,
        seq: like.seq,
        provider: hosting === 'local' ? like.provider : 'openai_compatible',
        hosting,
        state,
        artifact: hosting === 'local' ? 'ready' : 'absent',
        validation: proven ? names.validation : null,
        validatedAt: proven ? at : null,
        at,
      });
      if (!proven) continue;
      test.run({ id, run: names.run, at });
      validation.run({ ...names, at });
      current.run(names);
    }
  })();
  sqlite.close();
}
