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
export function CallIt({ model }: { readonly model: Model }): ReactNode {
  const curl = curlFor(
    location.origin,
    model.id,
    model.task_key === 'llm' ? 'chat' : 'embeddings',
    t('test.defaultPrompt'),
  );
  return (
    <Section title={t('model.callIt')} level={2}>
      <p className={css.sentence}>
        <StateMark axis="step" state="met" plain>
          {t('model.canBeCalled')}
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
