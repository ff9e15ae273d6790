import { useState, type ReactNode } from 'react';
import { auditQuery } from '../data/node.ts';
import { useQuery } from '../data/queries.ts';
import { actorWords } from '../strings/journal.ts';
import { t } from '../strings/text.ts';
import css from './Editable.module.css';
import { ErrorStrip } from './ErrorStrip.tsx';
import { Time } from './figures.tsx';
import { ReasonButton } from './ReasonButton.tsx';

/** `Changed by admin-2 4 s ago. Your change was not made.` */
export function Conflict({
  subject,
  actions,
  before,
  now,
  onAgain,
}: {
  /** The object in the journal: `model:alpha-v1`. */
  readonly subject: string;
  /** Changes that count; all where nothing is said. */
  readonly actions?: readonly string[];
  /** What it was when the edit began, and what it is now, in words. */
  readonly before: string;
  readonly now: string;
  readonly onAgain: () => void;
}): ReactNode {
  const [shown, setShown] = useState(false);
  const { data } = useQuery(auditQuery(subject, actions === undefined ? 1 : 10));
  const row = data?.find(({ action }) => actions?.includes(action) !== false);
  return (
    <ErrorStrip
      alert
      tone="warn"
      sentence={
        row === undefined ? (
          t('edit.conflict')
        ) : (
          <>
            {t('edit.conflictBy', { who: actorWords(row) })} <Time at={row.at} as="ago" />.{' '}
            {t('edit.notMade')}
          </>
        )
      }
      hint={t('edit.conflictHint')}
      actions={
        <>
          <ReasonButton size="xs" aria-expanded={shown} onClick={() => setShown(!shown)}>
            {t('edit.showChanges')}
          </ReasonButton>
          <ReasonButton size="xs" changes onClick={onAgain}>
            {t('edit.again')}
          </ReasonButton>
        </>
      }
    >
      {shown &&
        (before === now ? (
          <p>{t('edit.otherField')}</p>
        ) : (
          <dl className={css.changes}>
            <dt>{t('edit.before')}</dt>
            <dd>{before === '' ? t('edit.nothing') : before}</dd>
            <dt>{t('edit.now')}</dt>
            <dd>{now === '' ? t('edit.nothing') : now}</dd>
          </dl>
        ))}
    </ErrorStrip>
  );
}
