import type { z } from 'zod';
import {
  AppError,
  capabilityOf,
  type Slot,
  type TestRuntimeReason,
  type TestRuntimeSchema,
} from '../../shared/contract/index.ts';
import { MODEL_ACTION_ROLES } from '../../shared/lifecycle/index.ts';
import { assertMay } from '../access/index.ts';
import type { Actor, FactsReader, ModelLifecycle, ModelRow } from '../catalog/index.ts';
import { advertisedModels, slotMismatch, type Slots, type SpecRegistry } from '../runtimes/index.ts';
import { testKindOf } from './task-test.ts';

type TestRuntime = z.infer<typeof TestRuntimeSchema>;

/** A runtime that does not say within this what it serves is told as not reachable. */
const ASK_MS = 2000;

interface Deps {
  readonly lifecycle: ModelLifecycle;
  readonly facts: FactsReader;
  readonly slots: Slots;
  readonly specs: SpecRegistry;
}

/** The slots a model could be tested on: what each serves now, asked of the runtime itself, and why not this model. */
export class TestRuntimes {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Empty for a model that runs elsewhere or has no test. @throws {AppError} `not_found`, `insufficient_role`. */
  async of(
    modelId: string,
    actor: Actor,
    signal: AbortSignal,
  ): Promise<{ runtimes: TestRuntime[]; defaultSlotId: string | null }> {
    const { lifecycle, slots } = this.#deps;
    const model = lifecycle.visible(modelId, actor);
    assertMay(actor, MODEL_ACTION_ROLES.test, model.owner_user_id);
    if (model.hosting === 'cloud' || testKindOf(model.task_key) === null)
      return { runtimes: [], defaultSlotId: null };
    const capability = capabilityOf(model.task_key);
    const runtimes = await Promise.all(
      slots
        .list()
        .filter((slot) => slot.capability === capability)
        .map((slot) => this.#describe(slot, model, signal)),
    );
    const matching = runtimes.filter((runtime) => runtime.matches_model);
    // A test without a slot goes to the emptiest that serves the model; this names the same one.
    const next = slots.endpoints(modelId)[0]?.slotId;
    const chosen =
      matching.find((runtime) => runtime.slot_id === next) ??
      matching.find((runtime) => runtime.assigned_model_id === modelId) ??
      matching[0];
    return { runtimes, defaultSlotId: chosen?.slot_id ?? null };
  }

  async #describe(slot: Slot, model: ModelRow, signal: AbortSignal): Promise<TestRuntime> {
    const advertised = await this.#advertised(slot.id, signal);
    const matches = slot.loaded_managed_model_id === model.id && advertised?.includes(model.id) === true;
    const reason = matches ? null : this.#reason(slot, model, advertised);
    return {
      slot_id: slot.id,
      display_name: slot.display_name,
      runtime_spec: slot.runtime_spec,
      enabled: slot.enabled,
      load_state: slot.load_state,
      phase: slot.phase,
      load_error:
        slot.load_error === null
          ? null
          : { error: slot.load_error.error, message: slot.load_error.message, hint: slot.load_error.hint },
      matches_model: matches,
      assigned_model_id: slot.assigned_model_id,
      loaded_managed_model_id: slot.loaded_managed_model_id,
      loaded_runtime_model_id: slot.loaded_runtime_model_id,
      advertised_model_ids: advertised ?? [],
      reachable: slot.load_state === 'loaded' ? advertised !== null : null,
      context_length: slot.context_length,
      runtime_identity: slot.runtime_identity,
      is_validated_here: this.#deps.facts.isValidatedOn(model.id, slot.runtime_identity),
      reason,
      ...words(slot, model, reason),
    };
  }

  /** What the runtime itself lists now; null when nothing serves, or it does not answer. */
  async #advertised(slotId: string, signal: AbortSignal): Promise<string[] | null> {
    const endpoint = this.#deps.slots.endpointOf(slotId);
    if (endpoint === null) return null;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
      return (await advertisedModels(endpoint, limit)).ids;
    } catch (error) {
      signal.throwIfAborted();
      // The watch of the slot finds out what is wrong with it; here it is only not reachable.
      if (error instanceof AppError || error instanceof DOMException) return null;
      throw error;
    }
  }

  #reason(slot: Slot, model: ModelRow, advertised: readonly string[] | null): TestRuntimeReason {
    const spec = this.#deps.specs.find(slot.runtime_spec);
    if (spec === undefined || slotMismatch(spec, slot, model) !== null) return 'format_not_supported';
    if (!slot.enabled) return 'slot_disabled';
    if (slot.load_state === 'loaded') {
      if (slot.loaded_managed_model_id !== model.id) return 'serves_another_model';
      return advertised === null ? 'not_reachable' : 'not_advertised';
    }
    if (slot.load_state === 'error' || slot.phase === 'backoff') return 'slot_failed';
    if (slot.load_state === 'empty') return 'slot_empty';
    return slot.assigned_model_id === model.id ? 'still_loading' : 'serves_another_model';
  }
}

/** Why it does not serve the model, and what to do about it. Pure. */
function words(
  slot: Slot,
  model: ModelRow,
  reason: TestRuntimeReason | null,
): { message: string; hint: string | null } {
  const load = `Load ${model.id} into ${slot.id}.`;
  const served = slot.loaded_managed_model_id ?? slot.assigned_model_id ?? 'another model';
  switch (reason) {
    case null:
      return { message: 'It serves this model.', hint: null };
    case 'format_not_supported':
      return {
        message: `${slot.runtime_spec} does not run ${model.format ?? 'this format'}.`,
        hint: 'Choose a slot with a runtime that does, or make one.',
      };
    case 'slot_disabled':
      return { message: 'It is switched off.', hint: `Switch ${slot.id} on, then load the model into it.` };
    case 'serves_another_model':
      return { message: `It serves ${served}.`, hint: load };
    case 'not_reachable':
      return {
        message: 'It was loaded, but its runtime does not answer now.',
        hint: `Look at the log of ${slot.id}, or restart it.`,
      };
    case 'not_advertised':
      return {
        message: 'Its runtime does not list this model any more.',
        hint: `Restart ${slot.id}.`,
      };
    case 'slot_failed':
      return {
        message: slot.load_error?.message ?? 'It could not load its model.',
        hint: slot.load_error?.hint ?? `Look at the log of ${slot.id}.`,
      };
    case 'slot_empty':
      return { message: 'It serves nothing.', hint: load };
    case 'still_loading':
      return {
        message: `It is loading this model (${slot.phase ?? slot.load_state}).`,
        hint: 'Wait until it is loaded.',
      };
  }
}
