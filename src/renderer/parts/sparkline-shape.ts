/** The line of a sparkline. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface SparklineShape {
  /** SVG path of all stretches that are known; empty when nothing is. */
  readonly path: string;
  /** One a value; null where nothing is known. */
  readonly points: readonly (Point | null)[];
  /** Where the newest value stands; null when it is not known. */
  readonly last: Point | null;
}

export interface SparklineBox {
  readonly width: number;
  readonly height: number;
  /** Places on the line; the newest value takes the last one, however few there are. */
  readonly places: number;
}

/** Room for the dot of the last value, and half a line above and below. */
const EDGE = 2;

/**
 * Lays out the newest `places` values from left to right, from zero at the foot to the largest at the top. A value with
 * a gap on both sides becomes a dot as long as the line is thick.
 * @param values oldest first; null where nothing is known
 */
export function sparklineOf(values: readonly (number | null)[], box: SparklineBox): SparklineShape {
  const shown = values.slice(-box.places);
  const most = Math.max(0, ...shown.map((value) => value ?? 0));
  const step = (box.width - 2 * EDGE) / Math.max(1, box.places - 1);
  const first = box.places - shown.length;
  const points = shown.map((value, index): Point | null =>
    value === null
      ? null
      : {
          x: round(EDGE + (first + index) * step),
          y: round(box.height - EDGE - (most > 0 ? value / most : 0) * (box.height - 2 * EDGE)),
        },
  );
  return { path: pathOf(points), points, last: points.at(-1) ?? null };
}

/** The place under the pointer among so many shown values; null left of the first. @param x pixels from the left edge */
export function placeAt(x: number, shown: number, box: SparklineBox): number | null {
  if (shown === 0) return null;
  const step = (box.width - 2 * EDGE) / Math.max(1, box.places - 1);
  const place = Math.round((x - EDGE) / step) - (box.places - shown);
  return place < 0 ? null : Math.min(place, shown - 1);
}

function pathOf(points: readonly (Point | null)[]): string {
  return points
    .map((point, index) => {
      if (point === null) return '';
      const before = points[index - 1] ?? null;
      if (before !== null) return `L${point.x} ${point.y}`;
      const alone = (points[index + 1] ?? null) === null;
      return `M${point.x} ${point.y}${alone ? 'h0.01' : ''}`;
    })
    .join('');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
