import type { ReactNode } from 'react';
import css from './EmptyState.module.css';

/** What this place is for, and one or two ways to fill it. Left-aligned, no picture. */
export function EmptyState({
  children,
  actions,
}: {
  readonly children: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  return (
    <div className={css.empty}>
      <p className={css.sentence}>{children}</p>
      {actions !== undefined && <div className={css.actions}>{actions}</div>}
    </div>
  );
}
