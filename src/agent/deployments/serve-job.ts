import { z } from 'zod';
import {
  AppError,
  capabilityOf,
  type Capability,
  NameSchema,
  SlotConfigSchema,
  type Job,
  type Progress,
} from '../../shared/contract/index.ts';
import { MODEL_ACTION_ROLES } from '../../shared/lifecycle/index.ts';
import { assertMay } from '../access/index.ts';
import type { Actor, ModelLifecycle, ModelRow, ModelStore } from '../catalog/index.ts';
import { canonicalJson } from '../catalog/index.ts';
import type { JobContext, JobKind, JobRunner } from '../kernel/jobs/job-runner.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { RuntimeDriver, Slots, SpecRegistry } from '../runtimes/index.ts';
import { testKindOf, type TestRuns, type Validations } from '../validation/index.ts';

export const ServePayload = z.strictObject({
  model_id: NameSchema,
  slot_id: NameSchema.nullable(),
  runtime_spec: NameSchema.nullable(),
  config: SlotConfigSchema.nullable(),
  prompt: z.string().nullable(),
  actor: z.strictObject({
    principalId: z.string(),
    role: z.enum(['user', 'reviewer', 'admin', 'superadmin']),
  }),
});
export type ServeRequest = z.infer<typeof ServePayload>;

export interface ServeDeps {
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly tests: TestRuns;
  readonly validations: Validations;
  readonly slots: Slots;
  readonly specs: SpecRegistry;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly hub: EventHub;
  readonly jobs: JobRunner;
}

type Step = NonNullable<Progress['steps']>[number];

const DEFAULT_PROMPT = 'Who are you?';
const PREFERRED_RUNTIMES = ['vllm', 'llama-cpp-cuda', 'llama-cpp-cpu', 'embedded-llama'];

/**
 * Asks for a job that does what is missing until a model answers. The same request while it runs joins it.
 * @throws {AppError} `not_found`, `insufficient_role` for a local model, which needs a slot, `invalid_argument` for a slot
 * named for a cloud model, `recalled`, `artifact_not_ready`.
 */
export async function startServe(
  deps: ServeDeps,
  request: Omit<ServeRequest, 'actor'>,
  actor: Actor,
): Promise<Job> {
  const model = deps.lifecycle.visible(request.model_id, actor);
  if (model.hosting === 'cloud') assertNoSlot(request, model);
  else assertMay(actor, MODEL_ACTION_ROLES.assign, model.owner_user_id);
  if (request.slot_id !== null) deps.slots.get(request.slot_id);
  if (request.runtime_spec !== null) deps.specs.get(request.runtime_spec);
  const unmanaged = model.lifecycle_state === 'created' || model.lifecycle_state === 'unregistered';
  const action = unmanaged ? 'register' : model.hosting === 'cloud' ? 'test' : 'assign';
  deps.lifecycle.assertAllowed(action, model, {});
  const payload: ServeRequest = { ...request, actor: { principalId: actor.principalId, role: actor.role } };
  const { job } = await deps.jobs.enqueue({
    kind: 'serve',
    payload,
    subject: `model:${model.id}`,
    title: `Serve ${model.id}`,
    dedupeKey: `serve:${canonicalJson(payload)}`,
    createdBy: actor.principalId,
  });
  return job;
}

/** @throws {AppError} `invalid_argument`. */
function assertNoSlot(
  { slot_id: slotId, runtime_spec: runtime, config }: Omit<ServeRequest, 'actor'>,
  { id }: ModelRow,
): void {
  const fields = [
    ...(slotId === null ? [] : ['slot_id']),
    ...(runtime === null ? [] : ['runtime_spec']),
    ...(config === null ? [] : ['config']),
  ];
  if (fields.length === 0) return;
  throw new AppError('invalid_argument', `${id} runs at a provider and needs no slot.`, {
    hint: 'Leave the slot, the runtime and the settings out.',
    details: { fields },
  });
}

/** Register, load, test, validate, activate: each only where it is missing, stopping at the first refusal. */
export function serveJob(deps: ServeDeps): JobKind<ServeRequest> {
  return {
    kind: 'serve',
    payload: ServePayload,
    concurrency: 4,
    resumable: true,
    run: (context) => new ServeRun(deps, context).run(),
  };
}

