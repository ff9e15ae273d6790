import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Model } from '../../../shared/contract/index.ts';
import { validationsQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Digest, Time } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { validationState } from './words.ts';
import css from './ValidationTab.module.css';

/** Whether it is validated now, on what, and every validation there was. */
export default function ValidationTab({ model }: { readonly model: Model }): ReactNode {
  const { data, error } = useQuery(validationsQuery(model.id));
  const state = validationState(model);
  return (
    <div className={css.tab}>
      <Section title={t('validation.now')}>
        <p className={css.now}>
          <StateMark axis="validation" state={state} />
          <span>
            {model.validation_error?.message ??
              t(`validation.sentence.${state === 'stale' ? 'never' : state}`)}
          </span>
          {model.last_validated_at !== null && (
            <span className={css.dim}>
              <Time at={model.last_validated_at} as="ago" />
            </span>
          )}
        </p>
      </Section>
      <Section title={t('validation.history')} {...(data === undefined ? {} : { facts: data.length })}>
        {error !== null && <Refusal error={error} alert={false} />}
        {data === undefined && error === null && <Pending />}
        {data?.length === 0 && (
          <EmptyState actions={<Link href={`/models/${model.id}/test`}>{t('modelAction.test')}</Link>}>
            {t('validation.empty')}
          </EmptyState>
        )}
        {data !== undefined && data.length > 0 && (
          <SimpleTable
            label={t('validation.history')}
            head={[
              t('validation.result'),
              t('validation.summary'),
              t('validation.runtime'),
              t('validation.when'),
            ]}
            align={[undefined, undefined, undefined, 'end']}
            rows={data.map((validation) => ({
              id: validation.id,
              cells: [
                <StateMark
                  key="result"
                  axis="validation"
                  state={validation.result === 'success' ? 'current' : 'failed'}
                  size={12}
                >
                  {t(`test.result.${validation.result}`)}
                </StateMark>,
                validation.summary,
                <Digest key="runtime" value={validation.runtime_identity} />,
                <Time key="when" at={validation.created_at} as="ago" />,
              ],
            }))}
          />
        )}
      </Section>
    </div>
  );
}
