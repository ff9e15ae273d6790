import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Benchmark } from '../../../shared/contract/index.ts';
import { Chart } from '../../parts/Chart.tsx';
import { Bytes, Count, Duration } from '../../parts/figures.tsx';
import { formatCount, formatDuration, formatRate, formatTime } from '../../parts/format.ts';
import { useNow } from '../../data/now.ts';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { chartsOf, concurrencies, sameWork, titleOf, type BenchmarkChart } from './figures.ts';
import { lengthsOf } from './RunTable.tsx';
import css from './benchmarks.module.css';

/** One run: what was measured, as charts and as a table; beside another run when one is given. */
export function RunResult({
  run,
  other,
}: {
  readonly run: Benchmark;
  readonly other: Benchmark | null;
}): ReactNode {
  const now = useNow(60_000);
  return (
    <div className={css.result}>
      <RunFacts run={run} />
      {run.other_requests > 0 && (
        <p className={css.warn}>{t('bench.others', { count: run.other_requests })}</p>
      )}
      {other !== null && (
        <p>
          {t('bench.compared', {
            model: titleOf(other),
            slot: other.slot_id,
            runtime: other.runtime_spec,
            time: formatTime(other.created_at, now),
          })}{' '}
          {!sameWork(run, other) && (
            <span className={css.warn}>{t('bench.otherWork', { lengths: lengthsOf(other) })}</span>
          )}
        </p>
      )}
      <Charts run={run} other={other} />
      <Rounds run={run} />
    </div>
  );
}

function Charts({ run, other }: { readonly run: Benchmark; readonly other: Benchmark | null }): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const onAt = useCallback((place: number | null) => setAt(place), []);
  const counts = useMemo(() => concurrencies(other === null ? [run] : [run, other]), [run, other]);
  const places = useMemo(() => counts.map((count) => t('bench.atOnce', { count })), [counts]);
  const charts = useMemo(() => chartsOf(run, other, counts), [run, other, counts]);
  return (
    <div className={css.charts}>
      {charts.map((chart) => (
        <Chart
          key={chart.key}
          title={chart.title}
          note={chart.note}
          label={wordsOf(chart, counts)}
          places={places}
          series={chart.series}
          format={formatOf(chart)}
          withNames
          sync="benchmark"
          at={at}
          onAt={onAt}
        />
      ))}
    </div>
  );
}

function formatOf({ key }: Pick<BenchmarkChart, 'key'>): (value: number | null) => string {
  return key === 'rate' ? formatRate : formatDuration;
}

function wordsOf(chart: BenchmarkChart, counts: readonly number[]): string {
  const format = formatOf(chart);
  const series = chart.series.map(({ name, values }) =>
    t('bench.chartSeries', {
      name,
      values: counts
        .map((count, place) => t('bench.chartValue', { value: format(values[place] ?? null), count }))
        .join(', '),
    }),
  );
  return t('bench.chartLabel', { title: chart.title, note: chart.note, series: series.join('; ') });
}

function RunFacts({ run }: { readonly run: Benchmark }): ReactNode {
  const { workload, config } = run;
  const context = config['context_length'];
  const facts: (readonly [string, ReactNode])[] = [
    [
      t('bench.fact.model'),
      <Link key="model" href={`/models/${run.model_id}`}>
        {titleOf(run)}
        {run.quantization === null ? '' : `, ${run.quantization}`}
      </Link>,
    ],
    [
      t('bench.fact.work'),
      run.capability === 'llm_inference'
        ? t('bench.fact.workText', {
            prompt: formatCount(workload.prompt_tokens),
            output: formatCount(workload.output_tokens),
          })
        : t('bench.fact.workVectors', { prompt: formatCount(workload.prompt_tokens) }),
    ],
    [
      t('bench.fact.engine'),
      run.engine_version === null ? run.runtime_spec : `${run.runtime_spec}, ${run.engine_version}`,
    ],
    [t('bench.fact.device'), run.device],
    ...(typeof context === 'number'
      ? [
          [
            t('bench.fact.context'),
            t('bench.fact.contextValue', {
              tokens: formatCount(context),
              parallel: formatCount(typeof config['parallel'] === 'number' ? config['parallel'] : 1),
            }),
          ] as const,
        ]
      : []),
    [t('bench.fact.memory'), <Bytes key="memory" value={run.memory_bytes} reason={t('bench.noMemory')} />],
    [t('bench.fact.load'), <Duration key="load" value={run.load_ms} reason={t('slot.notRunning')} />],
    ...(run.note === null ? [] : [[t('bench.fact.note'), run.note] as const]),
  ];
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const END = 'end' as const;

function Rounds({ run }: { readonly run: Benchmark }): ReactNode {
  const isText = run.capability === 'llm_inference';
  const first = isText ? [t('bench.col.firstMedian'), t('bench.col.firstP95')] : [];
  const head = [
    t('bench.col.atOnce'),
    t('bench.col.requests'),
    t('bench.col.errors'),
    ...(isText ? [] : [t('bench.col.texts')]),
    t('bench.col.rate'),
    t('bench.col.each'),
    ...first,
    t('bench.col.whole'),
    t('bench.col.wholeP95'),
  ];
  const none = t('bench.noAnswer');
  return (
    <SimpleTable
      label={t('bench.rounds')}
      head={head}
      align={head.map(() => END)}
      rows={run.rounds.map((round) => ({
        id: String(round.concurrency),
        cells: [
          formatCount(round.concurrency),
          formatCount(round.requests),
          formatCount(round.errors),
          ...(isText ? [] : [formatRate(round.requests_per_second)]),
          formatRate(round.tokens_per_second),
          round.tokens_per_second_per_request === null ? (
            <Count key="each" value={null} reason={none} />
          ) : (
            formatRate(round.tokens_per_second_per_request)
          ),
          ...(isText
            ? [
                <Duration key="f50" value={round.time_to_first_token_ms?.p50 ?? null} reason={none} />,
                <Duration key="f95" value={round.time_to_first_token_ms?.p95 ?? null} reason={none} />,
              ]
            : []),
          <Duration key="w50" value={round.latency_ms?.p50 ?? null} reason={none} />,
          <Duration key="w95" value={round.latency_ms?.p95 ?? null} reason={none} />,
        ],
      }))}
    />
  );
}
