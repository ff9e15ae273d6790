import { AppError, capabilityOf, type TestRun, type Validation } from '../../shared/contract/index.ts';
import type { TestRunFacts } from '../../shared/lifecycle/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import type {
  Actor,
  FactsReader,
  ModelLifecycle,
  ModelRow,
  ModelStore,
  TestFacts,
} from '../catalog/index.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import type { SlotEndpoint, Slots } from '../runtimes/index.ts';
import { inputProblem, recordedRefusal, runTask, type TestOutcome } from './task-test.ts';
import { toTestRun, toValidation, type HistoryStore, type TestRunRow } from './test-store.ts';
import type { Clock } from '../kernel/clock.ts';

export interface TestRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly slotId?: string | undefined;
}

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly history: HistoryStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly facts: FactsReader;
  readonly slots: Slots;
  readonly blobs: BlobStore;
}

/** Tests that are recorded however they end, and validations made from them. */
export class Validations implements TestFacts {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Tests a model on the slot that is named, or on one that serves it. Never on another model.
   * @throws {AppError} what is not recorded (state, inputs) and what is (`local_model_not_served_by_runtime`,
   * `model_test_failed`); the recorded run stands in the details.
   */
  async test(modelId: string, request: TestRequest, actor: Actor, signal: AbortSignal): Promise<TestRun> {
    const { lifecycle, clock } = this.#deps;
    const model = lifecycle.visible(modelId, actor);
    lifecycle.assertAllowed('test', model, { input_problem: inputProblem(model.task_key, request.inputs) });
    const endpoint = this.#endpointFor(model, request.slotId);
    if (endpoint === null) {
      const message = this.#notServed(model, request.slotId);
      const outcome = {
        ok: false,
        summary: message,
        output: {},
        error: { error: 'local_model_not_served_by_runtime', slot_id: request.slotId ?? null },
      };
      const run = await this.#record(model, request, actor, outcome, null, null);
      throw recordedRefusal('local_model_not_served_by_runtime', message, run);
    }
    const started = clock.now();
    const outcome = await runTask(model.task_key, endpoint, request.inputs, signal);
    const run = await this.#record(
      model,
      { ...request, slotId: endpoint.slotId },
      actor,
      outcome,
      endpoint,
      clock.now() - started,
    );
    if (outcome.ok) return run;
    throw recordedRefusal(
      'model_test_failed',
      `The test of ${model.id} on ${endpoint.slotId} failed. ${outcome.summary}`,
      run,
    );
  }

  /**
   * Takes a test run as the validation of a model on the runtime it ran on.
   * @throws {AppError} the guards of `validate` in their order; `validation_failed` when a validator says no, with the
   * failed validation in the details.
   */
  async validate(
    modelId: string,
    testRunId: string | undefined,
    actor: Actor,
    ifMatch: number | null,
  ): Promise<Validation> {
    const { database, lifecycle, history, models, journal, clock } = this.#deps;
    const { hosting } = lifecycle.visible(modelId, actor);
    const artifact = hosting === 'local' ? await lifecycle.observeArtifact(modelId) : 'ready';
    const { row, failed } = await database.transact((unit) => {
      const model = lifecycle.visible(modelId, actor);
      if (ifMatch !== null && ifMatch !== model.rev)
        throw new AppError('conflict', `${modelId} was changed since you read it.`, {
          details: { rev: model.rev },
        });
      const run = testRunId === undefined ? undefined : history.testRun(testRunId);
      const { to } = lifecycle.assertAllowed('validate', model, {
        test_run_id: testRunId,
        test_run: run === undefined ? null : this.#runFacts(run, model),
      });
      const problem = artifact === 'ready' ? null : `The files are ${artifact}, not ready.`;
      const validation = history.addValidation({
        model_id: modelId,
        validator_kind: problem === null ? 'test_run' : 'artifact_integrity',
        trigger_reason: 'requested',
        result: problem === null ? 'success' : 'failure',
        summary: problem ?? `Proved by a test on slot ${run!.slot_id ?? 'unknown'}.`,
        error_details: problem === null ? null : JSON.stringify({ artifact_status: artifact }),
        test_run_id: run!.id,
        checks: '[]',
        fingerprint: run!.fingerprint,
        runtime_identity: run!.runtime_identity,
        actor_id: actor.principalId,
        expires_at: null,
      });
      if (problem !== null) {
        models.update(model, { last_validation_id: validation.id });
        journal.append(unit, {
          actorId: actor.principalId,
          action: 'model.validation_failed',
          subject: `model:${modelId}`,
          data: { validation_id: validation.id },
        });
        return { row: validation, failed: problem };
      }
      history.setCurrent({
        model_id: modelId,
        runtime_identity: run!.runtime_identity ?? '',
        validation_id: validation.id,
        test_run_seq: run!.seq,
        fingerprint: run!.fingerprint,
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
        subject: `model:${modelId}`,
        data: {
          from: model.lifecycle_state,
          to,
          validation_id: validation.id,
          test_run_id: run!.id,
          runtime_identity: run!.runtime_identity,
        },
      });
      return { row: validation, failed: null };
    });
    if (failed !== null)
      throw new AppError('validation_failed', failed, { details: { validation: toValidation(row) } });
    return toValidation(row);
  }

  /** Whether the model is validated on exactly this runtime identity. */
  holdsOn(modelId: string, identity: string | null): boolean {
    return this.#deps.facts.isValidatedOn(modelId, identity);
  }

  newestSuccess(modelId: string): TestRunFacts | null {
    const model = this.#deps.models.find(modelId);
    if (model === undefined) return null;
    const run = this.#deps.history.newestSuccess(modelId, this.#deps.lifecycle.fingerprint(model));
    return run === undefined ? null : this.#runFacts(run, model);
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

  #runFacts(run: TestRunRow, model: ModelRow): TestRunFacts {
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

  #endpointFor(model: ModelRow, slotId: string | undefined): SlotEndpoint | null {
    const { slots } = this.#deps;
    if (slotId === undefined) return slots.endpoints(model.id)[0] ?? null;
    slots.get(slotId);
    const endpoint = slots.endpointOf(slotId);
    return endpoint?.modelId === model.id ? endpoint : null;
  }

  #notServed(model: ModelRow, slotId: string | undefined): string {
    if (slotId === undefined)
      return `No slot serves ${model.id}. The test failed and is recorded; nothing else was tried.`;
    const served = this.#deps.slots.endpointOf(slotId)?.modelId ?? 'nothing';
    return `Slot ${slotId} serves ${served}, not ${model.id}. The test failed and is recorded; nothing else was tried.`;
  }

  async #record(
    model: ModelRow,
    request: TestRequest,
    actor: Actor,
    outcome: TestOutcome,
    endpoint: SlotEndpoint | null,
    latencyMs: number | null,
  ): Promise<TestRun> {
    const { database, history, models, journal, lifecycle } = this.#deps;
    return database.transact((unit) => {
      const now = models.get(model.id);
      const run = history.addTestRun({
        model_id: model.id,
        task_key: model.task_key,
        slot_id: request.slotId ?? null,
        result: outcome.ok ? 'success' : 'failure',
        summary: outcome.summary,
        input_payload: JSON.stringify(request.inputs),
        output_payload: JSON.stringify(outcome.output),
        error_details: outcome.error === null ? null : JSON.stringify(outcome.error),
        latency_ms: latencyMs,
        fingerprint: lifecycle.fingerprint(now),
        runtime_identity: endpoint?.runtimeIdentity ?? null,
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

  /** Slots a model could be tested on, and what each serves. */
  runtimesFor(
    modelId: string,
    actor: Actor,
  ): { runtimes: ReturnType<typeof describeRuntime>[]; defaultSlotId: string | null } {
    const { lifecycle, slots } = this.#deps;
    const model = lifecycle.visible(modelId, actor);
    const capability = capabilityOf(model.task_key);
    const runtimes = slots
      .list()
      .filter((slot) => slot.capability === capability)
      .map((slot) => describeRuntime(slot, model.id));
    return { runtimes, defaultSlotId: runtimes.find((runtime) => runtime.matches_model)?.slot_id ?? null };
  }
}

function describeRuntime(slot: ReturnType<Slots['get']>, modelId: string) {
  const loaded = slot.load_state === 'loaded' ? slot.loaded_managed_model_id : null;
  return {
    slot_id: slot.id,
    display_name: slot.display_name,
    runtime_spec: slot.runtime_spec,
    load_state: slot.load_state,
    matches_model: loaded === modelId,
    loaded_managed_model_id: loaded,
    advertised_model_ids: loaded === null ? [] : [loaded],
    message:
      loaded === modelId
        ? 'It serves this model.'
        : loaded === null
          ? `It serves nothing now (${slot.load_state}).`
          : `It serves ${loaded}.`,
  };
}
