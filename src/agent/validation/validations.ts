import { AppError, type CheckResult, type Validation } from '../../shared/contract/index.ts';
import { MODEL_ACTION_ROLES, type LifecycleState } from '../../shared/lifecycle/index.ts';
import { assertMay } from '../access/index.ts';
import { ModelFiles, type BlobStore } from '../artifacts/index.ts';
import {
  declaredConfig,
  overrideConfig,
  type Actor,
  type FactsReader,
  type ModelLifecycle,
  type ModelRow,
  type ModelStore,
} from '../catalog/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { toValidation, type HistoryStore, type TestRunRow, type ValidationRow } from './history-store.ts';
import type { TestRuns } from './test-runs.ts';
import { refusing, type ValidatorRegistry } from './validators/registry.ts';

export interface ValidateRequest {
  readonly testRunId: string | undefined;
  readonly ifMatch: number | null;
  /** What made somebody validate: `manual_after_test` for a person, else the name of what did. */
  readonly trigger?: string;
}

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly history: HistoryStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly facts: FactsReader;
  readonly blobs: BlobStore;
  readonly tests: TestRuns;
  readonly validators: ValidatorRegistry;
}

/** Validations made from test runs, and the checks that they ask for. */
export class Validations {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Takes a test run as the validation of a model on the runtime it ran on.
   * @throws {AppError} the guards of `validate` in their order; `validation_failed` when a required validator says no,
   * with one failed validation for each in the history; `conflict` when the model changed while it was checked.
   */
  async validate(
    modelId: string,
    { testRunId, ifMatch, trigger = 'manual_after_test' }: ValidateRequest,
    actor: Actor,
    signal: AbortSignal,
  ): Promise<Validation> {
    const { database, lifecycle } = this.#deps;
    const asked = this.#permitted(modelId, actor);
    assertUnchanged(asked, ifMatch);
    this.#guards(asked, testRunId);
    const checks = await this.#ask(asked, false, signal);
    const seen = await this.#observed(asked);
    const failed = refusing(checks);
    const row = await database.transact((unit) => {
      const model = lifecycle.visible(modelId, actor);
      assertUnchanged(model, ifMatch === null ? null : seen.rev);
      const { run, to } = this.#guards(model, testRunId);
      const proof = {
        fingerprint: run.fingerprint,
        runtime_identity: run.runtime_identity,
        test_run_id: run.id,
      };
      if (failed.length > 0) {
        const reason = trigger === 'manual_after_test' ? 'requested' : trigger;
        return this.#recordFailures(unit, model, actor, failed, { ...proof, checks, trigger: reason });
      }
      // A check looked at files that are not there any more as they were.
      if (model.artifact_status !== seen.artifact_status) throw changedMeanwhile(model);
      return this.#recordSuccess(unit, model, actor, { run, to, checks, trigger });
    });
    if (failed.length === 0) return toValidation(row);
    throw new AppError('validation_failed', sentences(failed), {
      hint: 'See what each check found, change it, and validate again.',
      details: { validation: toValidation(row), checks },
    });
  }

