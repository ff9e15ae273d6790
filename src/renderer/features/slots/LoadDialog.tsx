import { Checkbox, Modal, Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { useMutation } from '../../data/mutate.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { FitPanel } from './editor/FitPanel.tsx';
import { LoadAnywayDialog } from './editor/LoadAnywayDialog.tsx';
import { targetOptions } from './load-target.ts';
import { ModelSelect } from './ModelSelect.tsx';
import { loadInto, useLoadChoice, type LoadChoice } from './use-load.ts';

/** Which model into which slot, and whether it fits there. Either may be given; the rest is chosen here. */
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
  const { model, slot, alsoServe, leaves, fit } = choice;
  const [anyway, setAnyway] = useState(false);
  const load = useMutation((override: boolean) => loadInto(choice, override));
  const told = (serves: boolean): void => {
    if (model === undefined) return;
    toastDone(t(serves ? 'load.serving' : 'load.started', { model: modelTitle(model) }), {
      label: t(serves ? 'action.open' : 'slots.title'),
      to: serves ? `/models/${model.id}` : '/slots',
    });
    onClose();
  };
  const start = async (): Promise<void> => {
    if (await load.run(false)) told(alsoServe);
  };
  if (anyway && fit.data !== undefined)
    return (
      <LoadAnywayDialog
        fit={fit.data}
        onLoad={async () => {
          await loadInto(choice, true);
          told(false);
        }}
        onClose={() => setAnyway(false)}
      />
    );
  const doesNotFit = fit.data?.fits === false && !fit.stale && !choice.unloadFirst;
  return (
    <Modal opened onClose={onClose} size={480} withCloseButton={false} title={loadTitle(model, givenSlot)}>
      <div className={confirmCss.body}>
        {givenModel === undefined && (
          <ModelSelect
            label={t('load.model')}
            capability={slot?.capability}
            value={choice.modelId}
            isFirst
            onChange={choice.setModelId}
          />
        )}
        {givenSlot === undefined && (
          <Select
            label={t('test.slot')}
            data={targetOptions(choice.slots, choice.fitting)}
            value={choice.chosen}
            onChange={choice.setTarget}
            allowDeselect={false}
            placeholder={t('test.slotAny')}
            nothingFoundMessage={t('load.noTarget')}
          />
        )}
        <Fit choice={choice} />
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
        {doesNotFit && (
          <ReasonButton changes reason={choice.blocked} onClick={() => setAnyway(true)}>
            {t('load.anyway')}
          </ReasonButton>
        )}
        <ReasonButton
          variant="filled"
          changes
          reason={choice.reason}
          busy={load.busy}
          busyLabel={t('load.busy')}
          onClick={() => void start()}
        >
          {leaves === null && !choice.unloadFirst ? t('load.verb') : t('load.verbReplace')}
        </ReasonButton>
      </div>
    </Modal>
  );
}

/** Whether the model fits into the slot, and what has to go first. */
function Fit({ choice }: { readonly choice: LoadChoice }): ReactNode {
  const { model, slot, chosen, fit, way } = choice;
  if (model === undefined || chosen === null) return null;
  if (slot === undefined) return <p>{t('load.willBeChecked')}</p>;
  return (
    <>
      <FitPanel fit={fit} brief />
      {way !== null && (
        <Checkbox
          label={t('load.unloadFirst', { slots: way.unload.join(', ') })}
          description={t('load.unloadFirstNote')}
          checked={choice.unloadFirst}
          onChange={(event) => choice.setUnloadFirst(event.currentTarget.checked)}
        />
      )}
    </>
  );
}

function loadTitle(model: Model | undefined, slotId: string | undefined): string {
  const name = model === undefined ? null : modelTitle(model);
  if (name !== null && slotId !== undefined) return t('load.titleBoth', { model: name, slot: slotId });
  if (name !== null) return t('load.titleModel', { model: name });
  return t('load.titleSlot', { slot: slotId ?? '' });
}
