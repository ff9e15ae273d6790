import { Fragment, useState, type ReactNode } from 'react';
import { t } from '../strings/text.ts';
import { cx } from './cx.ts';
import { ReasonButton } from './ReasonButton.tsx';
import css from './SimpleTable.module.css';

const NONE: readonly undefined[] = [];

export interface SimpleRow {
  readonly id: string;
  readonly cells: readonly ReactNode[];
  /** More about it, under the row when somebody asks. */
  readonly detail?: ReactNode;
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
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const hasDetails = rows.some((row) => row.detail !== undefined);
  const toggle = (id: string): void => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  return (
    <div className={css.scroller}>
      <table className={css.table} aria-label={label}>
        <thead>
          <tr>
            {head.map((name, column) =>
              name === '' ? (
                <th key={name} scope="col">
                  <span className="visually-hidden">{t('list.actions')}</span>
                </th>
              ) : (
                <th key={name} scope="col" className={cx(align[column] === 'end' && css.end)}>
                  {name}
                </th>
              ),
            )}
            {hasDetails && (
              <th scope="col">
                <span className="visually-hidden">{t('action.details')}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Fragment key={row.id}>
              <tr data-row={row.id}>
                {row.cells.map((cell, column) => (
                  <td key={head[column]} className={cx(align[column] === 'end' && css.end)}>
                    {cell}
                  </td>
                ))}
                {hasDetails && (
                  <td className={css.end}>
                    {row.detail !== undefined && (
                      <ReasonButton
                        size="xs"
                        variant="subtle"
                        aria-expanded={open.has(row.id)}
                        onClick={() => toggle(row.id)}
                      >
                        {t(open.has(row.id) ? 'action.hideDetails' : 'action.details')}
                      </ReasonButton>
                    )}
                  </td>
                )}
              </tr>
              {row.detail !== undefined && open.has(row.id) && (
                <tr>
                  <td colSpan={head.length + 1} className={css.detail}>
                    {row.detail}
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
