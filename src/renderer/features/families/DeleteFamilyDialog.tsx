import { Checkbox } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { Link } from 'wouter';
import { ENDPOINTS, type EndpointOutput, type Model } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { call } from '../../data/api.ts';
import { allModels } from '../../data/models.ts';
import { queries, useQuery, type Query } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatBytes } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { familyQuery } from './edits.ts';
import css from './FamilySection.module.css';

type Effects = EndpointOutput<typeof ENDPOINTS.previewEffects>['effects'];

interface Plan {
  readonly models: readonly Model[];
  /** Of deleting each, by model. */
  readonly effects: readonly Effects[];
}

/** The models of a name and what deleting each of them would do now. */
function planQuery(name: string): Query<Plan> {
  return {
    key: `delete-family ${name}`,
    about: ['model:*', 'slot:*', `family:${name}`],
    read: async (signal) => {
      const all = await allModels({ name }, { signal });
      const models = all.filter((model) => model.lifecycle_state !== 'deleted');
      const effects = await Promise.all(
        models.map(
          async ({ id }) =>
            (await call(ENDPOINTS.previewEffects, { params: { id }, body: { action: 'delete' } }, { signal }))
              .effects,
        ),
      );
      return { models, effects };
    },
  };
}

/** Only what is not managed any more may go. */
const GONE_FIRST: ReadonlySet<Model['lifecycle_state']> = new Set(['unregistered', 'deleted']);

/** Deletes a name with all its models: what goes, what stands in the way, and the name typed where no copy is left. */
export function DeleteFamilyDialog({
  name,
  onClose,
}: {
  readonly name: string;
  readonly onClose: () => void;
}): ReactNode {
  const { data, error } = useQuery(planQuery(name));
  const { data: family } = useQuery(familyQuery(name));
  const [keepFiles, setKeepFiles] = useState(false);
  const models = data?.models ?? [];
  const blocking = models.filter((model) => !GONE_FIRST.has(model.lifecycle_state));
  const aliases = family?.aliases ?? [];
  const all = (data?.effects ?? []).flat();
  const bytes = all.reduce((sum, effect) => sum + (effect.code === 'frees' ? (effect.bytes ?? 0) : 0), 0);
  const isLastCopy = all.some((effect) => effect.code === 'last_copy');
  const reason =
    data === undefined
      ? t('modelDialog.effectsPending')
      : blocking.length > 0
        ? t('family.deleteBlocked', { count: blocking.length, all: models.length })
        : null;

  const confirm = async (): Promise<void> => {
    const answer = await call(ENDPOINTS.deleteFamily, {
      params: { name },
      query: { keep_files: String(keepFiles) },
    });
    queries.invalidate(new Set([`family:${name}`, ...answer.model_ids.map((id) => `model:${id}`)]));
    toastDone(
      t('family.deleted', {
        name,
        count: answer.model_ids.length,
        freed: formatBytes(answer.freed_bytes),
      }),
    );
    navigate('/models');
  };

  return (
    <Confirm
      title={t('family.deleteTitle', { name, count: models.length })}
      keep={t('modelDialog.delete.keep')}
      verb={
        keepFiles || bytes === 0
          ? t('family.deleteVerb', { count: models.length })
          : t('modelDialog.delete.verbFrees', { bytes: formatBytes(bytes) })
      }
      busyVerb={t('modelBusy.delete')}
      destroys
      typed={isLastCopy && !keepFiles ? name : undefined}
      reason={reason}
      onConfirm={confirm}
      onClose={onClose}
    >
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending rows={3} rowHeight={28} />}
      {data !== undefined && (
        <>
          <p>{t(blocking.length > 0 ? 'family.deleteWhatBlocks' : 'family.deleteWhatGoes')}</p>
          <ul className={css.blocks}>
            {models.map((model) => (
              <li key={model.id} className={css.block}>
                <Link href={`/models/${model.id}`} onClick={onClose}>
                  {model.name} v{model.seq}
                </Link>
                <StateMark axis="lifecycle" state={model.lifecycle_state} size={12} />
                {model.loaded_in.length > 0 && (
                  <span>{t('family.heldBy', { slots: model.loaded_in.join(', ') })}</span>
                )}
                <span>{formatBytes(model.artifact?.size_bytes)}</span>
              </li>
            ))}
          </ul>
          {aliases.length > 0 && (
            <p>{t('family.deleteAliases', { aliases: aliases.map((alias) => alias.alias).join(', ') })}</p>
          )}
          <p>{t(isLastCopy ? 'family.deleteLastCopy' : 'family.deleteRecord')}</p>
          <Checkbox
            label={t('family.keepFiles')}
            checked={keepFiles}
            onChange={(event) => setKeepFiles(event.currentTarget.checked)}
          />
        </>
      )}
    </Confirm>
  );
}
