import { Checkbox, Modal, Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import {
  capabilityOf,
  ENDPOINTS,
  type Model,
  type Runtime,
  type Slot,
} from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { liveFeed, useSlots } from '../../data/live.ts';
import { useModelDetail, useModelList, useModels } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import confirmCss from '../../parts/Confirm.module.css';
import { t } from '../../strings/text.ts';
import { refusalOf, serveModel } from '../models/actions.ts';
import { modelTitle } from '../models/words.ts';

const NEW = 'new:';

/** What can be chosen, what is chosen, and what stands against it. */
function useLoadChoice(givenModel: string | undefined, givenSlot: string | undefined) {
  const [modelId, setModelId] = useState<string | null>(givenModel ?? null);
  const [target, setTarget] = useState<string | null>(givenSlot ?? null);
  const [serve, setServe] = useState(true);
  const { data: model } = useModelDetail(modelId);
  const allSlots = useSlots() ?? [];
  const { data: runtimes = [] } = useQuery(runtimesQuery);
  const capability = model === undefined ? null : capabilityOf(model.task_key);
  const slots = allSlots.filter((slot) => capability === null || slot.capability === capability);
  const fitting = runtimes.filter(
    (runtime) =>
      capability !== null &&
      runtime.formats.includes(model?.format ?? '') &&
      runtime.capabilities.includes(capability),
  );
  const chosen = target ?? defaultTarget(slots, fitting);
  const slot = allSlots.find((one) => one.id === chosen);
  const notActive = model !== undefined && model.lifecycle_state !== 'active';
  const alsoServe = notActive && serve;
  const held = slot?.loaded_managed_model_id ?? slot?.assigned_model_id ?? null;
  return {
    model,
    setModelId,
    modelId,
    slots,
    fitting,
    chosen,
    setTarget,
    slot,
    notActive,
    serve,
    setServe,
    alsoServe,
    /** The model that would have to go first. */
    leaves: held === modelId ? null : held,
    reason:
      (model === undefined ? t('load.chooseModel') : null) ??
      (chosen === null ? t('load.chooseSlot') : null) ??
      refusalFor(model, alsoServe) ??
      unavailable(runtimes, chosen, slot),
  };
}

/** Which model into which slot. Either may be given; the rest is chosen here. */
export function LoadDialog({
  modelId: givenModel,
  slotId: givenSlot,
  onClose,
}: {
  readonly modelId?: string;
  readonly slotId?: string;
  readonly onClose: () => void;
}): ReactNode {
  const choice = useLoadChoice(givenModel, givenSlot);
  const { model, chosen, slot, alsoServe, leaves } = choice;
  const load = useMutation(async () => {
    if (model !== undefined && chosen !== null) await loadInto(model, chosen, alsoServe);
  });
  const start = async (): Promise<void> => {
    if (!(await load.run()) || model === undefined) return;
    toastDone(t(alsoServe ? 'load.serving' : 'load.started', { model: modelTitle(model) }), {
      label: t(alsoServe ? 'action.open' : 'slots.title'),
      to: alsoServe ? `/models/${model.id}` : '/slots',
    });
    onClose();
  };
  return (
    <Modal opened onClose={onClose} size={480} withCloseButton={false} title={loadTitle(model, givenSlot)}>
      <div className={confirmCss.body}>
        {givenModel === undefined && (
          <ModelSelect slot={slot} value={choice.modelId} onChange={choice.setModelId} />
        )}
        {givenSlot === undefined && (
          <Select
            label={t('test.slot')}
            data={targetOptions(choice.slots, choice.fitting)}
            value={chosen}
            onChange={choice.setTarget}
            allowDeselect={false}
            placeholder={t('test.slotAny')}
            nothingFoundMessage={t('load.noTarget')}
          />
        )}
        {slot !== undefined && leaves !== null && (
          <p>{t('load.leaves', { slot: slot.id, model: leaves, count: slot.requests_in_flight })}</p>
        )}
        {choice.notActive && (
          <Checkbox
            label={t('load.thenServe')}
            description={t('load.thenServeNote')}
            checked={choice.serve}
            onChange={(event) => choice.setServe(event.currentTarget.checked)}
          />
        )}
        {load.error !== null && <Refusal error={load.error} />}
      </div>
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
        <ReasonButton
          variant="filled"
          changes
          reason={choice.reason}
          busy={load.busy}
          busyLabel={t('load.busy')}
          onClick={() => void start()}
        >
          {leaves === null ? t('load.verb') : t('load.verbReplace')}
        </ReasonButton>
      </div>
    </Modal>
  );
}

async function loadInto(model: Model, target: string, alsoServe: boolean): Promise<void> {
  const runtime = target.startsWith(NEW) ? target.slice(NEW.length) : null;
  if (alsoServe) {
    await serveModel(model.id, runtime === null ? { slot_id: target } : { runtime_spec: runtime });
    return;
  }
  let slotId = target;
  const capability = capabilityOf(model.task_key);
  if (runtime !== null && capability !== null) {
    const { slot } = await call(ENDPOINTS.createSlot, {
      body: { capability, runtime_spec: runtime },
    });
    liveFeed.putSlot(slot);
    slotId = slot.id;
  }
  const { slot } = await call(ENDPOINTS.loadSlot, {
    params: { id: slotId },
    body: { managed_model_id: model.id },
  });
  liveFeed.putSlot(slot);
}

function loadTitle(model: Model | undefined, slotId: string | undefined): string {
  const name = model === undefined ? null : modelTitle(model);
  if (name !== null && slotId !== undefined) return t('load.titleBoth', { model: name, slot: slotId });
  if (name !== null) return t('load.titleModel', { model: name });
  return t('load.titleSlot', { slot: slotId ?? '' });
}

/** Serving registers what is not registered yet; plain loading does not. */
function refusalFor(model: Model | undefined, alsoServe: boolean): string | null {
  if (model === undefined) return null;
  const verdict = refusalOf(model, 'load');
  return alsoServe && verdict !== null ? refusalOf(model, 'register') : verdict;
}

function unavailable(
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
function defaultTarget(slots: readonly Slot[], runtimes: readonly Runtime[]): string | null {
  const empty = slots.find(
    (slot) =>
      slot.assigned_model_id === null &&
      runtimes.some((one) => one.id === slot.runtime_spec && one.available),
  );
  if (empty !== undefined) return empty.id;
  const runtime = runtimes.find((one) => one.available);
  return runtime === undefined ? null : `${NEW}${runtime.id}`;
}

function targetOptions(
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

function ModelSelect({
  slot,
  value,
  onChange,
}: {
  readonly slot: Slot | undefined;
  readonly value: string | null;
  readonly onChange: (id: string | null) => void;
}): ReactNode {
  const list = useModelList(slot === undefined ? {} : { capability: slot.capability });
  const models = useModels(list.data?.ids ?? []).filter(
    (model) => model.lifecycle_state !== 'deleted' && model.hosting === 'local',
  );
  return (
    <Select
      label={t('load.model')}
      searchable
      data-autofocus
      placeholder={t('load.modelPlaceholder')}
      nothingFoundMessage={t('load.noModel')}
      data={models.map((model) => ({
        value: model.id,
        label: t('load.modelOption', {
          model: modelTitle(model),
          state: t(`lifecycle.${model.lifecycle_state}`),
        }),
      }))}
      value={value}
      onChange={onChange}
    />
  );
}
