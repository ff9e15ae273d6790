import type { ReactNode } from 'react';
import { cx } from './cx.ts';
import css from './SimpleTable.module.css';

const NONE: readonly undefined[] = [];

export interface SimpleRow {
  readonly id: string;
  readonly cells: readonly ReactNode[];
}

/** A short table to read: histories, files, checks. Long lists use DataTable. */
export function SimpleTable({
  label,
  head,
  rows,
  align = NONE,
}: {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly SimpleRow[];
  readonly align?: readonly ('end' | undefined)[];
}): ReactNode {
  return (
    <div className={css.scroller}>
      <table className={css.table} aria-label={label}>
        <thead>
          <tr>
            {head.map((name, column) => (
              <th key={name} scope="col" className={cx(align[column] === 'end' && css.end)}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} data-row={row.id}>
              {row.cells.map((cell, column) => (
                <td key={head[column]} className={cx(align[column] === 'end' && css.end)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
