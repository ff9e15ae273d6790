import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AppError,
  slugify,
  type Capability,
  type Slot,
  type SlotConfig,
} from '../../../shared/contract/index.ts';
import type { Actor, ModelRow } from '../../catalog/index.ts';
import type { MemoryGate } from '../fit/memory-fit.ts';
import { settingProblem } from '../specs/slot-settings.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import { slotMismatch } from './launcher.ts';
import { SlotActor } from './slot-actor.ts';
import type { SlotActorDeps } from './slot-deps.ts';
import type { SlotOwners } from './slot-owners.ts';
import type { SlotChanges, SlotRow } from './slot-store.ts';

export interface NewSlot {
  readonly id?: string | undefined;
  readonly display_name?: string | undefined;
  readonly capability: Capability;
  readonly runtime_spec: string;
  readonly gpu_ids: readonly string[];
  readonly config: SlotConfig;
}

export type SlotPatch = Omit<SlotChanges, 'desired_model_id' | 'newGeneration' | 'memory_override'> & {
  /** Start it again even though the estimate says that it does not fit. */
  readonly override?: boolean;
};

const RESOLVE_MS = 10_000;

/** What people wish of slots: each is decided, written with its journal row, and then left to the owner of the slot. */
export class SlotWishes {
  readonly #deps: SlotActorDeps & { readonly specs: SpecRegistry };
  readonly #owners: SlotOwners;

  constructor(deps: SlotActorDeps & { readonly specs: SpecRegistry }, owners: SlotOwners) {
    this.#deps = deps;
    this.#owners = owners;
  }

  /** @throws {AppError} `already_exists`, `invalid_argument`, `unsupported_format`. */
  async create(slot: NewSlot, actor: Actor): Promise<Slot> {
    const { database, store, journal, specs } = this.#deps;
    const spec = specs.get(slot.runtime_spec);
    this.#assertSettings(slot.runtime_spec, slot.capability, slot.config, slot.gpu_ids);
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
    this.#owners.add(made);
    made.tell();
    made.wake();
    return made.view();
  }

