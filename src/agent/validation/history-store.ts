import type { CurrentValidation, TestRun, Validation } from '../../shared/contract/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { newId } from '../kernel/ids.ts';

export interface TestRunRow {
  readonly seq: number;
  readonly id: string;
  readonly model_id: string;
  readonly task_key: TestRun['task_key'];
  readonly slot_id: string | null;
  readonly result: 'success' | 'failure';
  readonly summary: string;
  readonly input_payload: string;
  readonly output_payload: string;
  readonly error_details: string | null;
  readonly latency_ms: number | null;
  readonly fingerprint: string;
  readonly runtime_identity: string | null;
  readonly actor_id: string | null;
  readonly created_at: number;
}

export interface ValidationRow {
  readonly seq: number;
  readonly id: string;
  readonly model_id: string;
  readonly validator_kind: string;
  readonly trigger_reason: string;
  readonly result: 'success' | 'failure';
  readonly summary: string;
  readonly error_details: string | null;
  readonly test_run_id: string | null;
  readonly checks: string;
  readonly fingerprint: string;
  readonly runtime_identity: string | null;
  readonly actor_id: string | null;
  readonly expires_at: number | null;
  readonly created_at: number;
}

/** The append-only histories of test runs and validations. Ordered by `seq`, which no clock can turn around. */
export class HistoryStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  addTestRun(run: Omit<TestRunRow, 'seq' | 'id' | 'created_at'>): TestRunRow {
    const id = newId();
    this.#database
      .prepare(
        `INSERT INTO test_runs (id, model_id, task_key, slot_id, result, summary, input_payload, output_payload, error_details,
           latency_ms, fingerprint, runtime_identity, actor_id, created_at)
         VALUES (:id, :model_id, :task_key, :slot_id, :result, :summary, :input_payload, :output_payload, :error_details,
           :latency_ms, :fingerprint, :runtime_identity, :actor_id, :created_at)`,
      )
      .run({ ...run, id, created_at: this.#clock.now() });
    return this.testRun(id)!;
  }

  testRun(id: string): TestRunRow | undefined {
    return this.#database.prepare<TestRunRow>('SELECT * FROM test_runs WHERE id = :id').get({ id });
  }

  lastTestRun(modelId: string): TestRunRow | undefined {
    return this.#database
      .prepare<TestRunRow>('SELECT * FROM test_runs WHERE model_id = :modelId ORDER BY seq DESC LIMIT 1')
      .get({ modelId });
  }

  /** Newest success under this fingerprint, else newest success of all. */
  newestSuccess(modelId: string, fingerprint: string): TestRunRow | undefined {
    return this.#database
      .prepare<TestRunRow>(
        `SELECT * FROM test_runs WHERE model_id = :modelId AND result = 'success' ORDER BY fingerprint = :fingerprint DESC, seq DESC LIMIT 1`,
      )
      .get({ modelId, fingerprint });
  }

  testRuns(modelId: string, beforeSeq: number | null, limit: number): TestRunRow[] {
    return this.#database
      .prepare<TestRunRow>(
        'SELECT * FROM test_runs WHERE model_id = :modelId AND (:before IS NULL OR seq < :before) ORDER BY seq DESC LIMIT :limit',
      )
      .all({ modelId, before: beforeSeq, limit });
  }

  addValidation(row: Omit<ValidationRow, 'seq' | 'id' | 'created_at'>): ValidationRow {
    const id = newId();
    this.#database
      .prepare(
        `INSERT INTO validations (id, model_id, validator_kind, trigger_reason, result, summary, error_details, test_run_id, checks,
           fingerprint, runtime_identity, actor_id, expires_at, created_at)
         VALUES (:id, :model_id, :validator_kind, :trigger_reason, :result, :summary, :error_details, :test_run_id, :checks,
           :fingerprint, :runtime_identity, :actor_id, :expires_at, :created_at)`,
      )
      .run({ ...row, id, created_at: this.#clock.now() });
    return this.#database.prepare<ValidationRow>('SELECT * FROM validations WHERE id = :id').get({ id })!;
  }

  validations(modelId: string, beforeSeq: number | null, limit: number): ValidationRow[] {
    return this.#database
      .prepare<ValidationRow>(
        'SELECT * FROM validations WHERE model_id = :modelId AND (:before IS NULL OR seq < :before) ORDER BY seq DESC LIMIT :limit',
      )
      .all({ modelId, before: beforeSeq, limit });
  }

  /** The test run behind the validation in force on a runtime identity; 0 when there is none. */
  currentTestSeq(modelId: string, identity: string): number {
    return (
      this.#database
        .prepare<{ test_run_seq: number }>(
          'SELECT test_run_seq FROM current_validations WHERE model_id = :modelId AND runtime_identity = :identity',
        )
        .get({ modelId, identity })?.test_run_seq ?? 0
    );
  }

  /** The validations in force, one for each runtime identity, newest first. */
  current(modelId: string): CurrentValidation[] {
    return this.#database
      .prepare<Omit<CurrentValidation, 'validated_at' | 'expires_at'> & { at: number; until: number | null }>(
        `SELECT validation_id, current_validations.runtime_identity, created_at AS at, current_validations.expires_at AS until
         FROM current_validations JOIN validations ON validations.id = validation_id
         WHERE current_validations.model_id = :modelId ORDER BY validations.seq DESC`,
      )
      .all({ modelId })
      .map(({ at, until, ...row }) => ({
        ...row,
        validated_at: toIso(at),
        expires_at: toIsoOrNull(until),
      }));
  }

  /** Makes a validation the one in force on its runtime identity. */
  setCurrent(row: {
    model_id: string;
    runtime_identity: string;
    validation_id: string;
    test_run_seq: number;
    fingerprint: string;
    expires_at: number | null;
  }): void {
    this.#database
      .prepare(
        `INSERT INTO current_validations (model_id, runtime_identity, validation_id, test_run_seq, fingerprint, expires_at)
         VALUES (:model_id, :runtime_identity, :validation_id, :test_run_seq, :fingerprint, :expires_at)
         ON CONFLICT (model_id, runtime_identity) DO UPDATE SET validation_id = excluded.validation_id,
           test_run_seq = excluded.test_run_seq, fingerprint = excluded.fingerprint, expires_at = excluded.expires_at`,
      )
      .run(row);
  }
}

const json = (text: string): TestRun['input_payload'] => JSON.parse(text) as TestRun['input_payload'];

export function toTestRun(row: TestRunRow): TestRun {
  return {
    id: row.id,
    model_id: row.model_id,
    task_key: row.task_key,
    slot_id: row.slot_id,
    result: row.result,
    summary: row.summary,
    input_payload: json(row.input_payload),
    output_payload: json(row.output_payload),
    error_details: row.error_details === null ? null : json(row.error_details),
    latency_ms: row.latency_ms,
    config_fingerprint: row.fingerprint,
    runtime_identity: row.runtime_identity,
    tested_by: row.actor_id,
    created_at: toIso(row.created_at),
  };
}

export function toValidation(row: ValidationRow): Validation {
  return {
    id: row.id,
    model_id: row.model_id,
    validator_kind: row.validator_kind,
    trigger_reason: row.trigger_reason,
    result: row.result,
    summary: row.summary,
    error_details: row.error_details === null ? null : json(row.error_details),
    test_run_id: row.test_run_id,
    checks: JSON.parse(row.checks) as Validation['checks'],
    config_fingerprint: row.fingerprint,
    runtime_identity: row.runtime_identity,
    validated_by: row.actor_id,
    expires_at: toIsoOrNull(row.expires_at),
    created_at: toIso(row.created_at),
  };
}
