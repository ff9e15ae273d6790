import { useComputedColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { apart, labelled, stepsFor } from './chart-scale.ts';
import css from './Chart.module.css';

export interface ChartSeries {
  readonly name: string;
  /** One a place on the x axis; null where nothing is known, which leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly colour: 'series-1' | 'series-2';
}

/** Something that happened at a place: a line through the chart, and its words beside the figures when it is pointed at. */
export interface ChartEvent {
  readonly place: number;
  readonly tone: 'text-3' | 'blue' | 'warn' | 'bad';
  readonly words: string;
}

export interface ChartProps {
  readonly title: string;
  /** What the numbers are, where the title does not say it. */
  readonly note?: string;
  /** The whole chart in one sentence, for who cannot see it. */
  readonly label: string;
  readonly places: readonly string[];
  /** The places that may carry their name; all where nothing is said. */
  readonly named?: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly events?: readonly ChartEvent[];
  readonly format: (value: number | null) => string;
  /** The scale goes at least this far: the size of a memory, a hundred percent. */
  readonly top?: number;
  /** Where the grid lines stand, for scales with an end of their own. */
  readonly steps?: readonly number[];
  /** Many charts on a page take less height. */
  readonly low?: boolean;
  /** Counted things have no half steps. */
  readonly whole?: boolean;
  /** The names of the places; the last chart of a page has them for all. */
  readonly withNames: boolean;
  /** Charts of one page move their crosshair together. */
  readonly sync: string;
  /** The place under the pointer, on this or on another chart of the page. */
  readonly at: number | null;
  readonly onAt: (place: number | null) => void;
}

/** Of the lines; the second where the window has room. */
const LOW = 132;
const HIGH = 208;
const SMALL = 84;
const ROOM = '(height >= 1000px)';
const NAMES_HEIGHT = 24;
const LEFT = 64;
/** Room for the names of the lines, right of their ends. */
const RIGHT = 88;
const TOP = 8;
const LABEL_HEIGHT = 14;
const PLACE_WIDTH = 72;

/** Lines over a shared axis: from zero, three grid lines, each line named at its end, nothing smoothed or filled. */
export function Chart(props: ChartProps): ReactNode {
  // A canvas keeps the colours it was drawn with: another theme draws another one.
  return <Drawn key={useComputedColorScheme()} {...props} />;
}

function Drawn(props: ChartProps): ReactNode {
  const { title, note, label, series, format, at } = props;
  const host = useRef<HTMLDivElement | null>(null);
  const [ends, setEnds] = useState<readonly number[]>([]);
  const width = useWidth(host);
  const high = useMediaQuery(ROOM);
  const linesHeight = props.low === true ? (high ? LOW : SMALL) : high ? HIGH : LOW;
  const titleId = useId();
  const { places, named, events, top, steps, whole = false, withNames, sync, onAt } = props;

  useEffect(() => {
    const element = host.current;
    if (element === null || width === 0) return undefined;
    const height = linesHeight + (withNames ? NAMES_HEIGHT : 0);
    const plot = new uPlot(
      optionsOf(
        {
          places,
          named,
          series,
          events,
          format,
          top,
          steps,
          whole,
          withNames,
          sync,
          width,
          height,
          onAt,
          onDrawn: (drawn) => setEnds(endsOf(drawn, series)),
        },
        element,
      ),
      // The first line lies over the others.
      [places.map((_, place) => place), ...series.toReversed().map(({ values }) => [...values])],
      element,
    );
    return () => plot.destroy();
  }, [width, linesHeight, places, named, series, events, format, top, steps, whole, withNames, sync, onAt]);

  const labels = apart(ends, LABEL_HEIGHT, linesHeight - LABEL_HEIGHT);
  return (
    <section className={css.chart} aria-labelledby={titleId}>
      <div className={css.head}>
        <h3 id={titleId}>{title}</h3>
        {note !== undefined && <span className={css.note}>{note}</span>}
        <span className={css.reading} aria-hidden>
          {at !== null && (
            <>
              {events !== undefined && <Happened events={events} at={at} />}
              {reading(places[at] ?? '', series, format, at)}
            </>
          )}
        </span>
      </div>
      <div className={css.plot}>
        <div ref={host} role="img" aria-label={label} />
        {series.map(({ name, colour }, index) => (
          <span
            key={name}
            aria-hidden
            className={css.name}
            data-colour={colour}
            style={{ top: labels[index] ?? 0, width: RIGHT - 8 }}
          >
            {name}
          </span>
        ))}
      </div>
    </section>
  );
}

/** What happened where the pointer is, give or take a place: a line is thin. */
function Happened({
  events,
  at,
}: {
  readonly events: readonly ChartEvent[];
  readonly at: number;
}): ReactNode {
  const near = events.find(({ place }) => Math.abs(place - at) <= 1);
  return near === undefined ? null : (
    <span className={css.event} data-tone={near.tone}>
      {near.words}
    </span>
  );
}

function reading(
  place: string,
  series: readonly ChartSeries[],
  format: (value: number | null) => string,
  at: number,
): ReactNode {
  return (
    <>
      {place}
      {series.map(({ name, values }) => (
        <span key={name} className={css.value}>
          {format(values[at] ?? null)} {name}
        </span>
      ))}
    </>
  );
}

function useWidth(host: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(Math.floor(element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [host]);
  return width;
}

/** Where the last known value of each line stands, in pixels from the top, for the middle of its name. */
function endsOf(plot: uPlot, series: readonly ChartSeries[]): number[] {
  return series.map(({ values }) => {
    const last = values.findLast((value) => value !== null) ?? 0;
    return plot.valToPos(last, 'y') + TOP - LABEL_HEIGHT / 2;
  });
}

interface PlotOptions extends Pick<
  ChartProps,
  'places' | 'series' | 'format' | 'withNames' | 'sync' | 'onAt'
> {
  readonly named: readonly number[] | undefined;
  readonly events: readonly ChartEvent[] | undefined;
  readonly top: number | undefined;
  readonly steps: readonly number[] | undefined;
  readonly whole: boolean;
  readonly width: number;
  readonly height: number;
  /** The scales are known. */
  readonly onDrawn: (plot: uPlot) => void;
}

function optionsOf(options: PlotOptions, element: HTMLElement): uPlot.Options {
  const { places, series, format, whole, withNames, sync, width, height, onAt, onDrawn } = options;
  const { named, events = [], top = 0 } = options;
  const style = getComputedStyle(element);
  const colour = (token: string): string => style.getPropertyValue(`--${token}`).trim();
  const font = `11px ${style.fontFamily}`;
  const most = Math.max(top, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const steps = options.steps ?? stepsFor(most, whole);
  const room = Math.floor((width - LEFT - RIGHT) / PLACE_WIDTH);
  const names =
    named === undefined
      ? labelled(places.length, room)
      : labelled(named.length, room).map((index) => named[index] ?? 0);
  const axis = { stroke: colour('text-3'), font, ticks: { show: false } } as const;
  return {
    width,
    height,
    padding: [TOP, RIGHT, withNames ? 0 : 4, 0],
    legend: { show: false },
    cursor: {
      sync: { key: sync, setSeries: false },
      y: false,
      drag: { setScale: false, x: false, y: false },
      points: { size: 5 },
    },
    scales: {
      // Half a place of air, so that a single day stands in the middle.
      x: { time: false, range: () => [-0.5, Math.max(0.5, places.length - 0.5)] },
      y: { range: () => [0, steps.at(-1) ?? 1] },
    },
    axes: [
      {
        ...axis,
        show: withNames,
        size: NAMES_HEIGHT,
        gap: 6,
        grid: { show: false },
        splits: () => [...names],
        values: (_plot, splits) => splits.map((place) => places[place] ?? ''),
      },
      {
        ...axis,
        size: LEFT,
        gap: 8,
        grid: { stroke: colour('line'), width: 1 },
        splits: () => [...steps],
        values: (_plot, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...series.toReversed().map(({ colour: token, values }): uPlot.Series => ({
        stroke: colour(token),
        width: 1.5,
        spanGaps: false,
        points: { show: true, size: 5, fill: colour(token), filter: () => dots(values) },
      })),
    ],
    hooks: {
      ready: [onDrawn],
      drawAxes: [(plot) => drawEvents(plot, events, colour)],
      setCursor: [(plot) => onAt(plot.cursor.idx ?? null)],
    },
  };
}

/** A thin line at each place where something happened, marked at its top. */
function drawEvents(plot: uPlot, events: readonly ChartEvent[], colour: (token: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = uPlot.pxRatio;
  for (const { place, tone } of events) {
    const x = Math.round(plot.valToPos(place, 'x', true)) + 0.5;
    ctx.strokeStyle = colour(tone);
    ctx.fillStyle = colour(tone);
    ctx.setLineDash([2 * uPlot.pxRatio, 2 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const foot = 3 * uPlot.pxRatio;
    ctx.beginPath();
    ctx.moveTo(x - foot, bbox.top);
    ctx.lineTo(x + foot, bbox.top);
    ctx.lineTo(x, bbox.top + foot * 1.6);
    ctx.fill();
  }
  ctx.restore();
}

/** The places that get a dot: the last, and those with a gap on both sides, which have no line. Pure. */
function dots(values: readonly (number | null)[]): number[] {
  const known = (place: number): boolean => (values[place] ?? null) !== null;
  const last = values.findLastIndex((value) => value !== null);
  return values.flatMap((_value, place) =>
    known(place) && (place === last || (!known(place - 1) && !known(place + 1))) ? [place] : [],
  );
}
