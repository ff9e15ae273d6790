import type { ReactNode } from 'react';
import type { Principal } from '../../../shared/contract/index.ts';
import { principalsQuery } from '../../data/access.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { t } from '../../strings/text.ts';
import { DirectoryTab } from './DirectoryTab.tsx';
import { PrincipalMark } from './Marks.tsx';
import { PersonFacts } from './PersonFacts.tsx';
import { PersonItems } from './PersonItems.tsx';
import css from './access.module.css';

const COLUMNS: readonly Column<Principal>[] = [
  {
    id: 'state',
    head: t('people.col.state'),
    track: '96px',
    cell: (principal) => <PrincipalMark principal={principal} />,
  },
  {
    id: 'name',
    head: t('people.col.name'),
    track: 'minmax(140px, 1fr)',
    cell: ({ name }) => <span className={css.strong}>{name}</span>,
  },
  {
    id: 'shown',
    head: t('people.col.shown'),
    track: 'minmax(120px, 1fr)',
    from: 900,
    cell: ({ display_name: shown }) => shown,
  },
  { id: 'kind', head: t('people.col.kind'), track: '80px', cell: ({ kind }) => t(`people.kind.${kind}`) },
  { id: 'role', head: t('people.col.role'), track: '96px', cell: ({ role }) => t(`role.${role}`) },
  {
    id: 'groups',
    head: t('people.col.groups'),
    track: 'minmax(100px, 1fr)',
    from: 760,
    cell: ({ groups }) =>
      groups.length === 0 ? (
        <span className={css.dim}>{t('access.none')}</span>
      ) : (
        groups.map((group) => group.name).join(', ')
      ),
  },
  {
    id: 'keys',
    head: t('people.col.keys'),
    track: '64px',
    align: 'end',
    cell: ({ key_count: count }) => <Count value={count} />,
  },
  {
    id: 'seen',
    head: t('people.col.seen'),
    track: '144px',
    align: 'end',
    cell: ({ last_seen_at: at }) => <Time at={at} as="ago" reason={t('people.neverSeen')} />,
  },
];

/** Everybody who may hold keys. */
export function PeopleTab(): ReactNode {
  return (
    <DirectoryTab
      tab="people"
      noun="principals"
      queryOf={principalsQuery}
      columns={COLUMNS}
      ask="add-principal"
      peek={PersonFacts}
      items={PersonItems}
    />
  );
}
