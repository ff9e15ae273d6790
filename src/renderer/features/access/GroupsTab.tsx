import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Group } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { groupsQuery } from '../../data/access.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { t } from '../../strings/text.ts';
import { DirectoryTab } from './DirectoryTab.tsx';
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
  return (
    <DirectoryTab
      tab="groups"
      noun="groups"
      queryOf={groupsQuery}
      columns={COLUMNS}
      ask="add-group"
      addsWhenEmpty
      peek={GroupFacts}
      items={GroupItems}
    />
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
