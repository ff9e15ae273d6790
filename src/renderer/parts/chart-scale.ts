/** Scales of charts. Pure. */

/** Three steps above zero, so that the largest value fits: round numbers, whole ones where things are counted. */
export function stepsFor(most: number, whole: boolean): readonly number[] {
  const rough = Math.max(most, whole ? 3 : 0) / 3;
  const step = rough > 0 ? roundUp(rough, whole) : 1;
  return [0, 1, 2, 3].map((times) => Number((times * step).toPrecision(12)));
}

const ROUND = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

function roundUp(value: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = ROUND.find((one) => one * power >= value - power * 1e-9) ?? 10;
  const step = digit * power;
  return whole ? Math.ceil(step - 1e-9) : Number(step.toPrecision(6));
}

/** Which of so many places along an axis carry a label, so that none touches the next. @param most labels that fit */
export function labelled(count: number, most: number): readonly number[] {
  if (count === 0) return [];
  const every = Math.max(1, Math.ceil(count / Math.max(1, most)));
  // Counted from the last: the newest day is the one people look for.
  const places: number[] = [];
  for (let place = count - 1; place >= 0; place -= every) places.unshift(place);
  return places;
}

/** Moves labels apart that would lie over each other, in their order. @param at wanted positions; @returns the ones to use */
export function apart(at: readonly number[], height: number, bottom: number): readonly number[] {
  const order = at.map((_, index) => index).toSorted((a, b) => (at[a] ?? 0) - (at[b] ?? 0));
  const placed = [...at];
  let free = Number.NEGATIVE_INFINITY;
  for (const index of order) {
    placed[index] = Math.max(at[index] ?? 0, free);
    free = (placed[index] ?? 0) + height;
  }
  let limit = bottom;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(placed[index] ?? 0, limit);
    limit = (placed[index] ?? 0) - height;
  }
  return placed;
}
