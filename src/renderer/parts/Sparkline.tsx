import { Tooltip } from '@mantine/core';
import { useState, type PointerEvent, type ReactNode } from 'react';
import { t } from '../strings/text.ts';
import { useNow } from '../data/now.ts';
import { formatTime } from './format.ts';
import { placeAt, sparklineOf } from './sparkline-shape.ts';
import css from './Sparkline.module.css';

export interface SparklineSample {
  /** A time of the API. */
  readonly at: string;
  readonly value: number | null;
}

const BOX = { width: 96, height: 20, places: 60 };

/**
 * The course of one figure: the last 60 samples from zero, the newest at the right with a dot, gaps where nothing is
 * known. The pointer gives value and time. The figure itself stands beside it as text.
 */
export function Sparkline({
  samples,
  label,
  format,
}: {
  /** Oldest first. */
  readonly samples: readonly SparklineSample[];
  /** What it shows: `Tokens per second of chat`. */
  readonly label: string;
  readonly format: (value: number | null) => string;
}): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const shown = samples.slice(-BOX.places);
  const { path, points, last } = sparklineOf(
    shown.map(({ value }) => value),
    BOX,
  );
  const sample = at === null ? undefined : shown[at];
  const point = at === null ? null : (points[at] ?? null);
  const move = (event: PointerEvent<SVGSVGElement>): void => {
    const { left } = event.currentTarget.getBoundingClientRect();
    setAt(placeAt(event.clientX - left, shown.length, BOX));
  };
  return (
    <Tooltip
      opened={sample !== undefined}
      label={sample === undefined ? '' : <Reading sample={sample} format={format} />}
      openDelay={0}
    >
      <svg
        className={css.sparkline}
        role="img"
        aria-label={textOf(label, shown.at(-1), format)}
        width={BOX.width}
        height={BOX.height}
        viewBox={`0 0 ${BOX.width} ${BOX.height}`}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
      >
        <path className={css.line} d={path} />
        {last !== null && <circle className={css.dot} cx={last.x} cy={last.y} r={1.75} />}
        {point !== null && <circle className={css.here} cx={point.x} cy={point.y} r={2} />}
      </svg>
    </Tooltip>
  );
}

/** Apart, so that only what is pointed at follows the clock. */
function Reading({
  sample,
  format,
}: {
  readonly sample: SparklineSample;
  readonly format: (value: number | null) => string;
}): ReactNode {
  const now = useNow();
  return t('sparkline.reading', { value: format(sample.value), time: formatTime(sample.at, now) });
}

function textOf(
  label: string,
  last: SparklineSample | undefined,
  format: (value: number | null) => string,
): string {
  return last === undefined
    ? t('sparkline.empty', { label })
    : t('sparkline.text', { label, value: format(last.value) });
}
