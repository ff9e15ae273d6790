/** Numbers and lists as sentences have them. Pure. */

export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** `a, b and 3 more`. */
export function listInWords(names: readonly string[], shown = 3): string {
  const some = names.slice(0, shown).map((name) => (name.length > 100 ? `${name.slice(0, 99)}…` : name));
  return names.length <= shown ? some.join(', ') : `${some.join(', ')} and ${names.length - shown} more`;
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]!}`;
}
