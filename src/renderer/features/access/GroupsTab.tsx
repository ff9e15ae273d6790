import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Group } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { groupsQuery } from '../../data/access.ts';
import { moreOf, useKept } from '../../data/lists.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { FilterInput, ObjectList, useTextFilter } from '../../parts/ObjectList.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { AccessFrame } from './AccessFrame.tsx';
import { GroupFacts } from './GroupFacts.tsx';
import css from './access.module.css';

const COLUMNS: readonly Column<Group>[] = [
  {
    id: 'name',
    head: t('groups.col.name'),
    track: 'minmax(140px, 1fr)',
    cell: ({ name }) => <span className={css.strong}>{name}</span>,
  },
  {
    id: 'description',
    head: t('groups.col.description'),
    track: 'minmax(160px, 2fr)',
    cell: ({ description }) => (
      <span className={css.text} title={description}>
        {description}
      </span>
    ),
  },
  {
    id: 'members',
    head: t('groups.col.members'),
    track: 'minmax(140px, 2fr)',
    from: 760,
    cell: ({ members }) => (
      <span className={css.text}>
        {t('groups.memberCount', { count: members.length })}
        {members.length > 0 && (
          <span className={css.dim}> {members.map((member) => member.name).join(', ')}</span>
        )}
      </span>
    ),
  },
  {
    id: 'models',
    head: t('groups.col.models'),
    track: '72px',
    align: 'end',
    cell: ({ model_count: count }) => <Count value={count} />,
  },
  {
    id: 'created',
    head: t('groups.col.created'),
    track: '144px',
    align: 'end',
    cell: ({ created_at: at }) => <Time at={at} />,
  },
];

/** Groups, to which models can be shown. */
export function GroupsTab(): ReactNode {
  const { text, setText } = useTextFilter();
  const query = groupsQuery(text.trim());
  const list = useKept(query);
  const rows = list.data?.rows ?? [];
  const add = (
    <ReasonButton
      variant="filled"
      changes
      onClick={() => openDialog({ kind: 'access', ask: 'add-group', id: null })}
    >
      {t('groups.add')}
    </ReasonButton>
  );
  const filtered = text.trim() !== '';
  const isEmpty = list.data !== undefined && rows.length === 0 && !filtered;
  return (
    <AccessFrame
      tab="groups"
      facts={list.data === undefined ? null : t('groups.count', { count: rows.length })}
      actions={
        !isEmpty && (
          <>
            <FilterInput label={t('groups.filter')} text={text} onText={setText} />
            {add}
          </>
        )
      }
    >
      <ObjectList
        label={t('access.tab.groups')}
        list={list}
        rows={rows}
        columns={COLUMNS}
        nameOf={(group) => group.name}
        pathOf={(group) => `/access/groups/${group.id}`}
        cliOf={(group) => `modelops groups show ${group.id}`}
        question={text}
        onMore={() => moreOf(query)}
        nothing={
          <EmptyState
            actions={
              filtered ? <ReasonButton onClick={() => setText('')}>{t('access.clear')}</ReasonButton> : add
            }
          >
            {filtered ? t('groups.noMatch', { filter: text.trim() }) : t('groups.empty')}
          </EmptyState>
        }
        peek={GroupFacts}
        items={GroupItems}
      />
    </AccessFrame>
  );
}

function GroupItems({ of: { id } }: { readonly of: Group }): ReactNode {
  return (
    <>
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'edit-group', id })}>
        {t('access.edit')}
      </Menu.Item>
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'delete-group', id })}>
        {t('groups.delete')}
      </Menu.Item>
    </>
  );
}
