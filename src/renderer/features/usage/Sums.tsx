import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { UsageRow } from '../../../shared/contract/index.ts';
import { useKept } from '../../data/lists.ts';
import { modelListQuery, useModel } from '../../data/models.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { usageQuery, type Usage, type UsageFilter } from '../../data/usage.ts';
import { Chart, type ChartSeries } from '../../parts/Chart.tsx';
import { Duration } from '../../parts/figures.tsx';
import { formatCount, formatDuration } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable, type SimpleRow } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { byDay, dayOf, daysOf, dayWords } from './range.ts';
import css from './usage.module.css';

/** The sums of a range: charts or a table by day, and who called what. */
export function Sums({ filter, days }: { readonly filter: UsageFilter; readonly days: Usage }): ReactNode {
  const [search, setSearch] = useSearchParams();
  const table = search.get('as') === 'table';
  const today = dayOf(useNow(60_000));
  return (
    <>
      <div>
        <div className={css.bar}>
          <h2>{t('usage.byDay')}</h2>
          <span className={css.note}>{t(filter.to === today ? 'usage.utcToday' : 'usage.utc')}</span>
          <span className={css.spring} />
          <ReasonButton
            size="xs"
            onClick={() =>
              setSearch(
                (before) => {
                  const next = new URLSearchParams(before);
                  if (table) next.delete('as');
                  else next.set('as', 'table');
                  return next;
                },
                { replace: true },
              )
            }
          >
            {t(table ? 'usage.asChart' : 'usage.asTable')}
          </ReasonButton>
        </div>
        {table ? <DayTable usage={days} /> : <Charts filter={filter} usage={days} />}
      </div>
      <div className={css.tables}>
        {filter.model_id === undefined && <ByModel filter={filter} />}
        {filter.key_id === undefined && <ByKey filter={filter} />}
      </div>
    </>
  );
}

function Charts({ filter, usage }: { readonly filter: UsageFilter; readonly usage: Usage }): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const onAt = useCallback((place: number | null) => setAt(place), []);
  const { from, to } = filter;
  const days = useMemo(() => daysOf({ from, to }), [from, to]);
  const places = useMemo(() => days.map(dayWords), [days]);
  const { calls, tokens, latency } = useMemo(() => linesOf(byDay(usage.rows, days)), [usage.rows, days]);
  const shared = { places, sync: 'usage', at, onAt };
  const label = (title: string, series: readonly ChartSeries[], format: Format): string =>
    chartWords(title, filter, series, format);
  return (
    <div className={css.charts}>
      <Chart
        {...shared}
        title={t('usage.calls')}
        label={label(t('usage.calls'), calls, formatCount)}
        series={calls}
        format={formatCount}
        whole
        withNames={false}
      />
      <Chart
        {...shared}
        title={t('usage.tokens')}
        label={label(t('usage.tokens'), tokens, formatCount)}
        series={tokens}
        format={formatCount}
        whole
        withNames={false}
      />
      <Chart
        {...shared}
        title={t('usage.latency')}
        note={t('usage.latencyNote')}
        label={label(t('usage.latency'), latency, formatDuration)}
        series={latency}
        format={formatDuration}
        withNames
      />
    </div>
  );
}

type Format = (value: number | null) => string;

/** The lines of the three charts. A day without a row had no call; its latency is unknown, not zero. Pure. */
function linesOf(rows: readonly (UsageRow | undefined)[]): {
  readonly calls: readonly ChartSeries[];
  readonly tokens: readonly ChartSeries[];
  readonly latency: readonly ChartSeries[];
} {
  const line = (
    name: string,
    colour: ChartSeries['colour'],
    value: (row: UsageRow) => number | null,
    none: 0 | null,
  ): ChartSeries => ({
    name,
    colour,
    values: rows.map((row) => (row === undefined ? none : value(row))),
  });
  return {
    calls: [
      line(t('usage.all'), 'series-1', (row) => row.calls, 0),
      line(t('usage.failed'), 'series-2', (row) => row.errors, 0),
    ],
    tokens: [
      line(t('usage.prompt'), 'series-1', (row) => row.prompt_tokens, 0),
      line(t('usage.completion'), 'series-2', (row) => row.completion_tokens, 0),
    ],
    latency: [
      line(t('usage.mean'), 'series-1', (row) => row.latency_ms_mean, null),
      line(t('usage.max'), 'series-2', (row) => row.latency_ms_max, null),
    ],
  };
}

