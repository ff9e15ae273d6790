import type { ReactNode } from 'react';
import type { Model, TestRun } from '../../../shared/contract/index.ts';
import { testsQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { Who } from '../../parts/Who.tsx';
import { t } from '../../strings/text.ts';
import { Json } from './Json.tsx';
import { useRights } from './rights.ts';
import { TestForm } from './TestForm.tsx';
import { TestOutput } from './TestOutput.tsx';
import css from './TestTab.module.css';

/** Runs one input at one place and keeps what came out. */
export default function TestTab({ model }: { readonly model: Model }): ReactNode {
  const { act } = useRights(model);
  return (
    <div className={css.tab}>
      {act && <TestForm model={model} />}
      <Earlier model={model} />
    </div>
  );
}

function Earlier({ model }: { readonly model: Model }): ReactNode {
  const { data, error } = useQuery(testsQuery(model.id));
  const isCloud = model.hosting === 'cloud';
  return (
    <Section title={t('test.history')} {...(data === undefined ? {} : { facts: data.length })}>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending />}
      {data?.length === 0 && <EmptyState>{t('test.empty')}</EmptyState>}
      {data !== undefined && data.length > 0 && (
        <SimpleTable
          label={t('test.history')}
          head={[
            t('validation.result'),
            t('validation.summary'),
            ...(isCloud ? [] : [t('test.slot')]),
            t('test.latency'),
            t('history.who'),
            t('validation.when'),
          ]}
          align={isCloud ? [undefined, undefined, 'end', undefined, 'end'] : RIGHT}
          rows={data.map((run) => ({
            id: run.id,
            cells: [
              <StateMark
                key="result"
                axis="validation"
                state={run.result === 'success' ? 'current' : 'failed'}
                size={12}
              >
                {t(`test.result.${run.result}`)}
              </StateMark>,
              <span key="summary" className={css.summary}>
                {run.summary}
              </span>,
              ...(isCloud ? [] : [run.slot_id ?? '—']),
              formatDuration(run.latency_ms),
              <Who key="who" id={run.tested_by} />,
              <Time key="when" at={run.created_at} as="ago" />,
            ],
            detail: <RunDetails run={run} />,
          }))}
        />
      )}
    </Section>
  );
}

const RIGHT = [undefined, undefined, undefined, 'end', undefined, 'end'] as const;

/** What was asked, what came, and what went wrong. */
function RunDetails({ run }: { readonly run: TestRun }): ReactNode {
  return (
    <div className={css.details}>
      <h3>{t('test.asked')}</h3>
      <Json value={run.input_payload} />
      {Object.keys(run.output_payload).length > 0 && (
        <>
          <h3>{t('test.output')}</h3>
          <TestOutput run={run} />
        </>
      )}
      {run.error_details !== null && (
        <>
          <h3>{t('test.wentWrong')}</h3>
          <Json value={run.error_details} />
        </>
      )}
    </div>
  );
}
