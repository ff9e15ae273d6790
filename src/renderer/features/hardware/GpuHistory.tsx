import { SegmentedControl } from '@mantine/core';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import type { Gpu, GpuSample } from '../../../shared/contract/index.ts';
import { useGpuHistory, type GpuHistory as History, type HistoryWindow } from '../../data/hardware.ts';
import { Chart, type ChartEvent, type ChartSeries } from '../../parts/Chart.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatBytes, formatDuration, UNKNOWN } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t, type TextKey } from '../../strings/text.ts';
import { courseOf, type Course } from './course.ts';
import { unit } from './GpuFigures.tsx';
import { eventTone, eventWords } from './words.ts';
import css from './Hardware.module.css';

/** What a GPU did in the last hour or day, on one time axis, with what happened to it. */
export function GpuHistory({ gpu }: { readonly gpu: Gpu }): ReactNode {
  const [search, setSearch] = useSearchParams();
  const window: HistoryWindow = search.get('window') === '24h' ? '24h' : '1h';
  const asTable = search.get('as') === 'table';
  const { data, error, at } = useGpuHistory(gpu.uuid, window);
  const set = (key: string, value: string | null): void =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null) next.delete(key);
        else next.set(key, value);
        return next;
      },
      { replace: true },
    );
  return (
    <section className={css.history} aria-label={t('gpu.historyOf', { index: gpu.index })}>
      <div className={css.bar}>
        <h2>{t('gpu.history')}</h2>
        <SegmentedControl
          aria-label={t('gpu.window')}
          value={window}
          onChange={(value) => set('window', value === '24h' ? value : null)}
          data={(['1h', '24h'] as const).map((one) => ({ value: one, label: t(`gpu.window.${one}`) }))}
        />
        <span className={css.spring} />
        <ReasonButton size="xs" onClick={() => set('as', asTable ? null : 'table')}>
          {t(asTable ? 'gpu.asCharts' : 'gpu.asTable')}
        </ReasonButton>
      </div>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined ? (
        error === null && <Pending rows={4} rowHeight={84} />
      ) : data.samples.length === 0 ? (
        <p className={css.dim}>
          {t('gpu.noHistory', { span: formatDuration(Math.max(1000, data.resolution_ms)) })}
        </p>
      ) : (
        <Shown gpu={gpu} history={data} at={at ?? 0} asTable={asTable} />
      )}
    </section>
  );
}

function Shown({
  gpu,
  history,
  at,
  asTable,
}: {
  readonly gpu: Gpu;
  readonly history: History;
  /** When the answer came, in milliseconds. */
  readonly at: number;
  readonly asTable: boolean;
}): ReactNode {
  // The time of the answer, not of the clock: the axis moves when there is something new on it.
  const course = useMemo(() => courseOf(history, at), [history, at]);
  return (
    <>
      {asTable ? (
        <SampleTable course={course} />
      ) : (
        <Charts gpu={gpu} window={history.window} course={course} />
      )}
      <Section title={t('gpu.events')} level={3}>
        {course.events.length === 0 ? (
          <p className={css.dim}>{t('gpu.noEvents')}</p>
        ) : (
          <SimpleTable
            label={t('gpu.events')}
            head={[t('gpu.col.time'), t('gpu.col.what')]}
            rows={course.events.toReversed().map(({ event }) => ({
              id: `${event.at} ${event.kind} ${event.message}`,
              cells: [
                <Time key="at" at={event.at} />,
                <span key="what" className={css.event} data-tone={eventTone(event.kind)}>
                  {eventWords(event)}
                </span>,
              ],
            }))}
          />
        )}
      </Section>
    </>
  );
}

type Format = (value: number | null) => string;

interface Drawn {
  readonly id: 'memory' | 'utilization' | 'temperature' | 'power';
  readonly line: TextKey;
  readonly value: (sample: GpuSample) => number | null;
  readonly format: Format;
  readonly top?: (gpu: Gpu) => number;
  readonly steps?: (gpu: Pick<Gpu, 'memory_total_bytes'>) => readonly number[] | undefined;
}

const percent: Format = (value) => unit('gpu.percent', value) ?? UNKNOWN;
const celsius: Format = (value) => unit('gpu.celsius', value) ?? UNKNOWN;
const watts: Format = (value) => unit('gpu.watts', value) ?? UNKNOWN;

