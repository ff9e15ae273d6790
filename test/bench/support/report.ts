import { short } from './numbers.ts';

/** One measured figure, compared with something that ran beside it. */
export interface Row {
  readonly name: string;
  readonly value: number;
  /** `ms`, `x` (a ratio), `%`, `MB` (10^6 bytes), `s`, `µs`. */
  readonly unit: string;
  readonly target?: { readonly relation: '<=' | '<' | '>=' | '>'; readonly value: number };
  /** What it was made from, in words. */
  readonly beside: string;
}

/** More figures of a part, without targets. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface PartResult {
  readonly part: string;
  readonly rows: readonly Row[];
  readonly tables: readonly Table[];
  /** What a reader has to know about this run. */
  readonly notes: readonly string[];
  /** Why it did not run. */
  readonly skipped?: string;
}

/** Whether a figure reaches its target; null when it has none. Pure. */
export function isMet({ value, target }: Row): boolean | null {
  if (target === undefined) return null;
  switch (target.relation) {
    case '<=':
      return value <= target.value;
    case '<':
      return value < target.value;
    case '>=':
      return value >= target.value;
    case '>':
      return value > target.value;
  }
}

const SIGNS = { '<=': '≤', '<': '<', '>=': '≥', '>': '>' } as const;
const HEAD = ['Measure', 'Result', 'Target', 'Met', 'Beside it'] as const;

function withUnit(value: string, unit: string): string {
  return unit === 'x' ? `${value}×` : `${value} ${unit}`;
}

function cells(row: Row): string[] {
  const met = isMet(row);
  return [
    row.name,
    withUnit(short(row.value), row.unit),
    row.target === undefined
      ? ''
      : `${SIGNS[row.target.relation]} ${withUnit(String(row.target.value), row.unit)}`,
    met === null ? '' : met ? 'yes' : 'no',
    row.beside,
  ];
}

/** A part as text for a terminal, columns aligned. Pure. */
export function asText(result: PartResult): string {
  const blocks = [result.part];
  if (result.skipped !== undefined) blocks.push(`  not run: ${result.skipped}`);
  if (result.rows.length > 0) blocks.push(aligned(HEAD, result.rows.map(cells)));
  for (const table of result.tables) blocks.push(`  ${table.title}\n${aligned(table.head, table.rows)}`);
  for (const note of result.notes) blocks.push(`  ${note}`);
  return `${blocks.join('\n')}\n`;
}

/** The same for docs/benchmarks.md. Pure. */
export function asMarkdown(result: PartResult, when: string): string {
  const blocks = [when];
  if (result.skipped !== undefined) blocks.push(`Not run: ${result.skipped}`);
  if (result.rows.length > 0) blocks.push(pipes(HEAD, result.rows.map(cells)));
  for (const table of result.tables) blocks.push(`${table.title}:`, pipes(table.head, table.rows));
  if (result.notes.length > 0) blocks.push(result.notes.map((note) => `- ${note}`).join('\n'));
  return blocks.join('\n\n');
}

function aligned(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  return [head, ...rows].map(line).join('\n');
}

function pipes(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
