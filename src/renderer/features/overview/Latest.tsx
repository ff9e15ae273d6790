import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { JournalRow } from '../../../shared/contract/index.ts';
import { auditQuery } from '../../data/node.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { formatTime } from '../../parts/format.ts';
import { Section } from '../../parts/Section.tsx';
import { actorWords, journalWords } from '../../strings/journal.ts';
import { t } from '../../strings/text.ts';
import { SectionRefusal } from './SectionRefusal.tsx';
import css from './OverviewPage.module.css';

const LATEST = 12;

/** The newest rows of the journal, in words. */
export function Latest(): ReactNode {
  const { data, error } = useQuery(auditQuery(null, LATEST));
  const now = useNow(60_000);
  return (
    <Section title={t('overview.latest')}>
      {data === undefined && <SectionRefusal error={error} />}
      <ol>
        {(data ?? []).map((row) => (
          <li key={row.seq} className={css.latest}>
            <time dateTime={row.at} className={`mono ${css.dim ?? ''}`}>
              {formatTime(row.at, now)}
            </time>
            <JournalLine row={row} />
          </li>
        ))}
      </ol>
    </Section>
  );
}

function JournalLine({ row }: { readonly row: JournalRow }): ReactNode {
  const words = journalWords(row);
  const target = subjectTarget(row.subject);
  return (
    <span className={css.grow} title={`${words}, ${actorWords(row)}`}>
      {target === null ? (
        words
      ) : (
        <Link href={target} className={css.plain}>
          {words}
        </Link>
      )}
    </span>
  );
}

/** Where the pages of a kind of object are. */
const LISTS: Readonly<Record<string, string>> = {
  model: '/models',
  slot: '/slots',
  job: '/jobs',
  key: '/access/keys',
  principal: '/access/people',
  group: '/access/groups',
  credential: '/credentials',
};

function subjectTarget(subject: string | null): string | null {
  const match = /^([a-z]+):(.+)$/.exec(subject ?? '');
  const list = LISTS[match?.[1] ?? ''];
  return list === undefined ? null : `${list}/${match?.[2] ?? ''}`;
}