const PERCENT_STEPS = [0, 50, 100];

const DRAWN: readonly Drawn[] = [
  {
    id: 'memory',
    line: 'gpu.chart.used',
    value: (sample) => sample.memory_used_bytes,
    format: formatBytes,
    steps: ({ memory_total_bytes: total }) => (total === null ? undefined : [0, total / 2, total]),
  },
  {
    id: 'utilization',
    line: 'gpu.chart.busy',
    value: (sample) => sample.utilization_percent,
    format: percent,
    steps: () => PERCENT_STEPS,
  },
  {
    id: 'temperature',
    line: 'gpu.chart.core',
    value: (sample) => sample.temperature_celsius,
    format: celsius,
    top: () => 90,
  },
  {
    id: 'power',
    line: 'gpu.chart.drawn',
    value: (sample) => sample.power_watts,
    format: watts,
    top: (gpu) => gpu.power_limit_watts ?? 0,
  },
];

function Charts({
  gpu,
  window,
  course,
}: {
  readonly gpu: Gpu;
  readonly window: HistoryWindow;
  readonly course: Course;
}): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const onAt = useCallback((place: number | null) => setAt(place), []);
  const events = useMemo<readonly ChartEvent[]>(
    () =>
      course.events.map(({ place, event }) => ({
        place,
        tone: eventTone(event.kind),
        words: eventWords(event),
      })),
    [course],
  );
  return (
    <div className={css.charts}>
      {DRAWN.map((drawn, index) => (
        <OneChart
          key={drawn.id}
          drawn={drawn}
          gpu={gpu}
          window={window}
          course={course}
          events={events}
          at={at}
          onAt={onAt}
          withNames={index === DRAWN.length - 1}
        />
      ))}
    </div>
  );
}

function OneChart({
  drawn,
  gpu,
  window,
  course,
  events,
  at,
  onAt,
  withNames,
}: {
  readonly drawn: Drawn;
  readonly gpu: Gpu;
  readonly window: HistoryWindow;
  readonly course: Course;
  readonly events: readonly ChartEvent[];
  readonly at: number | null;
  readonly onAt: (place: number | null) => void;
  readonly withNames: boolean;
}): ReactNode {
  const title = t(`gpu.chart.${drawn.id}`);
  const series = useMemo<readonly ChartSeries[]>(
    () => [
      {
        name: t(drawn.line),
        colour: 'series-1',
        values: course.samples.map((sample) => (sample === null ? null : drawn.value(sample))),
      },
    ],
    [drawn, course],
  );
  // The same array while the card is the same, or the chart would be drawn anew.
  const { memory_total_bytes: size } = gpu;
  const steps = useMemo(() => drawn.steps?.({ memory_total_bytes: size }), [drawn, size]);
  const known = (series[0]?.values ?? []).filter((value) => value !== null);
  return (
    <Chart
      title={title}
      label={t('gpu.chart.label', {
        title,
        window: t(`gpu.window.${window}`),
        known: known.length,
        most: drawn.format(known.length === 0 ? null : Math.max(...known)),
        last: drawn.format(known.at(-1) ?? null),
      })}
      low
      places={course.places}
      named={course.named}
      series={series}
      events={events}
      format={drawn.format}
      {...(drawn.top === undefined ? {} : { top: drawn.top(gpu) })}
      {...(steps === undefined ? {} : { steps })}
      withNames={withNames}
      sync={`gpu ${gpu.uuid}`}
      at={at}
      onAt={onAt}
    />
  );
}

const MOST_ROWS = 120;

/** The same in figures, newest first. */
function SampleTable({ course }: { readonly course: Course }): ReactNode {
  const rows = course.samples.flatMap((sample) => (sample === null ? [] : [sample])).toReversed();
  return (
    <SimpleTable
      label={t('gpu.history')}
      head={[t('gpu.col.time'), ...DRAWN.map((drawn) => t(`gpu.chart.${drawn.id}`))]}
      align={[undefined, 'end', 'end', 'end', 'end']}
      rows={rows.slice(0, MOST_ROWS).map((sample) => ({
        id: sample.at,
        cells: [
          <Time key="at" at={sample.at} />,
          ...DRAWN.map((drawn) => <span key={drawn.id}>{drawn.format(drawn.value(sample))}</span>),
        ],
      }))}
    />
  );
}
