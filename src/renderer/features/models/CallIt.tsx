import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Model } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { curlFor } from '../playground/curl.ts';
import css from './CallIt.module.css';

/** How an application calls a model that answers now. */
export function CallIt({
  model,
  caller = null,
}: {
  readonly model: Model;
  /** Who can call it, when it is somebody else. */
  readonly caller?: string | null;
}): ReactNode {
  const curl = curlFor(
    location.origin,
    model.id,
    model.task_key === 'llm' ? 'chat' : model.task_key === 'rerank' ? 'rerank' : 'embeddings',
    t('test.defaultPrompt'),
  );
  return (
    <Section title={t('model.callIt')} level={2}>
      <p className={css.sentence}>
        <StateMark axis="step" state="met" plain>
          {caller === null ? t('model.canBeCalled') : t('model.canBeCalledBy', { who: caller })}
        </StateMark>
        {model.task_key === 'llm' && (
          <Link href={`/playground?model=${model.id}`}>{t('model.playground')}</Link>
        )}
      </p>
      <div className={css.code}>
        <pre>{curl}</pre>
        <Copy value={curl} what={t('what.command')} />
      </div>
      <p className={css.note}>{t('model.callNote')}</p>
    </Section>
  );
}
