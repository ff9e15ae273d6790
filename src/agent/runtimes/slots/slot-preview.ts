import type { SlotConfig } from '../../../shared/contract/index.ts';
import type { FactsReader } from '../../catalog/index.ts';
import { runtimeIdentity } from '../specs/launch.ts';
import { settingsOf } from './launcher.ts';
import { pendingChanges } from './pending-changes.ts';
import type { SlotActor } from './slot-actor.ts';
import type { SlotActorDeps } from './slot-deps.ts';
import { slotEffectsOf, type CallerFacts, type SlotAction, type SlotEffectFacts } from './slot-effects.ts';
import type { SlotOwners } from './slot-owners.ts';
import type { SlotRow } from './slot-store.ts';

const HOUR_MS = 3_600_000;

export interface PreviewRequest {
  readonly action: SlotAction;
  readonly managed_model_id?: string | undefined;
  readonly config?: SlotConfig | undefined;
  readonly gpu_ids?: readonly string[] | undefined;
}

export interface SlotPreviewDeps extends SlotActorDeps {
  readonly callers: CallerFacts;
  readonly facts: Pick<FactsReader, 'isValidatedOn'>;
}

/** Gathers what an action on a slot would meet now. Changes nothing. */
export class SlotPreview {
  readonly #deps: SlotPreviewDeps;
  readonly #owners: SlotOwners;

  constructor(deps: SlotPreviewDeps, owners: SlotOwners) {
    this.#deps = deps;
    this.#owners = owners;
  }

  /** @throws {AppError} `not_found` for an unknown slot or model. */
  async effects(
    id: string,
    request: PreviewRequest,
    signal: AbortSignal,
  ): Promise<ReturnType<typeof slotEffectsOf>> {
    const { store, models, clock, callers, drainMs } = this.#deps;
    const owner = this.#owners.get(id);
    const row = store.get(id);
    const wanted: SlotRow = {
      ...row,
      config: request.config ?? row.config,
      gpu_ids: request.gpu_ids ?? row.gpu_ids,
    };
    const serves = owner.endpoint?.modelId ?? null;
    const loads = request.action === 'load' ? (request.managed_model_id ?? null) : null;
    const next = loads ?? row.desired_model_id;
    const model = next === null ? undefined : loads === null ? models.find(next) : models.get(next);
    const view = owner.view();
    const logs = await owner.keptLogs();
    const facts: SlotEffectFacts = {
      slotId: id,
      enabled: row.enabled,
      serves,
      wants: row.desired_model_id,
      loads,
      running: view.requests_in_flight,
      drainSeconds: Math.round(drainMs / 1000),
      callers: serves === null ? [] : callers.callersOf(serves, clock.now() - HOUR_MS),
      alsoServedBy: this.#owners
        .all()
        .filter((other) => other.id !== id && serves !== null && other.endpoint?.modelId === serves)
        .map((other) => other.id),
      usualLoadMs: next === null ? null : store.usualLoadMs(id, next),
      isRoom:
        serves === null || model === undefined || request.action === 'unload' || request.action === 'delete'
          ? null
          : await this.#deps.room.hasRoomBeside(wanted, model, signal),
      changed: this.#changed(row, wanted, owner),
      needsValidation: request.action === 'change' && this.#needsValidation(wanted, owner),
      memoryBytes: view.measured_memory_bytes,
      settings: Object.keys(row.config).length + (row.gpu_ids.length > 0 ? 1 : 0),
      logs,
    };
    return slotEffectsOf(request.action, facts);
  }

  #changed(row: SlotRow, wanted: SlotRow, owner: SlotActor): string[] {
    const { models, launcher } = this.#deps;
    const model = row.desired_model_id === null ? undefined : models.find(row.desired_model_id);
    const has = owner.settings;
    const effective = model === undefined ? null : launcher.effectiveOrNull(wanted, model);
    if (has !== null && effective !== null) return pendingChanges(has, settingsOf(wanted, effective));
    const own = (slot: SlotRow) => ({
      runtime_spec: slot.runtime_spec,
      gpu_ids: slot.gpu_ids,
      config: slot.config,
    });
    return pendingChanges(own(row), own(wanted));
  }

  /** The engine is taken to be the one that runs, unless another image is named. */
  #needsValidation(wanted: SlotRow, owner: SlotActor): boolean {
    const { models, launcher, facts } = this.#deps;
    const model = wanted.desired_model_id === null ? undefined : models.find(wanted.desired_model_id);
    const spec = launcher.specOrNull(wanted.runtime_spec);
    const { identity } = owner.observed;
    const { engineId } = owner;
    if (model === undefined || spec === null || identity === null) return false;
    if (!facts.isValidatedOn(model.id, identity)) return false;
    const effective = launcher.effective(wanted, model);
    const sameImage = owner.settings?.config['image'] === effective.values.image;
    if (!sameImage || engineId === null) return true;
    return !facts.isValidatedOn(model.id, runtimeIdentity(spec, engineId, effective.values));
  }
}
