import { Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS, type EndpointOutput } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { useModelDetail } from '../../data/models.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatBytes } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { t } from '../../strings/text.ts';
import { changeModel, deleteModel, refusalOf } from './actions.ts';
import { modelTitle } from './words.ts';
import css from './ModelActionDialog.module.css';

type Asked = 'deactivate' | 'unregister' | 'delete';
type Effect = EndpointOutput<typeof ENDPOINTS.previewEffects>['effects'][number];

/** Deactivate, unregister, delete: what the agent says they would do now, then the verb. */
export function ModelActionDialog({
  modelId,
  action,
  onClose,
}: {
  readonly modelId: string;
  readonly action: Asked;
  readonly onClose: () => void;
}): ReactNode {
  const { data: model } = useModelDetail(modelId);
  const effects = useQuery({
    key: `effects ${modelId} ${action}`,
    about: [`model:${modelId}`, 'slot:*'],
    read: async (signal) =>
      (await call(ENDPOINTS.previewEffects, { params: { id: modelId }, body: { action } }, { signal }))
        .effects,
  });
  const [note, setNote] = useState('');
  if (model === undefined) return null;
  const title = modelTitle(model);
  const list = effects.data ?? [];
  const freed = list.find((effect) => effect.code === 'frees')?.bytes;
  const isLastCopy = action === 'delete' && list.some((effect) => effect.code === 'last_copy');
  const noteNeeded = list.some((effect) => effect.code === 'default_binding') && note.trim() === '';

  const confirm = async (): Promise<void> => {
    if (action === 'delete') {
      const bytes = await deleteModel(modelId);
      toastDone(t('model.done.delete', { model: title, freed: formatBytes(bytes) }));
      navigate('/models');
      return;
    }
    await changeModel(modelId, action, note);
    toastDone(t(`model.done.${action}`, { model: title }));
  };

  return (
    <Confirm
      title={t(`modelDialog.${action}.title`, { model: title })}
      keep={t(`modelDialog.${action}.keep`)}
      verb={
        action === 'delete' && freed !== undefined
          ? t('modelDialog.delete.verbFrees', { bytes: formatBytes(freed) })
          : t(`modelAction.${action}`)
      }
      busyVerb={t(`modelBusy.${action}`)}
      destroys={action === 'delete'}
      typed={isLastCopy ? model.name : undefined}
      reason={
        refusalOf(model, action) ??
        (effects.data === undefined ? t('modelDialog.effectsPending') : null) ??
        (noteNeeded ? t('modelDialog.noteNeeded') : null)
      }
      onConfirm={confirm}
      onClose={onClose}
    >
      {effects.data === undefined ? (
        effects.error === null ? (
          <Pending rows={3} rowHeight={20} />
        ) : (
          <Refusal error={effects.error} />
        )
      ) : (
        <ul className={css.effects}>
          {list.map((effect) => (
            <li key={effect.code}>{effectSentence(effect)}</li>
          ))}
        </ul>
      )}
      {action === 'deactivate' && (
        <Textarea
          label={t('modelDialog.note')}
          description={t('modelDialog.noteHelp')}
          autosize
          minRows={2}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      )}
    </Confirm>
  );
}

function effectSentence({ sentence, bytes }: Effect): string {
  return bytes === undefined ? sentence : t('modelDialog.withBytes', { sentence, bytes: formatBytes(bytes) });
}
