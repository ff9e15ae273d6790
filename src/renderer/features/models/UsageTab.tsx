import { SegmentedControl } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { AppError, Model, UsageMetrics } from '../../../shared/contract/index.ts';
import { asAppError } from '../../data/api.ts';
import { useKept } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import { useMay } from '../../data/session.ts';
import { saveBlob } from '../../data/save-file.ts';
import { usageCsv, usageQuery, type UsageFilter } from '../../data/usage.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatCount, formatDuration } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { ModelBenchmarks } from '../benchmarks/ModelBenchmarks.tsx';
import { lastDays } from '../usage/range.ts';
import { Sums } from '../usage/Sums.tsx';
import css from './UsageTab.module.css';

const SPANS = [7, 30, 90] as const;

/** What was asked of a model: by day and by key, and the same as a file. */
export default function UsageTab({ model }: { readonly model: Model }): ReactNode {
  const isAdmin = useMay('admin');
  const [days, setDays] = useState<number>(30);
  const filter: UsageFilter = { model_id: model.id, ...lastDays(days, useNow(60_000)) };
  const { data, error } = useKept(usageQuery(filter, 'day'));
  return (
    <div className={css.tab}>
      <div className={css.head}>
        <SegmentedControl
          aria-label={t('modelUsage.span')}
          value={String(days)}
          onChange={(value) => setDays(Number(value))}
          data={SPANS.map((span) => ({ value: String(span), label: t('modelUsage.days', { count: span }) }))}
        />
        {data !== undefined && <Totals total={data.total} />}
        <SaveCsv model={model} filter={filter} />
      </div>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending />}
      {data?.total.calls === 0 && <EmptyState>{t('modelUsage.none', { count: days })}</EmptyState>}
      {data !== undefined && data.total.calls > 0 && <Sums filter={filter} days={data} />}
      {isAdmin && model.hosting === 'local' && <ModelBenchmarks model={model} />}
    </div>
  );
}

/** Calls, errors, tokens in and out, mean time. */
function Totals({ total }: { readonly total: UsageMetrics }): ReactNode {
  const figures = [
    [t('modelUsage.calls'), formatCount(total.calls)],
    [t('modelUsage.errors'), formatCount(total.errors)],
    [t('modelUsage.tokensIn'), formatCount(total.prompt_tokens)],
    [t('modelUsage.tokensOut'), formatCount(total.completion_tokens)],
    [t('modelUsage.latency'), formatDuration(total.latency_ms_mean)],
  ] as const;
  return (
    <dl className={css.totals}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
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
