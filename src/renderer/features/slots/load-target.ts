import type { Model, Runtime, Slot } from '../../../shared/contract/index.ts';
import { t } from '../../strings/text.ts';
import { refusalOf } from '../models/actions.ts';

/** Where a model can go: slots that are there, and new ones on each runtime that takes it. Pure. */

/** Before the id of a runtime: a new slot on it. */
export const NEW = 'new:';

/** Serving registers what is not registered yet; plain loading does not. */
export function refusalFor(model: Model | undefined, alsoServe: boolean): string | null {
  if (model === undefined) return null;
  const verdict = refusalOf(model, 'load');
  return alsoServe && verdict !== null ? refusalOf(model, 'register') : verdict;
}

export function unavailable(
  runtimes: readonly Runtime[],
  target: string | null,
  slot: Slot | undefined,
): string | null {
  const id = target?.startsWith(NEW) === true ? target.slice(NEW.length) : slot?.runtime_spec;
  const runtime = runtimes.find((one) => one.id === id);
  if (runtime?.available !== false) return null;
  // A slot with an image of its own does not ask for the runtime's; whether that one is there, the agent knows.
  if (slot?.config.image !== undefined && runtime.unavailable?.error === 'image_missing') return null;
  return runtime.unavailable?.message ?? null;
}

/** An empty slot first, then a new one where it can run, then one that would have to let go. Pure. */
export function defaultTarget(slots: readonly Slot[], runtimes: readonly Runtime[]): string | null {
  const empty = slots.find(
    (slot) =>
      slot.assigned_model_id === null &&
      runtimes.some((one) => one.id === slot.runtime_spec && one.available),
  );
  if (empty !== undefined) return empty.id;
  const runtime = runtimes.find((one) => one.available);
  return runtime === undefined ? null : `${NEW}${runtime.id}`;
}

export function targetOptions(
  slots: readonly Slot[],
  runtimes: readonly Runtime[],
): { group: string; items: { value: string; label: string }[] }[] {
  return [
    {
      group: t('load.slots'),
      items: slots.map((slot) => ({
        value: slot.id,
        label: t('load.slotOption', {
          slot: slot.id,
          runtime: slot.runtime_spec,
          holds: slot.assigned_model_id ?? t('load.empty'),
        }),
      })),
    },
    {
      group: t('load.newSlot'),
      items: runtimes.map((runtime) => ({
        value: `${NEW}${runtime.id}`,
        label: runtime.available
          ? t('load.newOption', { runtime: runtime.name })
          : t('load.newOptionUnavailable', { runtime: runtime.name }),
      })),
    },
  ].filter((group) => group.items.length > 0);
}
