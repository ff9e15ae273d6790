import { useState, type ReactNode } from 'react';
import type { JournalRow } from '../../../shared/contract/index.ts';
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
import { Json } from './Json.tsx';

const PAGE = 50;
const MOST = 200;

/** Journal rows about one object, newest first: what, who, why, and what was before where the journal has it. */
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
        head={[
          t('history.when'),
          t('history.what'),
          t('history.change'),
          t('history.who'),
          t('history.note'),
        ]}
        rows={data.map((row) => ({
          id: String(row.seq),
          cells: [
            <Time key="when" at={row.at} />,
            <span key="what" title={t('history.details', { seq: row.seq })}>
              {journalWords({ ...row, subject: null })}
            </span>,
            <Change key="change" row={row} />,
            actorWords(row),
            <HistoryNote key="note" text={row.note ?? journalDetail(row)} />,
          ],
          ...(Object.keys(row.data).length === 0 ? {} : { detail: <Record row={row} /> }),
        }))}
      />
      {data.length === limit && limit < MOST && (
        <ReasonButton onClick={() => setLimit(MOST)}>{t('history.more')}</ReasonButton>
      )}
    </>
  );
}

/** `registered → active`, where the row has both. */
function Change({ row }: { readonly row: JournalRow }): ReactNode {
  const { from, to, before, after } = row.data;
  const was = from ?? before;
  const is = to ?? after;
  if (typeof was !== 'string' || typeof is !== 'string') return null;
  return t('history.fromTo', { from: was, to: is });
}

/** What the journal keeps of it: ids and digests, and the hash that chains it. */
function Record({ row }: { readonly row: JournalRow }): ReactNode {
  return <Json value={{ seq: row.seq, action: row.action, data: row.data, hash: row.hash }} />;
}

/** Fingerprints as people compare them, everything else as it is. */
function HistoryNote({ text }: { readonly text: string }): ReactNode {
  return /^[0-9a-f]{64}$/.test(text) ? <Digest value={text} /> : text;
}
