/**
 * The largest multiple of `step` up to `most` for which `fits` holds, given that what is smaller fits when what is larger
 * does; null when not even `step` does. Pure; asks about 20 times.
 */
export function largestThatFits(step: number, most: number, fits: (value: number) => boolean): number | null {
  let low = 0;
  let high = Math.floor(most / step);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle * step)) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? null : low * step;
}
