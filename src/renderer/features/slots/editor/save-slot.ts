import { ENDPOINTS, type Slot, type SlotConfig } from '../../../../shared/contract/index.ts';
import { call } from '../../../data/api.ts';
import { liveFeed, liveStore } from '../../../data/live.ts';

export interface Wanted {
  /** Null where nothing but the model changes. */
  readonly settings: { readonly config: SlotConfig; readonly gpu_ids: string[]; readonly rev: number } | null;
  /** Null where the model stays. */
  readonly modelId: string | null;
  /** Load although it is not expected to fit. */
  readonly override?: boolean;
}

/**
 * Saves settings, then loads. The agent decides about each; what it refuses was not done.
 * @throws {AppError} `conflict` when somebody else changed the slot meanwhile; `insufficient_vram` when it would not fit
 */
export async function saveSlot(slot: Slot, wanted: Wanted): Promise<void> {
  if (wanted.settings !== null) {
    const { rev, ...settings } = wanted.settings;
    const body = { ...settings, ...(wanted.override === true ? { override: true } : {}) };
    const answer = await call(ENDPOINTS.patchSlot, { params: { id: slot.id }, body }, { ifMatch: rev });
    liveFeed.putSlot(answer.slot);
  }
  if (wanted.modelId !== null) await loadModel(slot.id, wanted.modelId, wanted.override);
}

/** @throws {AppError} why it cannot be loaded */
export async function loadModel(slotId: string, modelId: string, override = false): Promise<void> {
  const { slot } = await call(ENDPOINTS.loadSlot, {
    params: { id: slotId },
    body: { managed_model_id: modelId, ...(override ? { override } : {}) },
  });
  liveFeed.putSlot(slot);
}

const EMPTIED_WITHIN_MS = 120_000;

/** Empties slots and waits until they have given back their memory. @throws {AppError} what was refused */
export async function emptySlots(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { slot } = await call(ENDPOINTS.unloadSlot, { params: { id } });
    liveFeed.putSlot(slot);
  }
  await Promise.all(ids.map(emptied));
}

async function emptied(id: string): Promise<void> {
  const isEmpty = (): boolean => (liveStore.getState().slots[id]?.load_state ?? 'empty') === 'empty';
  if (isEmpty()) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    // It takes long: then the agent says what stands against the load.
    const timer = setTimeout(done, EMPTIED_WITHIN_MS);
    const stop = liveStore.subscribe(() => {
      if (isEmpty()) done();
    });
  });
}