  /** A slot that holds a model is started again under the new settings. @throws {AppError} `conflict`, `invalid_argument`. */
  async patch(
    id: string,
    { override = false, ...changes }: SlotPatch,
    actor: Actor,
    ifMatch: number | null,
  ): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    const restarts =
      changes.config !== undefined ||
      changes.runtime_spec !== undefined ||
      changes.gpu_ids !== undefined ||
      changes.enabled !== undefined;
    const memory = restarts ? await this.#memoryOf({ ...store.get(id), ...defined(changes) }) : null;
    const overrides = memory?.fits === false && override;
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
        changes.gpu_ids ?? row.gpu_ids,
      );
      assertFits(memory, overrides);
      store.update(row, {
        ...changes,
        newGeneration: restarts,
        ...(restarts ? { memory_override: overrides } : {}),
      });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.changed',
        subject: `slot:${id}`,
        data: { fields: Object.keys(changes).toSorted(), ...overrideData(memory, overrides) },
      });
    });
    // Not every change makes the slot do something that it would tell by itself.
    this.#owners.get(id).tell();
    if (restarts) this.#owners.get(id).wished();
    return this.#owners.get(id).view();
  }

  /** @throws {AppError} `dependencies_unsatisfied` while it holds or wants a model. */
  async delete(id: string, actor: Actor): Promise<void> {
    const { database, store, journal, logDirectory } = this.#deps;
    const owner = this.#owners.get(id);
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
    this.#owners.remove(id);
    await owner.close();
    await rm(join(logDirectory, id), { recursive: true, force: true });
  }

  /**
   * Says which model the slot shall hold.
   * @throws {AppError} the guards of `assign`, and what the engine says: `image_missing`, `runtime_unavailable`, ...
   */
  async load(id: string, modelId: string, actor: Actor, override = false): Promise<Slot> {
    const { database, store, journal, models, lifecycle, launcher } = this.#deps;
    const wanted = store.get(id);
    const { hosting } = lifecycle.visible(modelId, actor);
    // Files may have come back, or been imported again, since somebody looked.
    if (hosting === 'local') await lifecycle.observeArtifact(modelId);
    const model = models.get(modelId);
    this.#assertAssignable(wanted, model, null, false);
    // A wish that cannot come true now is refused now, not by a slot that fails later.
    await launcher.assertStartable(wanted, model, AbortSignal.timeout(RESOLVE_MS));
    const holds = ({ desired_model_id: desired }: SlotRow): boolean =>
      desired === modelId && this.#owners.get(id).observed.error === null;
    // What is there already is not asked whether it fits.
    const memory = holds(wanted) ? null : await this.#memoryOf({ ...wanted, desired_model_id: modelId });
    const overrides = memory?.fits === false && override;
    await database.transact((unit) => {
      const row = store.get(id);
      this.#assertAssignable(row, models.get(modelId), memory, overrides);
      if (holds(row)) return;
      store.update(row, { desired_model_id: modelId, newGeneration: true, memory_override: overrides });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.assigned',
        subject: `slot:${id}`,
        data: { model_id: modelId, was: row.desired_model_id, ...overrideData(memory, overrides) },
      });
    });
    this.#owners.get(id).wished();
    return this.#owners.get(id).view();
  }

  /** @param cut requests that are running are not waited for */
  async unload(id: string, actor: Actor | null, cut: boolean): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    const owner = this.#owners.get(id);
    await database.transact((unit) => {
      const row = store.get(id);
      // One that is being emptied already may still be told not to wait for its last requests.
      const leaving = cut ? owner.observed.loadedModelId : null;
      if (row.desired_model_id === null && leaving === null) return;
      if (row.desired_model_id !== null)
        store.update(row, { desired_model_id: null, newGeneration: true, memory_override: false });
      journal.append(unit, {
        actorId: actor?.principalId ?? null,
        action: 'slot.unassigned',
        subject: `slot:${id}`,
        data: { model_id: row.desired_model_id ?? leaving, ...(cut ? { cut: true } : {}) },
      });
    });
    if (cut) owner.cut();
    owner.wished();
    return owner.view();
  }

  /** @throws {AppError} `model_not_loaded` when the slot wants nothing, `insufficient_vram`. */
  async restart(id: string, actor: Actor, override = false): Promise<Slot> {
    const { database, store, journal } = this.#deps;
    const wanted = store.get(id);
    const memory = await this.#memoryOf({ ...wanted, enabled: true });
    const overrides = memory?.fits === false && (override || wanted.memory_override);
    await database.transact((unit) => {
      const row = store.get(id);
      if (row.desired_model_id === null)
        throw new AppError('model_not_loaded', `Slot ${id} holds no model.`, { hint: 'Load one.' });
      assertFits(memory, overrides);
      store.update(row, { restart: true, memory_override: overrides });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.restarted',
        subject: `slot:${id}`,
        data: { model_id: row.desired_model_id, ...overrideData(memory, overrides) },
      });
    });
    this.#owners.get(id).wished();
    return this.#owners.get(id).view();
  }

  #assertAssignable(slot: SlotRow, model: ModelRow, memory: MemoryGate | null, override: boolean): void {
    const spec = this.#deps.specs.get(slot.runtime_spec);
    this.#deps.lifecycle.assertAllowed('assign', model, {
      slot_mismatch: slotMismatch(spec, slot, model),
      memory,
      memory_override: override,
    });
  }

  /** Whether what the slot would start fits; null when it would start nothing, or when nobody can say. */
  async #memoryOf(slot: SlotRow): Promise<MemoryGate | null> {
    const { fit, models, specs } = this.#deps;
    const model = slot.desired_model_id === null ? undefined : models.find(slot.desired_model_id);
    if (model === undefined || !slot.enabled || specs.find(slot.runtime_spec) === undefined) return null;
    return fit.gate(slot, model, AbortSignal.timeout(RESOLVE_MS));
  }

  #assertSettings(
    specId: string,
    capability: Capability,
    config: SlotConfig,
    gpuIds: readonly string[],
  ): void {
    const spec = this.#deps.specs.get(specId);
    if (!spec.capabilities.includes(capability)) {
      throw new AppError('unsupported_format', `${spec.name} does not do ${capability}.`, {
        details: { fields: ['capability'], allowed: spec.capabilities },
      });
    }
    const problem = settingProblem(spec, config, gpuIds);
    if (problem === null) return;
    throw new AppError('invalid_argument', problem.message, {
      details: { fields: problem.fields, allowed: problem.allowed },
    });
  }

  #freeId(wanted: string): string {
    const base = slugify(wanted);
    if (this.#deps.store.find(base) === undefined) return base;
    for (let n = 2; ; n += 1) if (this.#deps.store.find(`${base}-${n}`) === undefined) return `${base}-${n}`;
  }
}

/** A patch names only what changes. */
function defined<T extends object>(changes: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** @throws {AppError} `insufficient_vram` with the numbers. */
function assertFits(memory: MemoryGate | null, override: boolean): void {
  if (memory === null || memory.fits || override) return;
  throw new AppError('insufficient_vram', memory.message, { details: memory.details });
}

/** The numbers somebody overrode, for the journal. */
function overrideData(memory: MemoryGate | null, override: boolean): Record<string, unknown> {
  return override && memory !== null ? { override: true, ...memory.details } : {};
}

function defaultSlotName(capability: Capability): string {
  return { llm_inference: 'chat', embeddings: 'embed', rerank: 'rerank' }[capability];
}
