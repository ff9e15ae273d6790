import type { ReactNode } from 'react';
import { useModelDetail } from '../../data/models.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Ladder } from '../../parts/Ladder.tsx';
import { Peek } from '../../parts/ListFrame.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { t } from '../../strings/text.ts';
import { ModelFacts } from './ModelFacts.tsx';
import { StateStrip } from './StateStrip.tsx';
import { modelTitle } from './words.ts';
import css from './ModelPeek.module.css';

/** The summary of the model under the cursor: its states, what is missing, its facts. */
export function ModelPeek({
  modelId,
  onClose,
}: {
  readonly modelId: string;
  readonly onClose: () => void;
}): ReactNode {
  const { data: model, error } = useModelDetail(modelId);
  const title = model === undefined ? modelId : modelTitle(model);
  return (
    <Peek
      label={t('models.peek', { model: title })}
      title={title}
      path={`/models/${modelId}`}
      openLabel={t('models.openPage')}
      onClose={onClose}
    >
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
    </Peek>
  );
}
