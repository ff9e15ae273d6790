import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AppError,
  slugify,
  type Capability,
  type Slot,
  type SlotConfig,
} from '../../../shared/contract/index.ts';
import type { Actor, LoadedSlot, ModelRow, SlotFacts } from '../../catalog/index.ts';
import type { RunningRuntime, RuntimeDriver } from '../drivers/driver.ts';
import { unsupportedSettings } from '../specs/launch.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { SlotEndpoint } from './endpoint.ts';
import { slotMismatch } from './launcher.ts';
import type { NumberedLine } from './log-buffer.ts';
import { SlotActor, type SlotActorDeps } from './slot-actor.ts';
import type { SlotChanges, SlotRow } from './slot-store.ts';

export interface SlotsDeps extends SlotActorDeps {
  readonly specs: SpecRegistry;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
}

export interface NewSlot {
  readonly id?: string | undefined;
  readonly display_name?: string | undefined;
  readonly capability: Capability;
  readonly runtime_spec: string;
  readonly gpu_ids: readonly string[];
  readonly config: SlotConfig;
}

/** How long the gateway waits for the first look at the slots after a start. */
const FIRST_LOOK_MS = 2000;
const RESOLVE_MS = 10_000;

/** The slots of the node: writes wishes, wakes their owners, and answers who serves what. */
export class Slots implements SlotFacts {
  readonly #deps: SlotsDeps;
  readonly #actors = new Map<string, SlotActor>();
  #firstLook: Promise<void> = Promise.resolve();

  constructor(deps: SlotsDeps) {
    this.#deps = deps;
  }

