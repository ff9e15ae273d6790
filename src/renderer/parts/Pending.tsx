import { useEffect, useState, type ReactNode } from 'react';
import { t } from '../strings/text.ts';
import css from './Pending.module.css';

const QUIET_MS = 150;

/** Nothing for a moment, then still lines where the rows will be. */
export function Pending({
  rows = 6,
  rowHeight = 32,
}: {
  readonly rows?: number;
  /** Pixels; that of the rows to come. */
  readonly rowHeight?: number;
}): ReactNode {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div role="status" aria-label={t('list.loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={css.row} style={{ height: rowHeight }}>
          <span className={css.line} style={{ width: `${20 + ((row * 17) % 30)}%` }} />
        </div>
      ))}
    </div>
  );
}
