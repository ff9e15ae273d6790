import type { ReactNode } from 'react';
import { useRefusedAttempts } from '../../data/node.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { partWords } from './words.ts';
import css from './profile.module.css';

/** What wanted to leave this machine and was not let: when, where to, and by what part. */
export function RefusedAttempts({
  most,
  reasons = true,
}: {
  /** Rows shown; all that are kept when absent. */
  readonly most?: number;
  readonly reasons?: boolean;
}): ReactNode {
  const { data, error } = useRefusedAttempts();
  if (data === undefined)
    return error === null ? <Pending rows={2} rowHeight={24} /> : <Refusal error={error} alert={false} />;
  if (data.attempts.length === 0) return <p className={css.dim}>{t('profile.refusedNone')}</p>;
  const shown = data.attempts.slice(0, most ?? data.attempts.length);
  const head = [t('profile.col.time'), t('profile.col.host'), t('profile.col.part')];
  return (
    <>
      <SimpleTable
        label={t('profile.refusedTitle')}
        head={reasons ? [...head, t('profile.col.reason')] : head}
        rows={shown.map((attempt, index) => ({
          id: `${attempt.at} ${index}`,
          cells: [
            <Time key="time" at={attempt.at} />,
            <span key="host" className={css.host} title={attempt.reason}>
              {attempt.host}
            </span>,
            partWords(attempt),
            ...(reasons ? [attempt.reason] : []),
          ],
        }))}
      />
      {most === undefined && data.refused_count > data.attempts.length && (
        <p className={css.note}>
          {t('profile.refusedKept', { kept: data.attempts.length, count: data.refused_count })}
        </p>
      )}
    </>
  );
}
