import { CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { t } from '../strings/text.ts';
import css from './ListFrame.module.css';

/** A list with the button for what arrived meanwhile, and the summary of one row at its right. */
export function ListFrame({
  arrived,
  onArrived,
  peeks,
  peek,
  onClosePeek,
  children,
}: {
  /** How many rows wait until they are asked for. */
  readonly arrived: number;
  readonly onArrived: () => void;
  /** Whether a summary was asked for; Esc closes it even while there is no row to show. */
  readonly peeks: boolean;
  /** The summary, a `Peek`; shown while `peeks`. */
  readonly peek: ReactNode;
  readonly onClosePeek: () => void;
  /** The table, or what is said instead. */
  readonly children: ReactNode;
}): ReactNode {
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Esc closes the topmost layer wherever the focus is: the peek before the selection
    <div
      className={css.content}
      onKeyDownCapture={(event) => {
        if (event.key !== 'Escape' || !peeks) return;
        event.stopPropagation();
        onClosePeek();
      }}
    >
      <div className={css.list}>
        {children}
        {arrived > 0 && (
          <button type="button" className={css.arrived} onClick={onArrived}>
            {t('list.arrived', { count: arrived })}
          </button>
        )}
      </div>
      {peeks && peek}
    </div>
  );
}

/** The summary of the row under the cursor, beside the list. Not modal: it follows the cursor. */
export function Peek({
  label,
  title,
  path,
  openLabel,
  onClose,
  children,
}: {
  readonly label: string;
  readonly title: string;
  /** The page of the row, and the words of the link to it. */
  readonly path: string;
  readonly openLabel: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <aside className={css.peek} aria-label={label}>
      <div className={css.head}>
        <h2>{title}</h2>
        <Link href={path}>{openLabel}</Link>
        <CloseButton aria-label={t('action.close')} onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}
