import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useModelList, useModels } from '../../data/models.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Digest } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import css from './OverviewPage.module.css';

/** Who may only call models sees which. */
export function UserOverview(): ReactNode {
  const list = useModelList({ lifecycle_state: 'active' });
  const models = useModels(list.data?.ids ?? []);
  if (list.data === undefined) return <Pending />;
  if (models.length === 0) return <EmptyState>{t('overview.userNothing')}</EmptyState>;
  return (
    <div className={css.left}>
      <Section title={t('overview.userModels')}>
        <ul>
          {models.map((model) => (
            <li key={model.id} className={css.userRow}>
              <StateMark
                axis="load"
                state={model.loaded_in.length > 0 ? 'loaded' : 'empty'}
                wordless
                size={12}
              />
              <Link href={`/models/${model.id}`} className={css.grow}>
                {modelTitle(model)}
              </Link>
              <Digest value={model.checksum} />
              {model.task_key === 'llm' && (
                <Link href={`/playground?model=${model.id}`}>{t('model.playground')}</Link>
              )}
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
