/** Small sums over samples. All pure. */

/** The value that a share `p` (0 to 1) of the samples does not exceed, by nearest rank. NaN without samples. */
export function percentile(samples: Float64Array | readonly number[], p: number): number {
  const sorted = Float64Array.from(samples).toSorted();
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The middle sample, or the mean of the middle two. NaN without samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Median of what `measure` says of each pair of the same round: a slow round is slow for both. */
export function medianOfPairs<T>(
  ours: readonly T[],
  theirs: readonly T[],
  measure: (one: T, other: T) => number,
): number {
  return median(
    ours.flatMap((one, round) => {
      const other = theirs[round];
      return other === undefined ? [] : [measure(one, other)];
    }),
  );
}

/** As many digits as say something: three significant ones, and whole numbers from a hundred. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}
