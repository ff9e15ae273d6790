import { CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useModelDetail } from '../../data/models.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Ladder } from '../../parts/Ladder.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { t } from '../../strings/text.ts';
import { ModelFacts } from './ModelFacts.tsx';
import { StateStrip } from './StateStrip.tsx';
import { modelTitle } from './words.ts';
import css from './ModelPeek.module.css';

/** The summary of the row under the cursor, beside the list. Not modal: it follows the cursor. */
export function ModelPeek({
  modelId,
  onClose,
}: {
  readonly modelId: string;
  readonly onClose: () => void;
}): ReactNode {
  const { data: model, error } = useModelDetail(modelId);
  return (
    <aside
      className={css.peek}
      aria-label={t('models.peek', { model: model === undefined ? modelId : modelTitle(model) })}
    >
      <div className={css.head}>
        <h2>{model === undefined ? modelId : modelTitle(model)}</h2>
        <Link href={`/models/${modelId}`}>{t('models.openPage')}</Link>
        <CloseButton aria-label={t('action.close')} onClick={onClose} />
      </div>
      {error !== null && <Refusal error={error} />}
      {model === undefined ? (
        <Pending />
      ) : (
        <>
          <StateStrip model={model} />
          <div className={css.body}>
            <Ladder rungs={model.requirements ?? []} cloud={model.hosting === 'cloud'} />
            <ModelFacts model={model} />
          </div>
        </>
      )}
    </aside>
  );
}