function chartWords(
  title: string,
  { from, to }: UsageFilter,
  series: readonly ChartSeries[],
  format: Format,
): string {
  return t('usage.chartLabel', {
    title,
    from: dayWords(from),
    to: dayWords(to),
    series: series
      .map(({ name, values }) =>
        t('usage.chartSeries', {
          name,
          most: format(Math.max(0, ...values.map((value) => value ?? 0))),
          last: format(values.findLast((value) => value !== null) ?? null),
        }),
      )
      .join('; '),
  });
}

const END = 'end' as const;
const METRIC_HEAD = [
  t('usage.col.calls'),
  t('usage.col.errors'),
  t('usage.col.streams'),
  t('usage.col.prompt'),
  t('usage.col.completion'),
  t('usage.col.mean'),
  t('usage.col.max'),
];

function metricCells(row: UsageRow): ReactNode[] {
  return [
    formatCount(row.calls),
    formatCount(row.errors),
    formatCount(row.streams),
    formatCount(row.prompt_tokens),
    formatCount(row.completion_tokens),
    <Duration key="mean" value={row.latency_ms_mean} reason={t('usage.noSuccess')} />,
    <Duration key="max" value={row.latency_ms_max} reason={t('usage.noSuccess')} />,
  ];
}

function DayTable({ usage }: { readonly usage: Usage }): ReactNode {
  return (
    <SimpleTable
      label={t('usage.byDay')}
      head={[t('usage.col.day'), ...METRIC_HEAD]}
      align={[undefined, END, END, END, END, END, END, END]}
      rows={usage.rows.map((row) => ({
        id: row.day ?? '',
        cells: [row.day === null ? '' : dayWords(row.day), ...metricCells(row)],
      }))}
    />
  );
}

/** The columns of a narrow table; the CSV has all. */
const SHORT_HEAD = [t('usage.col.calls'), t('usage.col.errors'), t('usage.tokens'), t('usage.col.mean')];
const SHORT_ALIGN = [undefined, END, END, END, END];

function shortCells(row: UsageRow): ReactNode[] {
  return [
    formatCount(row.calls),
    formatCount(row.errors),
    formatCount(row.prompt_tokens + row.completion_tokens),
    <Duration key="mean" value={row.latency_ms_mean} reason={t('usage.noSuccess')} />,
  ];
}

function ByModel({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const { data } = useKept(usageQuery(filter, 'model'));
  useQuery(modelListQuery({}));
  if (data === undefined) return null;
  return (
    <SumTable
      title={t('usage.byModel')}
      head={t('usage.col.model')}
      usage={data}
      rows={mostFirst(data.rows).map((row) => ({
        id: row.model_id ?? '',
        cells: [<ModelLink key="model" id={row.model_id ?? ''} />, ...shortCells(row)],
      }))}
    />
  );
}

function ByKey({ filter }: { readonly filter: UsageFilter }): ReactNode {
  const { data } = useKept(usageQuery(filter, 'key'));
  const superadmin = useMay('superadmin');
  if (data === undefined) return null;
  return (
    <SumTable
      title={t('usage.byKey')}
      head={t('usage.col.key')}
      usage={data}
      rows={mostFirst(data.rows).map((row) => ({
        id: row.key_id ?? '',
        cells: [
          superadmin && row.key_name !== null ? (
            <Link key="key" href={`/access/keys/${row.key_id ?? ''}`}>
              {row.key_name}
            </Link>
          ) : (
            (row.key_name ?? t('usage.keyGone'))
          ),
          ...shortCells(row),
        ],
      }))}
    />
  );
}

function SumTable({
  title,
  head,
  usage,
  rows,
}: {
  readonly title: string;
  readonly head: string;
  readonly usage: Usage;
  readonly rows: readonly SimpleRow[];
}): ReactNode {
  return (
    <Section title={title}>
      <SimpleTable label={title} head={[head, ...SHORT_HEAD]} align={SHORT_ALIGN} rows={rows} />
      {usage.cut && <p className={css.note}>{t('usage.cut')}</p>}
    </Section>
  );
}

function mostFirst(rows: readonly UsageRow[]): readonly UsageRow[] {
  return rows.toSorted((a, b) => b.calls - a.calls);
}

/** A model by its name and version where it is known here, else by its id. */
export function ModelLink({ id }: { readonly id: string }): ReactNode {
  const model = useModel(id);
  return <Link href={`/models/${id}`}>{model === undefined ? id : modelTitle(model)}</Link>;
}
