import { useState } from 'react';
import {
  capabilityOf,
  ENDPOINTS,
  type FitWay,
  type Model,
  type Runtime,
  type Slot,
} from '../../../shared/contract/index.ts';
import { call } from '../../data/api.ts';
import { liveFeed, useSlots } from '../../data/live.ts';
import { useModelDetail } from '../../data/models.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { t } from '../../strings/text.ts';
import { serveModel } from '../models/actions.ts';
import { emptySlots, loadModel } from './editor/save-slot.ts';
import { useFit } from './editor/use-fit.ts';
import { defaultTarget, NEW, refusalFor, unavailable } from './load-target.ts';

/** What can be chosen, what is chosen, whether it fits, and what stands against it. */
export function useLoadChoice(givenModel: string | undefined, givenSlot: string | undefined) {
  const [modelId, setModelId] = useState<string | null>(givenModel ?? null);
  const [target, setTarget] = useState<string | null>(givenSlot ?? null);
  const [serve, setServe] = useState(true);
  const [unloadFirst, setUnloadFirst] = useState(false);
  const { data: model } = useModelDetail(modelId);
  const allSlots = useSlots() ?? [];
  const { data: runtimes = [] } = useQuery(runtimesQuery);
  const { slots, fitting } = placesFor(model, allSlots, runtimes);
  const chosen = target ?? defaultTarget(slots, fitting);
  const slot = allSlots.find((one) => one.id === chosen);
  const notActive = isNotActive(model);
  const fit = useFit(slot?.id ?? null, model?.id ?? null);
  const way = fit.data?.fits === false ? wayByUnloading(fit.data.ways) : null;
  const alsoServe = notActive && serve;
  const blocked = blockedBecause(model, chosen, alsoServe) ?? unavailable(runtimes, chosen, slot);
  const makesRoom = way !== null && unloadFirst;
  return {
    model,
    setModelId,
    modelId,
    slots,
    fitting,
    chosen,
    setTarget,
    slot,
    fit,
    notActive,
    serve,
    setServe,
    alsoServe,
    /** Emptying other slots would make room. */
    way,
    unloadFirst: makesRoom,
    setUnloadFirst,
    /** The model that would have to go first. */
    leaves: leavesFirst(slot, modelId),
    blocked,
    /** Why it is not loaded with one press. */
    reason: blocked ?? (fit.data?.fits === false && !fit.stale && !makesRoom ? t('load.tooBig') : null),
  };
}

export type LoadChoice = ReturnType<typeof useLoadChoice>;

function isNotActive(model: Model | undefined): boolean {
  return model !== undefined && model.lifecycle_state !== 'active';
}

/** Why it cannot be loaded at all. Pure. */
function blockedBecause(model: Model | undefined, chosen: string | null, alsoServe: boolean): string | null {
  if (model === undefined) return t('load.chooseModel');
  return chosen === null ? t('load.chooseSlot') : refusalFor(model, alsoServe);
}

/** Slots for the task of a model, and runtimes that a new one could be on. Pure. */
function placesFor(
  model: Model | undefined,
  slots: readonly Slot[],
  runtimes: readonly Runtime[],
): { readonly slots: readonly Slot[]; readonly fitting: readonly Runtime[] } {
  const capability = model === undefined ? null : capabilityOf(model.task_key);
  if (model === undefined || capability === null) return { slots, fitting: [] };
  return {
    slots: slots.filter((slot) => slot.capability === capability),
    fitting: runtimes.filter(
      (runtime) => runtime.formats.includes(model.format ?? '') && runtime.capabilities.includes(capability),
    ),
  };
}

/** The model that the slot holds, where that is another one. Pure. */
function leavesFirst(slot: Slot | undefined, modelId: string | null): string | null {
  const held = slot?.loaded_managed_model_id ?? slot?.assigned_model_id ?? null;
  return held === modelId ? null : held;
}

function wayByUnloading(ways: readonly FitWay[]): FitWay | null {
  // What else it would change is for the editor of the slot.
  const fitting = ways.filter(
    (way) => way.fits && way.unload.length > 0 && Object.keys(way.patch).length === 0 && way.gpu_ids === null,
  );
  return fitting.toSorted((a, b) => a.unload.length - b.unload.length)[0] ?? null;
}

/**
 * Makes room where that was asked for, then loads; with a job of all its steps where the model shall serve as well.
 * @throws {AppError} why it was refused
 */
export async function loadInto(
  { model, chosen, alsoServe, way, unloadFirst }: LoadChoice,
  override: boolean,
): Promise<void> {
  if (model === undefined || chosen === null) return;
  if (way !== null && unloadFirst) await emptySlots(way.unload);
  const runtime = chosen.startsWith(NEW) ? chosen.slice(NEW.length) : null;
  if (alsoServe && !override) {
    await serveModel(model.id, runtime === null ? { slot_id: chosen } : { runtime_spec: runtime });
    return;
  }
  await loadModel(runtime === null ? chosen : await newSlot(model, runtime), model.id, override);
}

async function newSlot(model: Model, runtime: string): Promise<string> {
  const capability = capabilityOf(model.task_key) ?? 'llm_inference';
  const { slot } = await call(ENDPOINTS.createSlot, { body: { capability, runtime_spec: runtime } });
  liveFeed.putSlot(slot);
  return slot.id;
}
