import type { ReactNode } from 'react';
import type { Principal } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { principalsQuery } from '../../data/access.ts';
import { moreOf, useKept } from '../../data/lists.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { FilterInput, ObjectList, useTextFilter } from '../../parts/ObjectList.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { AccessFrame } from './AccessFrame.tsx';
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
  const { text, setText } = useTextFilter();
  const query = principalsQuery(text.trim());
  const list = useKept(query);
  const rows = list.data?.rows ?? [];
  const add = (
    <ReasonButton
      variant="filled"
      changes
      onClick={() => openDialog({ kind: 'access', ask: 'add-principal', id: null })}
    >
      {t('people.add')}
    </ReasonButton>
  );
  return (
    <AccessFrame
      tab="people"
      facts={list.data === undefined ? null : t('people.count', { count: rows.length })}
      actions={
        <>
          <FilterInput label={t('people.filter')} text={text} onText={setText} />
          {add}
        </>
      }
    >
      <ObjectList
        label={t('access.tab.people')}
        list={list}
        rows={rows}
        columns={COLUMNS}
        nameOf={(principal) => principal.name}
        pathOf={(principal) => `/access/people/${principal.id}`}
        cliOf={(principal) => `modelops principals show ${principal.id}`}
        question={text}
        onMore={() => moreOf(query)}
        nothing={
          <EmptyState
            actions={
              text.trim() !== '' && (
                <ReasonButton onClick={() => setText('')}>{t('access.clear')}</ReasonButton>
              )
            }
          >
            {text.trim() === '' ? t('people.empty') : t('people.noMatch', { filter: text.trim() })}
          </EmptyState>
        }
        peek={PersonFacts}
        items={PersonItems}
      />
    </AccessFrame>
  );
}
