/** Sizes and places as sentences have them. Pure. */

const UNITS = ['MiB', 'GiB', 'TiB'] as const;

function unitOf(bytes: number): { unit: (typeof UNITS)[number]; size: number } {
  const power = bytes >= 1024 ** 4 ? 2 : bytes >= 1024 ** 3 ? 1 : 0;
  return { unit: UNITS[power] ?? 'MiB', size: 1024 ** (power + 2) };
}

function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : 1);
}

/** `28.6 GiB`, `412 MiB`. */
export function size(bytes: number): string {
  const { unit, size: one } = unitOf(bytes);
  return `${digits(bytes / one)} ${unit}`;
}

/** `26.8 to 28.6 GiB`, in the unit of the larger; one number where both read the same. */
export function sizeRange(low: number, high: number): string {
  const { unit, size: one } = unitOf(high);
  const from = digits(low / one);
  const to = digits(high / one);
  return from === to ? `${to} ${unit}` : `${from} to ${to} ${unit}`;
}

/** A number of bytes in the unit that `beside` reads in, without the unit: `23.6`. */
export function sizeBeside(bytes: number, beside: number): string {
  const mine = unitOf(bytes);
  const theirs = unitOf(beside);
  return mine.unit === theirs.unit ? digits(bytes / theirs.size) : size(bytes);
}

const TOKENS = new Intl.NumberFormat('en-US');

/** `65,536`. */
export function count(tokens: number): string {
  return TOKENS.format(tokens);
}

/** `GPU 0`, `GPU 0 and 1`, `GPU 0, 1 and 2`. */
export function placesInWords(labels: readonly string[]): string {
  const [first = 'memory', ...rest] = labels;
  if (rest.length === 0) return first;
  const names = [first, ...rest.map((label) => label.replace(/^GPU /, ''))];
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
