import { SegmentedControl } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { AppError, Model, UsageMetrics, UsageRow } from '../../../shared/contract/index.ts';
import { asAppError } from '../../data/api.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { saveBlob } from '../../data/save-file.ts';
import { useMay } from '../../data/session.ts';
import { usageCsv, usageQuery, type UsageFilter } from '../../data/usage.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatCount, formatDuration, UNKNOWN } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable, type SimpleRow } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import css from './UsageTab.module.css';

const SPANS = [7, 30, 90] as const;
const DAY = 86_400_000;

/** What was asked of a model: by day and by key, and the same as a file. */
export default function UsageTab({ model }: { readonly model: Model }): ReactNode {
  const [days, setDays] = useState<number>(30);
  const today = useNow(60_000);
  const filter: UsageFilter = {
    model_id: model.id,
    from: dayOf(today - (days - 1) * DAY),
    to: dayOf(today),
  };
  const byDay = useQuery(usageQuery(filter, 'day'));
  const total = byDay.data?.total;
  return (
    <div className={css.tab}>
      <div className={css.head}>
        <SegmentedControl
          aria-label={t('modelUsage.span')}
          value={String(days)}
          onChange={(value) => setDays(Number(value))}
          data={SPANS.map((span) => ({ value: String(span), label: t('modelUsage.days', { count: span }) }))}
        />
        {total !== undefined && <Totals total={total} />}
        <SaveCsv model={model} filter={filter} />
      </div>
      {byDay.error !== null && <Refusal error={byDay.error} alert={false} />}
      {byDay.data === undefined && byDay.error === null && <Pending />}
      {total?.calls === 0 && <EmptyState>{t('modelUsage.none', { count: days })}</EmptyState>}
      {byDay.data !== undefined && total !== undefined && total.calls > 0 && (
        <>
          <ByKey filter={filter} />
          <ByDay rows={byDay.data.rows} />
        </>
      )}
    </div>
  );
}

/** A UTC day, as the agent counts. Pure. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function Totals({ total }: { readonly total: UsageMetrics }): ReactNode {
  return (
    <dl className={css.totals}>
      {figuresOf(total).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Calls, errors, tokens in and out, latency. Pure. */
function figuresOf(metrics: UsageMetrics): (readonly [name: string, value: string])[] {
  return [
    [t('modelUsage.calls'), formatCount(metrics.calls)],
    [t('modelUsage.errors'), formatCount(metrics.errors)],
    [t('modelUsage.tokensIn'), formatCount(metrics.prompt_tokens)],
    [t('modelUsage.tokensOut'), formatCount(metrics.completion_tokens)],
    [
      t('modelUsage.latency'),
      metrics.latency_ms_mean === null ? UNKNOWN : formatDuration(metrics.latency_ms_mean),
    ],
    [
      t('modelUsage.latencyMax'),
      metrics.latency_ms_max === null ? UNKNOWN : formatDuration(metrics.latency_ms_max),
    ],
  ];
}

const HEAD = (first: string): string[] => [
  first,
  t('modelUsage.calls'),
  t('modelUsage.errors'),
  t('modelUsage.tokensIn'),
  t('modelUsage.tokensOut'),
  t('modelUsage.latency'),
  t('modelUsage.latencyMax'),
];
const RIGHT = [undefined, 'end', 'end', 'end', 'end', 'end', 'end'] as const;

function rowOf(id: string, name: ReactNode, metrics: UsageMetrics): SimpleRow {
  return { id, cells: [name, ...figuresOf(metrics).map(([, value]) => value)] };
}

function ByDay({ rows }: { readonly rows: readonly UsageRow[] }): ReactNode {
  return (
    <Section title={t('modelUsage.byDay')}>
      <SimpleTable
        label={t('modelUsage.byDay')}
        head={HEAD(t('modelUsage.day'))}
        align={RIGHT}
        rows={rows.map((row) => rowOf(row.day ?? '', row.day ?? UNKNOWN, row))}
      />
    </Section>
  );
}

function ByKey({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const { data, error } = useQuery(usageQuery(filter, 'key'));
  const superadmin = useMay('superadmin');
  return (
    <Section title={t('modelUsage.byKey')}>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending rows={3} />}
      {data !== undefined && (
        <SimpleTable
          label={t('modelUsage.byKey')}
          head={HEAD(t('modelUsage.key'))}
          align={RIGHT}
          rows={data.rows.map((row) =>
            rowOf(
              row.key_id ?? '',
              superadmin && row.key_id !== null ? (
                <Link href={`/access/keys/${row.key_id}`}>{row.key_name ?? row.key_id}</Link>
              ) : (
                (row.key_name ?? row.key_id ?? UNKNOWN)
              ),
              row,
            ),
          )}
        />
      )}
    </Section>
  );
}

function SaveCsv({ model, filter }: { readonly model: Model; readonly filter: UsageFilter }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const text = await usageCsv(filter);
      saveBlob(
        `usage-${model.id}-${filter.from}-${filter.to}.csv`,
        new Blob([text], { type: 'text/csv;charset=utf-8' }),
      );
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <ReasonButton busy={busy} busyLabel={t('artifacts.saving')} onClick={() => void save()}>
        {t('modelUsage.csv')}
      </ReasonButton>
      {error !== null && <Refusal error={error} />}
    </>
  );
}
