import { SegmentedControl, TextInput } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { NotFound } from '../../app/NotFound.tsx';
import { toastError } from '../../app/toasts.ts';
import { asAppError } from '../../data/api.ts';
import { useKept, usePolled } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import { useModel } from '../../data/models.ts';
import { usageCsv, usageQuery, type UsageFilter } from '../../data/usage.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { NotReadYet, ReadAgainFailed } from '../../parts/ObjectList.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import tabsCss from '../../parts/PageTabs.module.css';
import { PageTabs } from '../../parts/PageTabs.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { CallsTab } from './CallsTab.tsx';
import { dayWords, RANGES, rangeOf, type RangeName } from './range.ts';
import { Sums } from './Sums.tsx';
import css from './usage.module.css';

const TABS = ['sums', 'calls'] as const;

function isTab(tab: string): tab is (typeof TABS)[number] {
  return (TABS as readonly string[]).includes(tab);
}

/** What was called: by day, model and key, and call by call. */
export default function UsagePage({ tab = 'sums' }: { readonly tab: string | undefined }): ReactNode {
  const now = useNow(60_000);
  const [search] = useSearchParams();
  const { name, range } = rangeOf(search, now);
  const model = search.get('model');
  const key = search.get('key');
  const filter: UsageFilter = {
    ...range,
    ...(model === null ? {} : { model_id: model }),
    ...(key === null ? {} : { key_id: key }),
  };
  if (!isTab(tab)) return <NotFound />;
  const suffix = search.toString() === '' ? '' : `?${search.toString()}`;
  return (
    <>
      <PageHeader title={t('place.usage')} facts={tab === 'sums' ? <Totals filter={filter} /> : null}>
        {tab === 'sums' && (
          <>
            <RangeControl name={name} filter={filter} />
            <CsvButton filter={filter} />
          </>
        )}
      </PageHeader>
      <PageTabs
        label={t('usage.tabs')}
        tab={tab}
        tabs={TABS}
        labelOf={(one) => t(`usage.tab.${one}`)}
        pathOf={(one) => `/usage${one === 'calls' ? '/calls' : ''}${suffix}`}
      >
        {tab === 'sums' ? <SumsTab filter={filter} /> : <CallsTab modelId={model} keyId={key} />}
      </PageTabs>
    </>
  );
}

function Totals({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const { data } = useKept(usageQuery(filter, 'day'));
  if (data === undefined) return null;
  return t('usage.facts', { calls: data.total.calls, errors: data.total.errors });
}

/** Changes the address; what is null leaves it. */
function useAddress(): (changes: Readonly<Record<string, string | null>>) => void {
  const [, setSearch] = useSearchParams();
  return (changes) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null) next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
}

function RangeControl({
  name,
  filter,
}: {
  readonly name: RangeName;
  readonly filter: UsageFilter;
}): ReactNode {
  const show = useAddress();
  const { from, to } = filter;
  return (
    <>
      {name === 'custom' && (
        <span className={css.days}>
          <DayInput label={t('usage.from')} day={from} onDay={(day) => show({ from: day })} />
          <DayInput label={t('usage.to')} day={to} onDay={(day) => show({ to: day })} />
        </span>
      )}
      <SegmentedControl
        aria-label={t('usage.range')}
        value={name}
        onChange={(value) =>
          show(value === 'custom' ? { range: null, from, to } : { range: value, from: null, to: null })
        }
        data={RANGES.map((value) => ({ value, label: t(`usage.range.${value}`) }))}
      />
    </>
  );
}

function DayInput({
  label,
  day,
  onDay,
}: {
  readonly label: string;
  readonly day: string;
  readonly onDay: (day: string) => void;
}): ReactNode {
  return (
    <TextInput
      className={css.day ?? ''}
      type="date"
      aria-label={label}
      title={label}
      value={day}
      onChange={(event) => event.currentTarget.value !== '' && onDay(event.currentTarget.value)}
    />
  );
}

function CsvButton({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const [busy, setBusy] = useState(false);
  const save = useCallback(async () => {
    setBusy(true);
    try {
      download(t('usage.csvName', { from: filter.from, to: filter.to }), await usageCsv(filter));
    } catch (error) {
      toastError(asAppError(error));
    } finally {
      setBusy(false);
    }
  }, [filter]);
  return (
    <ReasonButton busy={busy} busyLabel={t('usage.csvBusy')} onClick={() => void save()}>
      {t('usage.csv')}
    </ReasonButton>
  );
}

/** Hands a text to the person as a file. */
function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function SumsTab({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const query = usageQuery(filter, 'day');
  const days = useKept(query);
  usePolled(query.key);
  const show = useAddress();
  const model = useModel(filter.model_id ?? null);
  if (filter.from > filter.to) return <EmptyState>{t('usage.badRange')}</EmptyState>;
  if (days.data === undefined) return <NotReadYet list={days} />;
  const one = filter.model_id ?? filter.key_id ?? null;
  const name = model === undefined ? (one ?? '') : modelTitle(model);
  return (
    <>
      <ReadAgainFailed list={days} />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={tabsCss.page} tabIndex={0} role="region" aria-label={t('usage.tab.sums')}>
        {one !== null && (
          <div className={css.bar}>
            <span>{t('usage.filteredBy', { name })}</span>
            <ReasonButton size="xs" onClick={() => show({ model: null, key: null })}>
              {t('usage.clear')}
            </ReasonButton>
          </div>
        )}
        {days.data.total.calls === 0 ? (
          <Empty filter={filter} name={one === null ? null : name} />
        ) : (
          <Sums filter={filter} days={days.data} />
        )}
      </div>
    </>
  );
}

function Empty({ filter, name }: { readonly filter: UsageFilter; readonly name: string | null }): ReactNode {
  const show = useAddress();
  const from = dayWords(filter.from);
  const to = dayWords(filter.to);
  return (
    <EmptyState
      actions={
        <>
          <ReasonButton onClick={() => show({ range: '90', from: null, to: null })}>
            {t('usage.longer')}
          </ReasonButton>
          <Link href="/playground">{t('usage.openPlayground')}</Link>
        </>
      }
    >
      {name === null ? t('usage.emptyRange', { from, to }) : t('usage.emptyFilter', { name, from, to })}{' '}
      {t('usage.empty')}
    </EmptyState>
  );
}
