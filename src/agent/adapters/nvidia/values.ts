/** How nvidia-smi writes values: CSV with `, ` between cells and words in brackets for what it cannot say. */

const MIB = 1024 ** 2;
/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `ERR!` and whatever else stands for "no value". */
const NO_VALUE = /^(\[.*\]|N\/A|ERR!|)$/;
const LOST = /\[?(GPU is lost|GPU requires reset)\]?/i;

/** Cells of a line by field. */
export type Row<Field extends string = string> = Readonly<Partial<Record<Field, string>>>;

/** The text of a cell; null when it says that there is no value. */
export function textOf(cell: string | undefined): string | null {
  return cell === undefined || NO_VALUE.test(cell) ? null : cell;
}

/** Also with a unit behind it, as in XML (`40960 MiB`). */
export function numberOf(cell: string | undefined): number | null {
  const text = textOf(cell);
  const number = text === null ? Number.NaN : Number.parseFloat(text);
  return Number.isFinite(number) ? number : null;
}

/** Bytes of a cell in MiB. */
export function bytesOf(cell: string | undefined): number | null {
  const number = numberOf(cell);
  return number === null || number < 0 ? null : Math.round(number * MIB);
}

export function intOf(cell: string | undefined): number | null {
  const number = numberOf(cell);
  return number === null ? null : Math.trunc(number);
}

/** Whether a cell says that the GPU no longer answers. */
export function saysLost(cell: string | undefined): boolean {
  return cell !== undefined && LOST.test(cell);
}

/** Whether the driver says that there is no such thing here, rather than that it could not be read. */
export function saysNotSupported(cell: string | undefined): boolean {
  return cell !== undefined && /^\[?(N\/A|Not Supported)\]?$/i.test(cell.trim());
}

/**
 * A line of CSV without quotes. Only the field `wide` (a name) may hold the separator: it gets what is too much.
 * @returns null for a line that is not of this query
 */
export function rowOf<Field extends string>(
  line: string,
  fields: readonly Field[],
  wide?: Field,
): Row<Field> | null {
  const cells = line.split(',').map((cell) => cell.trim());
  const surplus = cells.length - fields.length;
  const at = wide === undefined ? -1 : fields.indexOf(wide);
  if (surplus < 0 || (surplus > 0 && at < 0)) return null;
  if (surplus > 0) cells.splice(at, surplus + 1, cells.slice(at, at + surplus + 1).join(', '));
  const row: Partial<Record<Field, string>> = {};
  for (let i = 0; i < fields.length; i += 1) row[fields[i] as Field] = cells[i] ?? '';
  return row;
}