  /**
   * Asks every validator now, reading every file again, without validating. A failure of a required one is recorded and
   * ends a validation that holds.
   */
  async checks(modelId: string, actor: Actor, signal: AbortSignal): Promise<CheckResult[]> {
    const { database, lifecycle } = this.#deps;
    const asked = this.#permitted(modelId, actor);
    const checks = await this.#ask(asked, true, signal);
    await this.#observed(asked);
    const failed = refusing(checks);
    if (failed.length === 0) return checks;
    await database.transact((unit) => {
      const model = lifecycle.visible(modelId, actor);
      this.#recordFailures(unit, model, actor, failed, {
        fingerprint: lifecycle.fingerprint(asked),
        runtime_identity: null,
        test_run_id: null,
        checks,
        trigger: 'check',
      });
      // A provider that does not answer just now ends nothing before its time.
      if (asked.hosting === 'local')
        lifecycle.markStale(unit, lifecycle.visible(modelId, actor), 'check_failed', actor.principalId);
    });
    return checks;
  }

  /** Asks every validator now. @throws {AppError} `validation_failed` when a required one says no. */
  async assertSound(modelId: string, actor: Actor, signal: AbortSignal): Promise<void> {
    const failed = refusing(await this.checks(modelId, actor, signal));
    if (failed.length === 0) return;
    throw new AppError('validation_failed', failed.map((check) => check.summary).join(' '), {
      hint: 'See what each check found, and change it.',
      details: { checks: failed },
    });
  }

  /** Whether the model is validated on exactly this runtime identity. */
  holdsOn(modelId: string, identity: string | null): boolean {
    return this.#deps.facts.isValidatedOn(modelId, identity);
  }

  #permitted(modelId: string, actor: Actor): ModelRow {
    const model = this.#deps.lifecycle.visible(modelId, actor);
    assertMay(actor, MODEL_ACTION_ROLES.validate, model.owner_user_id);
    return model;
  }

  /** @throws {AppError} the first guard of the table that refuses. */
  #guards(model: ModelRow, testRunId: string | undefined): { run: TestRunRow; to: LifecycleState } {
    const { history, lifecycle, tests } = this.#deps;
    const run = testRunId === undefined ? undefined : history.testRun(testRunId);
    const { to } = lifecycle.assertAllowed('validate', model, {
      test_run_id: testRunId,
      test_run: run === undefined ? null : tests.runFacts(run, model),
    });
    if (run === undefined) throw new Error('the guards let a validation without a test run pass');
    return { run, to };
  }

  #ask(model: ModelRow, thorough: boolean, signal: AbortSignal): Promise<CheckResult[]> {
    const { blobs, models, validators } = this.#deps;
    const list = model.hosting === 'local' ? models.files(model.version_id) : [];
    const files = new ModelFiles(list, (file) => blobs.blobPath(file.sha256));
    const config = { ...declaredConfig(model), ...overrideConfig(model) };
    return validators.ask({ model, files, config, thorough }, signal);
  }

  /** The model after what the checks saw of its files was recorded. */
  async #observed(asked: ModelRow): Promise<ModelRow> {
    const { lifecycle, models } = this.#deps;
    if (asked.hosting === 'cloud') return asked;
    const before = models.get(asked.id).rev;
    await lifecycle.observeArtifact(asked.id);
    const now = models.get(asked.id);
    // Our own observation is no change by somebody else.
    return before === asked.rev ? now : { ...now, rev: asked.rev };
  }

  #recordSuccess(
    unit: UnitOfWork,
    model: ModelRow,
    actor: Actor,
    found: { run: TestRunRow; to: LifecycleState; checks: readonly CheckResult[]; trigger: string },
  ): ValidationRow {
    const { clock, history, journal, models, tests } = this.#deps;
    const { run, to, checks, trigger } = found;
    const { validForMs } = tests.executorFor(model);
    const expiresAt = validForMs === null ? null : clock.now() + validForMs;
    const where = run.slot_id === null ? '' : ` on slot ${run.slot_id}`;
    const validation = history.addValidation({
      model_id: model.id,
      validator_kind: `${model.task_key}_test_confirmation`,
      trigger_reason: trigger,
      result: 'success',
      summary: `Proved by a test${where}. ${told(checks)}`,
      error_details: null,
      test_run_id: run.id,
      checks: JSON.stringify(checks),
      fingerprint: run.fingerprint,
      runtime_identity: run.runtime_identity,
      actor_id: actor.principalId,
      expires_at: expiresAt,
    });
    history.setCurrent({
      model_id: model.id,
      runtime_identity: run.runtime_identity ?? '',
      validation_id: validation.id,
      test_run_seq: run.seq,
      fingerprint: run.fingerprint,
      expires_at: expiresAt,
    });
    models.update(model, {
      lifecycle_state: to,
      stale_reason: null,
      last_validation_id: validation.id,
      last_validated_at: clock.now(),
    });
    journal.append(unit, {
      actorId: actor.principalId,
      action: 'model.validated',
      subject: `model:${model.id}`,
      data: {
        from: model.lifecycle_state,
        to,
        validation_id: validation.id,
        test_run_id: run.id,
        runtime_identity: run.runtime_identity,
      },
    });
    return validation;
  }

  /** One row for each validator that said no. @returns the first of them */
  #recordFailures(
    unit: UnitOfWork,
    model: ModelRow,
    actor: Actor,
    failed: readonly CheckResult[],
    about: {
      fingerprint: string;
      runtime_identity: string | null;
      test_run_id: string | null;
      checks: readonly CheckResult[];
      trigger: string;
    },
  ): ValidationRow {
    const { history, journal, models } = this.#deps;
    const rows = failed.map((check) =>
      history.addValidation({
        model_id: model.id,
        validator_kind: check.validator_kind,
        trigger_reason: about.trigger,
        result: 'failure',
        summary: check.summary,
        error_details: check.details === null ? null : JSON.stringify(check.details),
        test_run_id: about.test_run_id,
        checks: JSON.stringify(about.checks),
        fingerprint: about.fingerprint,
        runtime_identity: about.runtime_identity,
        actor_id: actor.principalId,
        expires_at: null,
      }),
    );
    models.update(model, { last_validation_id: rows[0]!.id });
    journal.append(unit, {
      actorId: actor.principalId,
      action: 'model.validation_failed',
      subject: `model:${model.id}`,
      data: {
        validation_ids: rows.map((row) => row.id),
        validator_kinds: failed.map((check) => check.validator_kind),
      },
    });
    return rows[0]!;
  }
}

function assertUnchanged(model: ModelRow, rev: number | null): void {
  if (rev !== null && rev !== model.rev) throw changedMeanwhile(model);
}

function changedMeanwhile(model: ModelRow): AppError {
  return new AppError('conflict', `${model.id} was changed since you read it.`, {
    details: { rev: model.rev },
  });
}

function sentences(failed: readonly CheckResult[]): string {
  return failed.map((check) => check.summary).join(' ');
}

/** What the checks found, in a few words for the history. */
function told(checks: readonly CheckResult[]): string {
  const warnings = checks.filter((check) => check.result === 'warning' || check.result === 'failure');
  const asked = checks.filter((check) => check.result !== 'skipped').length;
  if (warnings.length === 0)
    return asked === 1 ? 'One check found nothing.' : `${asked} checks found nothing.`;
  return `Of ${asked} checks, ${warnings.length} ${warnings.length === 1 ? 'warns' : 'warn'}: ${warnings.map((check) => check.title.toLowerCase()).join(', ')}.`;
}
