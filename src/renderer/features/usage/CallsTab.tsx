import { SegmentedControl, Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import type { UsageEvent } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { moreOf, useKept, usePolled } from '../../data/lists.ts';
import { modelListQuery, useModels } from '../../data/models.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { usageEventsQuery, usageQuery } from '../../data/usage.ts';
import { copyText } from '../../parts/Copy.tsx';
import { DataTable, type Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Count, Duration, Time } from '../../parts/figures.tsx';
import { NotReadYet, ReadAgainFailed } from '../../parts/ObjectList.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { useHeld } from '../../parts/use-held.ts';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { lastDays } from './range.ts';
import { ModelLink } from './Sums.tsx';
import css from './usage.module.css';

const COLUMNS: readonly Column<UsageEvent>[] = [
  { id: 'at', head: t('usage.event.at'), track: '136px', cell: ({ at }) => <Time at={at} /> },
  {
    id: 'result',
    head: t('usage.event.result'),
    track: 'minmax(120px, 1fr)',
    cell: ({ ok, error }) => (
      <StateMark axis="check" state={ok ? 'ok' : 'failed'} size={12} plain={ok}>
        {ok ? t('usage.event.ok') : (error ?? t('usage.failed'))}
      </StateMark>
    ),
  },
  {
    id: 'model',
    head: t('usage.col.model'),
    track: 'minmax(140px, 2fr)',
    cell: ({ model_id: id }) => (
      <span className={css.text}>
        <ModelLink id={id} />
      </span>
    ),
  },
  {
    id: 'key',
    head: t('usage.col.key'),
    track: 'minmax(96px, 1fr)',
    cell: ({ key_name: name }) => <span className={css.text}>{name ?? t('usage.keyGone')}</span>,
  },
  {
    id: 'route',
    head: t('usage.event.route'),
    track: '168px',
    from: 1200,
    cell: ({ route }) => route,
  },
  {
    id: 'in',
    head: t('usage.event.tokensIn'),
    track: '64px',
    align: 'end',
    cell: ({ prompt_tokens: count }) => <Count value={count} />,
  },
  {
    id: 'out',
    head: t('usage.event.tokensOut'),
    track: '64px',
    align: 'end',
    cell: ({ completion_tokens: count }) => <Count value={count} />,
  },
  {
    id: 'first',
    head: t('usage.event.first'),
    track: '80px',
    align: 'end',
    from: 1000,
    cell: ({ first_byte_ms: ms }) => <Duration value={ms} reason={t('usage.event.notStreamed')} />,
  },
  {
    id: 'took',
    head: t('usage.event.took'),
    track: '80px',
    align: 'end',
    cell: ({ latency_ms: ms }) => <Duration value={ms} />,
  },
  {
    id: 'request',
    head: t('usage.event.request'),
    track: '152px',
    from: 1360,
    cell: ({ request_id: id }) => (
      <span className={`mono ${css.text ?? ''}`} title={id}>
        {id}
      </span>
    ),
  },
];

/** The latest calls, one row each. No prompt and no answer is kept. */
export function CallsTab({
  modelId,
  keyId,
}: {
  readonly modelId: string | null;
  readonly keyId: string | null;
}): ReactNode {
  const [which, setWhich] = useState<'all' | 'failed'>('all');
  const filter = {
    ...(modelId === null ? {} : { model_id: modelId }),
    ...(keyId === null ? {} : { key_id: keyId }),
  };
  const query = usageEventsQuery(filter);
  const list = useKept(query);
  usePolled(query.key);
  const all = list.data?.rows ?? [];
  const rows = which === 'all' ? all : all.filter((event) => !event.ok);
  const shown = useHeldEvents(rows, `${query.key} ${which}`);
  return (
    <>
      <div className={css.filters}>
        <Filters modelId={modelId} keyId={keyId} />
        <SegmentedControl
          aria-label={t('usage.calls.which')}
          value={which}
          onChange={setWhich}
          data={(['all', 'failed'] as const).map((value) => ({ value, label: t(`usage.calls.${value}`) }))}
        />
        <span className={css.note}>
          {list.data !== undefined && t('usage.calls.count', { count: all.length })}
        </span>
        <span className={css.spring} />
        <ReasonButton onClick={list.refresh}>{t('usage.calls.refresh')}</ReasonButton>
      </div>
      <ReadAgainFailed list={list} />
      <div className={css.list}>
        {list.data === undefined ? (
          <NotReadYet list={list} />
        ) : rows.length === 0 ? (
          <EmptyState>{t(all.length === 0 ? 'usage.calls.empty' : 'usage.calls.noMatch')}</EmptyState>
        ) : (
          <DataTable
            label={t('usage.tab.calls')}
            rows={shown.rows}
            rowId={(event) => String(event.seq)}
            rowName={(event) => event.request_id}
            columns={COLUMNS}
            onOpen={(event) => navigate(`/models/${event.model_id}`)}
            onCopy={({ request_id: id }) =>
              void copyText(id).then(() => toastDone(t('palette.copied', { command: id })))
            }
            onNearEnd={() => moreOf(query)}
            onHold={shown.hold}
          />
        )}
      </div>
    </>
  );
}

/** Rows that do not move under the cursor; new calls come in when it leaves. */
function useHeldEvents(
  rows: readonly UsageEvent[],
  question: string,
): { readonly rows: readonly UsageEvent[]; readonly hold: (held: boolean) => void } {
  const [ids, setIds] = useState<readonly string[]>([]);
  if (ids.length !== rows.length || rows.some((row, index) => String(row.seq) !== ids[index]))
    setIds(rows.map((row) => String(row.seq)));
  const { shown, hold } = useHeld(ids, question);
  const bySeq = new Map(rows.map((row) => [String(row.seq), row]));
  return { rows: shown.flatMap((id) => bySeq.get(id) ?? []), hold };
}

const QUARTER = 90;

/** Models and keys that had a call lately. */
function Filters({
  modelId,
  keyId,
}: {
  readonly modelId: string | null;
  readonly keyId: string | null;
}): ReactNode {
  const [, setSearch] = useSearchParams();
  const range = lastDays(QUARTER, useNow(60_000));
  const { data: byModel } = useQuery(usageQuery(range, 'model'));
  const { data: byKey } = useQuery(usageQuery(range, 'key'));
  useQuery(modelListQuery({}));
  const ids = (byModel?.rows ?? []).flatMap((row) => row.model_id ?? []);
  const known = useModels(ids);
  const show = (name: 'model' | 'key', value: string | null): void =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const models = ids.map((id) => {
    const model = known.find((one) => one.id === id);
    return { value: id, label: model === undefined ? id : modelTitle(model) };
  });
  const keys = (byKey?.rows ?? []).flatMap(({ key_id: id, key_name: name }) =>
    id === null ? [] : [{ value: id, label: name ?? id }],
  );
  return (
    <>
      <Select
        className={css.pick ?? ''}
        aria-label={t('usage.calls.filterModel')}
        placeholder={t('usage.calls.anyModel')}
        clearable
        searchable
        data={withChosen(models, modelId)}
        value={modelId}
        onChange={(value) => show('model', value)}
      />
      <Select
        className={css.pick ?? ''}
        aria-label={t('usage.calls.filterKey')}
        placeholder={t('usage.calls.anyKey')}
        clearable
        searchable
        data={withChosen(keys, keyId)}
        value={keyId}
        onChange={(value) => show('key', value)}
      />
    </>
  );
}

interface Option {
  readonly value: string;
  readonly label: string;
}

/** What is chosen stands in the list, also when it had no call. */
function withChosen(options: readonly Option[], chosen: string | null): Option[] {
  const missing = chosen !== null && !options.some(({ value }) => value === chosen);
  return missing ? [{ value: chosen, label: chosen }, ...options] : [...options];
}