class ServeRun {
  readonly #deps: ServeDeps;
  readonly #context: JobContext<ServeRequest>;
  readonly #steps: Step[] = [];

  constructor(deps: ServeDeps, context: JobContext<ServeRequest>) {
    this.#deps = deps;
    this.#context = context;
  }

  async run(): Promise<Record<string, unknown>> {
    const { lifecycle, validations } = this.#deps;
    const { payload, signal } = this.#context;
    const { model_id: id, actor } = payload;
    await this.#step('register', async () => {
      const { lifecycle_state: state } = this.#model();
      if (state !== 'created' && state !== 'unregistered') return null;
      await lifecycle.register(id, actor);
      return 'this node manages it now';
    });
    // What runs at a provider is there already.
    const slotId = this.#model().hosting === 'cloud' ? null : await this.#chooseSlot();
    if (slotId !== null) await this.#step('load', () => this.#load(slotId));
    const testRunId = await this.#testRun(slotId);
    await this.#step('validate', async () => {
      if (testRunId === null) return null;
      await validations.validate(id, { testRunId, ifMatch: null, trigger: 'serve' }, actor, signal);
      return 'the test run is its validation';
    });
    await this.#step('activate', async () => {
      if (this.#model().lifecycle_state === 'active') return null;
      await lifecycle.activate(id, actor);
      return 'it may be invoked';
    });
    signal.throwIfAborted();
    return { model_id: id, global_model_id: this.#model().content_id, slot_id: slotId, steps: this.#steps };
  }

  /** Tests where this runtime has no validation; null when there is nothing to validate. */
  async #testRun(slotId: string | null): Promise<string | null> {
    const { tests, validations } = this.#deps;
    const { payload, signal } = this.#context;
    const model = this.#model();
    let testRunId: string | null = null;
    await this.#step('test', async () => {
      const holds =
        slotId === null
          ? model.validation_current === 1
          : validations.holdsOn(model.id, this.#deps.slots.get(slotId).runtime_identity);
      if (holds) return null;
      const inputs = testKindOf(model.task_key)?.fromText(payload.prompt ?? DEFAULT_PROMPT) ?? {};
      const where = slotId === null ? {} : { slotId };
      const run = await tests.test(model.id, { inputs, ...where }, payload.actor, signal);
      testRunId = run.id;
      return `${run.summary} (${run.latency_ms ?? 0} ms)`;
    });
    return testRunId;
  }

  async #load(slotId: string): Promise<string | null> {
    const { slots } = this.#deps;
    const { payload } = this.#context;
    // After a start of the agent, what runs is only known once it was looked at.
    await slots.observedOnce();
    const before = slots.get(slotId);
    const serves = (slot: typeof before): boolean =>
      slot.load_state === 'loaded' && slot.loaded_managed_model_id === payload.model_id;
    if (serves(before) && before.assigned_model_id === payload.model_id) return null;
    await slots.load(slotId, payload.model_id, payload.actor);
    for (;;) {
      const slot = slots.get(slotId);
      if (serves(slot)) return `${slotId} serves it on ${slot.engine_version ?? slot.runtime_spec}`;
      if (slot.assigned_model_id !== payload.model_id)
        throw new AppError('conflict', `Slot ${slotId} was given another wish meanwhile.`);
      // Failed, or failed beside a model that goes on.
      const isOver = slot.load_state === 'error' || slot.load_state === 'loaded' || slot.phase === 'backoff';
      if (slot.load_error !== null && isOver) {
        const { error, message, hint, log_excerpt: log } = slot.load_error;
        throw new AppError(error, message, { hint, details: { slot_id: slotId, log_excerpt: log } });
      }
      this.#report(
        'load',
        slot.milestones.findLast((milestone) => milestone.reached_at !== null)?.label ??
          slot.phase ??
          'starting',
      );
      await this.#slotChange(slotId);
    }
  }

  /** The slot that is named; else one that holds the model, an empty one that suits it, or a new one. */
  async #chooseSlot(): Promise<string> {
    const { slots, specs } = this.#deps;
    const { slot_id: named, runtime_spec: wanted, config, model_id: id, actor } = this.#context.payload;
    if (named !== null) return named;
    const model = this.#model();
    const capability = this.#capability(model);
    const runtime = wanted ?? (await this.#preferredRuntime(model));
    const suits = (slot: ReturnType<Slots['get']>): boolean =>
      slot.enabled &&
      slot.capability === capability &&
      slot.runtime_spec === runtime &&
      (config === null || canonicalJson(slot.config) === canonicalJson(config));
    const candidates = slots.list().filter(suits);
    const holding = slots
      .list()
      .find((slot) => slot.assigned_model_id === id && (wanted === null || slot.runtime_spec === wanted));
    const chosen =
      candidates.find((slot) => slot.assigned_model_id === id) ??
      (config === null ? holding : undefined) ??
      candidates.find((slot) => slot.assigned_model_id === null);
    if (chosen !== undefined) return chosen.id;
    specs.get(runtime);
    const made = await slots.create(
      { capability, runtime_spec: runtime, gpu_ids: [], config: config ?? {} },
      actor,
    );
    return made.id;
  }

  /** @throws {AppError} `unsupported_format` for a task that no local runtime can do. */
  #capability(model: ModelRow): Capability {
    const capability = capabilityOf(model.task_key);
    if (capability !== null) return capability;
    throw new AppError('unsupported_format', `No local runtime can do ${model.task_key}.`, {
      details: { task_key: model.task_key },
    });
  }

  /**
   * The first runtime of the preferred order that suits the model and can run here now. The sample stays with the
   * embedded one, because it shall work on every machine.
   */
  async #preferredRuntime(model: ModelRow): Promise<string> {
    const capability = this.#capability(model);
    const fitting = this.#deps.specs
      .all()
      .map(({ spec }) => spec)
      .filter(
        (spec) =>
          (spec.formats as readonly string[]).includes(model.format ?? '') &&
          spec.capabilities.includes(capability),
      )
      .toSorted((a, b) => rankOf(a.id, model) - rankOf(b.id, model));
    const problems: string[] = [];
    for (const spec of fitting) {
      const found = await this.#deps.drivers
        .get(spec.driver)
        ?.availability(spec, undefined, this.#context.signal);
      if (found?.available === true) return spec.id;
      problems.push(`${spec.id}: ${found?.message ?? 'no driver'}`);
    }
    throw new AppError('runtime_unavailable', `No runtime on this machine can run ${model.id} now.`, {
      hint: 'Name one with --runtime, or make one available; see `modelops doctor`.',
      details: { tried: problems },
    });
  }

  async #slotChange(slotId: string): Promise<void> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        stop();
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const stop = this.#deps.hub.listen(
        (event) => {
          if (event.name === 'slot' && (event.data as { slot: { id: string } }).slot.id === slotId) finish();
        },
        () => undefined,
      );
      // A change between the look and the listening shows at the next look.
      const timer = setTimeout(finish, 500);
      signal.addEventListener('abort', finish, { once: true });
    });
    signal.throwIfAborted();
  }

  async #step(name: string, run: () => Promise<string | null>): Promise<void> {
    this.#context.signal.throwIfAborted();
    this.#report(name);
    const started = performance.now();
    const detail = await run();
    this.#steps.push({
      name,
      detail: detail ?? 'nothing to do',
      duration_ms: Math.round(performance.now() - started),
      skipped: detail === null,
    });
    this.#report(name);
  }

  #report(phase: string, reason?: string): void {
    this.#context.report({ phase, steps: [...this.#steps], ...(reason === undefined ? {} : { reason }) });
  }

  #model(): ModelRow {
    return this.#deps.models.get(this.#context.payload.model_id);
  }
}

function rankOf(specId: string, model: Pick<ModelRow, 'is_sample'>): number {
  const order = model.is_sample === 1 ? PREFERRED_RUNTIMES.toReversed() : PREFERRED_RUNTIMES;
  const rank = order.indexOf(specId);
  return rank === -1 ? order.length : rank;
}