  /**
   * Makes the owners (before it returns), then gives them what still runs from before and lets them work. Does not
   * wait for them: the gateway does, for its first calls.
   */
  start(signal: AbortSignal): void {
    for (const row of this.#deps.store.all()) this.#actors.set(row.id, new SlotActor(row, this.#deps));
    const looked = this.#takeUp(signal).then(() =>
      Promise.all([...this.#actors.values()].map((actor) => actor.observedOnce)),
    );
    const longEnough = new Promise<void>((resolve) => setTimeout(resolve, FIRST_LOOK_MS).unref());
    this.#firstLook = Promise.race([looked.then(() => undefined), longEnough]);
  }

  async #takeUp(signal: AbortSignal): Promise<void> {
    for (const driver of this.#deps.drivers.values()) {
      driver.onAvailabilityChange(() => void this.#engineChanged(driver));
      await this.#adoptRunning(driver, signal);
    }
    for (const actor of this.#actors.values()) actor.wake();
  }

  /** Containers stay; child runtimes end with their driver. */
  async close(): Promise<void> {
    await Promise.all([...this.#actors.values()].map((actor) => actor.close()));
  }

  /** Resolves once every wanted slot was looked at after the start, or after two seconds. */
  observedOnce(): Promise<void> {
    return this.#firstLook;
  }

  /** Which GPUs each slot names, and the containers that its engines run in; read at every tick of the telemetry. */
  gpuUses(): { readonly slotId: string; readonly gpuIds: readonly string[]; readonly containers: string[] }[] {
    return this.#deps.store.all().map(({ id, gpu_ids: gpuIds }) => {
      const containerId = this.#actors.get(id)?.observed.containerId ?? null;
      return { slotId: id, gpuIds, containers: containerId === null ? [] : [containerId] };
    });
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  list(): Slot[] {
    return [...this.#actors.values()]
      .map((actor) => actor.view())
      .toSorted((a, b) => a.id.localeCompare(b.id));
  }

  get(id: string): Slot {
    return this.#actor(id).view();
  }

  logs(
    id: string,
    attempt: number | undefined,
    tail: number,
  ): Promise<{ attempt: number; attempts: number[]; lines: NumberedLine[] }> {
    return this.#actor(id).logs(attempt, tail);
  }

  assignedTo(modelId: string): readonly string[] {
    return this.#deps.store.assignedTo(modelId);
  }

  loadedIn(modelId: string): readonly LoadedSlot[] {
    return [...this.#actors.values()]
      .filter(({ endpoint }) => endpoint?.modelId === modelId)
      .map((actor) => ({
        slot_id: actor.id,
        runtime_identity: actor.observed.identity,
        since: actor.observed.since,
      }));
  }

  loadedModelIds(): ReadonlySet<string> {
    return new Set(
      [...this.#actors.values()].flatMap(({ endpoint }) => (endpoint === null ? [] : [endpoint.modelId])),
    );
  }

  /** Where a model is served now; the emptiest first. */
  endpoints(modelId: string): SlotEndpoint[] {
    return [...this.#actors.values()]
      .flatMap(({ endpoint }) => (endpoint?.modelId === modelId ? [endpoint] : []))
      .toSorted((a, b) => a.inFlight - b.inFlight);
  }

  endpointOf(slotId: string): SlotEndpoint | null {
    return this.#actors.get(slotId)?.endpoint ?? null;
  }

  /** Runtimes that would go on when the agent stops, and those that would end. */
  stillRunning(): string[] {
    return [...this.#actors.values()]
      .filter((actor) => actor.observed.containerId !== null)
      .map((actor) => actor.id);
  }

  // ---- wishes ------------------------------------------------------------------------------------------------------

  /** @throws {AppError} `already_exists`, `invalid_argument`, `unsupported_format`. */
  async create(slot: NewSlot, actor: Actor): Promise<Slot> {
    const { database, store, journal, specs } = this.#deps;
    const spec = specs.get(slot.runtime_spec);
    this.#assertSettings(slot.runtime_spec, slot.capability, slot.config);
    const id = slot.id ?? this.#freeId(slot.display_name ?? defaultSlotName(slot.capability));
    await database.transact((unit) => {
      if (store.find(id) !== undefined) {
        throw new AppError('already_exists', `There is a slot ${id} already.`, {
          details: { id, next_free_id: this.#freeId(id) },
        });
      }
      store.insert({
        id,
        display_name: slot.display_name ?? id,
        capability: slot.capability,
        runtime_spec: spec.id,
        gpu_ids: slot.gpu_ids,
        config: slot.config,
      });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.created',
        subject: `slot:${id}`,
        data: { runtime_spec: spec.id, capability: slot.capability },
      });
    });
    const made = new SlotActor(store.get(id), this.#deps);
    this.#actors.set(id, made);
    made.tell();
    made.wake();
    return made.view();
  }

  /** A slot that holds a model is started again under the new settings. @throws {AppError} `conflict`, `invalid_argument`. */
  async patch(
    id: string,
    changes: Omit<SlotChanges, 'desired_model_id' | 'newGeneration'>,
    actor: Actor,
    ifMatch: number | null,
  ): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    await database.transact((unit) => {
      const row = store.get(id);
      if (ifMatch !== null && ifMatch !== row.rev) {
        throw new AppError(
          'conflict',
          `Slot ${id} was changed since you read it (rev ${ifMatch}, now ${row.rev}).`,
          { details: { rev: row.rev } },
        );
      }
      this.#assertSettings(
        changes.runtime_spec ?? row.runtime_spec,
        row.capability,
        changes.config ?? row.config,
      );
      const restarts =
        changes.config !== undefined ||
        changes.runtime_spec !== undefined ||
        changes.gpu_ids !== undefined ||
        changes.enabled !== undefined;
      store.update(row, { ...changes, newGeneration: restarts });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.changed',
        subject: `slot:${id}`,
        data: { fields: Object.keys(changes).toSorted() },
      });
    });
    // Not every change makes the slot do something that it would tell by itself.
    this.#actor(id).tell();
    this.#actor(id).wake(true);
    return this.get(id);
  }

  /** @throws {AppError} `dependencies_unsatisfied` while it holds or wants a model. */
  async delete(id: string, actor: Actor): Promise<void> {
    const { database, store, journal, logDirectory } = this.#deps;
    const owner = this.#actor(id);
    await database.transact((unit) => {
      const row = store.get(id);
      if (row.desired_model_id !== null || owner.observed.loadState !== 'empty') {
        throw new AppError(
          'dependencies_unsatisfied',
          `Slot ${id} holds ${row.desired_model_id ?? 'a model that is being unloaded'}.`,
          {
            hint: 'Unload it first.',
            details: { model_id: row.desired_model_id, load_state: owner.observed.loadState },
          },
        );
      }
      store.delete(id);
      journal.append(unit, { actorId: actor.principalId, action: 'slot.deleted', subject: `slot:${id}` });
    });
    this.#actors.delete(id);
    await owner.close();
    await rm(join(logDirectory, id), { recursive: true, force: true });
  }

  /**
   * Says which model the slot shall hold.
   * @throws {AppError} the guards of `assign`, and what the engine says: `image_missing`, `runtime_unavailable`, ...
   */
  async load(id: string, modelId: string, actor: Actor): Promise<Slot> {
    const { database, store, journal, models, lifecycle, launcher, specs } = this.#deps;
    const wanted = store.get(id);
    const spec = specs.get(wanted.runtime_spec);
    const { hosting } = lifecycle.visible(modelId, actor);
    // Files may have come back, or been imported again, since somebody looked.
    if (hosting === 'local') await lifecycle.observeArtifact(modelId);
    const model = models.get(modelId);
    this.#assertAssignable(wanted, model);
    // A wish that cannot come true now is refused now, not by a slot that fails later.
    const image = launcher.effective(wanted, model).values.image;
    await launcher.driverFor(spec).resolve(spec, image, AbortSignal.timeout(RESOLVE_MS));
    await database.transact((unit) => {
      const row = store.get(id);
      this.#assertAssignable(row, models.get(modelId));
      const again = row.desired_model_id === modelId && this.#actor(id).observed.error === null;
      store.update(row, { desired_model_id: modelId, newGeneration: !again });
      if (again) return;
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.assigned',
        subject: `slot:${id}`,
        data: { model_id: modelId, was: row.desired_model_id },
      });
    });
    this.#actor(id).wake(true);
    return this.get(id);
  }

  async unload(id: string, actor: Actor | null): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    await database.transact((unit) => {
      const row = store.get(id);
      if (row.desired_model_id === null) return;
      store.update(row, { desired_model_id: null, newGeneration: true });
      journal.append(unit, {
        actorId: actor?.principalId ?? null,
        action: 'slot.unassigned',
        subject: `slot:${id}`,
        data: { model_id: row.desired_model_id },
      });
    });
    this.#actor(id).wake(true);
    return this.get(id);
  }

  /** @throws {AppError} `model_not_loaded` when the slot wants nothing. */
  async restart(id: string, actor: Actor): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    await database.transact((unit) => {
      const row = store.get(id);
      if (row.desired_model_id === null)
        throw new AppError('model_not_loaded', `Slot ${id} holds no model.`, { hint: 'Load one.' });
      store.update(row, { newGeneration: true });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.restarted',
        subject: `slot:${id}`,
        data: { model_id: row.desired_model_id },
      });
    });
    this.#actor(id).wake(true);
    return this.get(id);
  }

  /** Empties every slot and waits until nothing runs, or the signal says that it is enough. For `stop --slots`. */
  async emptyAll(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (): void => {
      const owners = [...this.#actors.values()];
      if (owners.every((owner) => owner.observed.loadState === 'empty')) resolve();
    };
    const stop = this.#deps.hub.listen(settle, settle);
    signal.addEventListener('abort', () => resolve(), { once: true });
    try {
      for (const { id } of this.#deps.store.all()) await this.unload(id, null);
      settle();
      await promise;
    } finally {
      stop();
    }
  }

  // ---- helpers -----------------------------------------------------------------------------------------------------

  /** An engine came or went: what runs there is taken over before anybody starts something new. */
  async #engineChanged(driver: RuntimeDriver): Promise<void> {
    await this.#adoptRunning(driver, AbortSignal.timeout(RESOLVE_MS));
    for (const row of this.#rowsOf(driver)) this.#actors.get(row.id)?.engineCameBack();
  }

  #rowsOf(driver: RuntimeDriver): SlotRow[] {
    return this.#deps.store
      .all()
      .filter((row) => this.#deps.specs.find(row.runtime_spec)?.driver === driver.kind);
  }

  async #adoptRunning(driver: RuntimeDriver, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    // A node that has no slot for it does not need to know the engine.
    if (this.#rowsOf(driver).length === 0) return;
    let running: RunningRuntime[];
    try {
      running = await driver.findRunning(signal);
    } catch (error) {
      log.warn(
        { err: error, driver: driver.kind },
        'what still runs could not be listed; looked for again when the engine answers',
      );
      return;
    }
    for (const runtime of running) {
      const owner = this.#actors.get(runtime.slotId);
      if (owner !== undefined) owner.adopt(runtime);
      else {
        log.warn(
          { slot_id: runtime.slotId, container: runtime.containerId },
          'a runtime of a deleted slot is stopped',
        );
        await runtime.stop(1000);
      }
    }
  }

  #assertAssignable(slot: SlotRow, model: ModelRow): void {
    const spec = this.#deps.specs.get(slot.runtime_spec);
    this.#deps.lifecycle.assertAllowed('assign', model, {
      slot_mismatch: slotMismatch(spec, slot, model),
      memory: null,
    });
  }

  #assertSettings(specId: string, capability: Capability, config: SlotConfig): void {
    const spec = this.#deps.specs.get(specId);
    if (!spec.capabilities.includes(capability)) {
      throw new AppError('unsupported_format', `${spec.name} does not do ${capability}.`, {
        details: { fields: ['capability'], allowed: spec.capabilities },
      });
    }
    const unsupported = unsupportedSettings(spec, config);
    if (unsupported.length === 0) return;
    throw new AppError('invalid_argument', `${spec.name} does not take ${unsupported.join(', ')}.`, {
      details: { fields: unsupported.map((key) => `config.${key}`), allowed: spec.settings },
    });
  }

  #actor(id: string): SlotActor {
    const actor = this.#actors.get(id);
    if (actor === undefined) throw new AppError('not_found', `There is no slot ${id}.`);
    return actor;
  }

  #freeId(wanted: string): string {
    const base = slugify(wanted);
    if (this.#deps.store.find(base) === undefined) return base;
    for (let n = 2; ; n += 1) if (this.#deps.store.find(`${base}-${n}`) === undefined) return `${base}-${n}`;
  }
}

function defaultSlotName(capability: Capability): string {
  return { llm_inference: 'chat', embeddings: 'embed', rerank: 'rerank' }[capability];
}
