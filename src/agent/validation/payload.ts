/** A value for the history: what is long is cut, and says so. */

const MAX_TEXT = 8192;
const MAX_ITEMS = 64;
const MAX_DEPTH = 8;
const MAX_BYTES = 64 * 1024;

/** JSON of at most 64 KiB that shows what was asked or answered. Pure. */
export function payloadJson(value: Readonly<Record<string, unknown>>): string {
  for (let text = MAX_TEXT; text >= 64; text /= 4) {
    const json = JSON.stringify(cut(value, text, 0));
    if (json.length <= MAX_BYTES) return json;
  }
  return JSON.stringify({ cut: 'It was too large to keep.' });
}

function cut(value: unknown, maxText: number, depth: number): unknown {
  if (typeof value === 'string')
    return value.length <= maxText
      ? value.toWellFormed()
      : `${value.slice(0, maxText).toWellFormed()}… (${value.length - maxText} characters more)`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => cut(item, maxText, depth + 1));
    return value.length > MAX_ITEMS ? [...items, `… (${value.length - MAX_ITEMS} more)`] : items;
  }
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    entries.map(([key, inner]) => [key.slice(0, 256).toWellFormed(), cut(inner, maxText, depth + 1)]),
  );
}
