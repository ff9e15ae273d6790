import { useState, type ReactNode } from 'react';
import { auditQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Digest, Time } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { actorWords, journalDetail, journalWords } from '../../strings/journal.ts';

const PAGE = 50;

/** Journal rows about one object, newest first. */
export default function HistoryTab({ subject }: { readonly subject: string }): ReactNode {
  const [limit, setLimit] = useState(PAGE);
  const { data, error } = useQuery(auditQuery(subject, limit));
  if (error !== null && data === undefined) return <Refusal error={error} alert={false} />;
  if (data === undefined) return <Pending />;
  if (data.length === 0) return <EmptyState>{t('history.empty')}</EmptyState>;
  return (
    <>
      <SimpleTable
        label={t('model.tab.history')}
        head={[t('history.when'), t('history.what'), t('history.who'), t('history.note')]}
        rows={data.map((row) => ({
          id: String(row.seq),
          cells: [
            <Time key="when" at={row.at} />,
            <span key="what" title={t('history.details', { seq: row.seq })}>
              {journalWords({ ...row, subject: null })}
            </span>,
            actorWords(row),
            <HistoryNote key="note" text={row.note ?? journalDetail(row)} />,
          ],
        }))}
      />
      {data.length === limit && limit < 200 && (
        <ReasonButton onClick={() => setLimit(200)}>{t('history.more')}</ReasonButton>
      )}
    </>
  );
}

/** Fingerprints as people compare them, everything else as it is. */
function HistoryNote({ text }: { readonly text: string }): ReactNode {
  return /^[0-9a-f]{64}$/.test(text) ? <Digest value={text} /> : text;
}
