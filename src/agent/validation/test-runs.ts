import { AppError, type TestRun } from '../../shared/contract/index.ts';
import { MODEL_ACTION_ROLES, type TestRunFacts } from '../../shared/lifecycle/index.ts';
import { assertMay } from '../access/index.ts';
import type { Actor, ModelLifecycle, ModelRow, ModelStore, TestFacts } from '../catalog/index.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { toTestRun, type HistoryStore, type TestRunRow } from './history-store.ts';
import { payloadJson } from './payload.ts';
import { inputProblem, testableTasks, testKindOf, type TestKind } from './task-test.ts';
import type { TestExecution, TestExecutor, TestRefusal } from './test-executor.ts';

export interface TestRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly slotId?: string | undefined;
}

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly history: HistoryStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  /** One for each hosting that can be tested. */
  readonly executors: readonly TestExecutor[];
}

/** Tests that are recorded however they end. */
export class TestRuns implements Pick<TestFacts, 'newestSuccess' | 'last'> {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Tests a model on the slot that is named, on one that serves it, or at its provider. Never on another model.
   * @throws {AppError} what is not recorded (`invalid_state_transition`, `unsupported_format`, `invalid_argument`,
   * `not_found`), and what is: the refusals of `TestRefusal`, with the recorded run in the details.
   */
  async test(modelId: string, request: TestRequest, actor: Actor, signal: AbortSignal): Promise<TestRun> {
    const { lifecycle } = this.#deps;
    const model = lifecycle.visible(modelId, actor);
    assertMay(actor, MODEL_ACTION_ROLES.test, model.owner_user_id);
    const kind = this.#kindFor(model, request);
    // What is tested now is what the run stands for, whatever changes while it runs.
    const fingerprint = lifecycle.fingerprint(model);
    const execution = await this.executorFor(model).run(
      { model, kind, inputs: request.inputs, slotId: request.slotId },
      signal,
    );
    const run = await this.#record(model, request, actor, execution, fingerprint);
    if (execution.refusal === null) return run;
    throw refusedTest(execution.refusal, model, run);
  }

  /** Who tests models of this hosting. @throws {AppError} `unsupported_format` when nobody does. */
  executorFor(model: Pick<ModelRow, 'hosting'>): TestExecutor {
    const executor = this.#deps.executors.find(({ hosting }) => hosting === model.hosting);
    if (executor !== undefined) return executor;
    throw new AppError('unsupported_format', `Nothing here tests models that are ${model.hosting}.`);
  }

  newestSuccess(modelId: string): TestRunFacts | null {
    const model = this.#deps.models.find(modelId);
    if (model === undefined) return null;
    const run = this.#deps.history.newestSuccess(modelId, this.#deps.lifecycle.fingerprint(model));
    return run === undefined ? null : this.runFacts(run, model);
  }

  last(modelId: string): { result: 'success' | 'failure'; fact: string; at: number } | null {
    const run = this.#deps.history.lastTestRun(modelId);
    if (run === undefined) return null;
    const where = run.slot_id === null ? '' : ` on ${run.slot_id}`;
    const fact =
      run.result === 'success'
        ? `Success${where} in ${run.latency_ms ?? 0} ms.`
        : `The last test failed${where}: ${run.summary}`;
    return { result: run.result, fact, at: run.created_at };
  }

  /** A run as the guards of a validation see it. */
  runFacts(run: TestRunRow, model: ModelRow): TestRunFacts {
    const { history, lifecycle } = this.#deps;
    const inForce =
      run.runtime_identity === null ? 0 : history.currentTestSeq(model.id, run.runtime_identity);
    return {
      id: run.id,
      model_id: run.model_id,
      result: run.result,
      fingerprint_current: run.fingerprint === lifecycle.fingerprint(model) && run.runtime_identity !== null,
      newer_than_validation: run.seq > inForce,
    };
  }

  /** @throws {AppError} state, then a task without a test, then inputs that do not suit it. */
  #kindFor(model: ModelRow, { inputs, slotId }: TestRequest): TestKind {
    const { lifecycle } = this.#deps;
    lifecycle.assertAllowed('test', model, {});
    const kind = testKindOf(model.task_key);
    if (kind === null) {
      throw new AppError('unsupported_format', `There is no test for ${model.task_key} yet.`, {
        hint: `Models for ${testableTasks().join(', ')} can be tested.`,
        details: { task_key: model.task_key, testable_tasks: testableTasks() },
      });
    }
    lifecycle.assertAllowed('test', model, { input_problem: inputProblem(kind, inputs) });
    if (model.hosting === 'cloud' && slotId !== undefined) {
      throw new AppError('invalid_argument', `${model.id} runs at a provider, not on a slot.`, {
        hint: 'Leave slot_id out.',
        details: { fields: ['slot_id'] },
      });
    }
    return kind;
  }

  async #record(
    model: ModelRow,
    request: TestRequest,
    actor: Actor,
    { outcome, refusal, slotId, runtimeIdentity, latencyMs }: TestExecution,
    fingerprint: string,
  ): Promise<TestRun> {
    const { database, history, models, journal } = this.#deps;
    const error = outcome.error === null ? null : { error: refusal, ...outcome.error };
    return database.transact((unit) => {
      const now = models.get(model.id);
      const run = history.addTestRun({
        model_id: model.id,
        task_key: model.task_key,
        slot_id: slotId,
        result: outcome.ok ? 'success' : 'failure',
        summary: outcome.summary,
        input_payload: payloadJson(request.inputs),
        output_payload: payloadJson(outcome.output),
        error_details: error === null ? null : payloadJson(error),
        latency_ms: latencyMs,
        fingerprint,
        runtime_identity: runtimeIdentity,
        actor_id: actor.principalId,
      });
      models.update(now, { last_test_run_id: run.id });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'model.tested',
        subject: `model:${model.id}`,
        data: { test_run_id: run.id, result: run.result, slot_id: run.slot_id },
      });
      return toTestRun(run);
    });
  }
}

/** A refusal that a test run was recorded for. */
function refusedTest(refusal: TestRefusal, model: ModelRow, run: TestRun): AppError {
  const where = run.slot_id === null ? '' : ` on ${run.slot_id}`;
  const message =
    refusal === 'model_test_failed' ? `The test of ${model.id}${where} failed. ${run.summary}` : run.summary;
  return new AppError(refusal, message, { details: { test_run: run } });
}
