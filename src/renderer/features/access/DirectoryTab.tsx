import type { ComponentType, ReactNode } from 'react';
import { openDialog, type AccessAsk } from '../../app/dialogs.ts';
import { moreOf, useKept, type List } from '../../data/lists.ts';
import type { Query } from '../../data/queries.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { FilterInput, ObjectList, useTextFilter } from '../../parts/ObjectList.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { AccessFrame } from './AccessFrame.tsx';

interface Named {
  readonly id: string;
  readonly name: string;
}

/** A list that the agent filters by name, with the button that adds to it: people, and groups. */
export function DirectoryTab<R extends Named>({
  tab,
  noun,
  queryOf,
  columns,
  ask,
  addsWhenEmpty = false,
  peek,
  items,
}: {
  readonly tab: 'people' | 'groups';
  /** Of the command. */
  readonly noun: string;
  /** What is asked for a text that names may hold. */
  readonly queryOf: (text: string) => Query<List<R>>;
  readonly columns: readonly Column<R>[];
  /** The dialog that adds one. */
  readonly ask: AccessAsk;
  /** Without any, the page says so with the button in its middle, and has no tools above. */
  readonly addsWhenEmpty?: boolean;
  readonly peek: ComponentType<{ readonly of: R }>;
  readonly items: ComponentType<{ readonly of: R }>;
}): ReactNode {
  const { text, setText } = useTextFilter();
  const filter = text.trim();
  const query = queryOf(filter);
  const list = useKept(query);
  const rows = list.data?.rows ?? [];
  const isEmpty = list.data !== undefined && rows.length === 0 && filter === '';
  const add = (
    <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'access', ask, id: null })}>
      {t(`${tab}.add`)}
    </ReasonButton>
  );
  return (
    <AccessFrame
      tab={tab}
      facts={list.data === undefined ? null : t(`${tab}.count`, { count: rows.length })}
      actions={
        !(isEmpty && addsWhenEmpty) && (
          <>
            <FilterInput label={t(`${tab}.filter`)} text={text} onText={setText} />
            {add}
          </>
        )
      }
    >
      <ObjectList
        label={t(`access.tab.${tab}`)}
        list={list}
        rows={rows}
        columns={columns}
        nameOf={(one) => one.name}
        pathOf={(one) => `/access/${tab}/${one.id}`}
        cliOf={(one) => `modelops ${noun} show ${one.id}`}
        question={text}
        onMore={() => moreOf(query)}
        nothing={
          filter === '' ? (
            <EmptyState actions={addsWhenEmpty && add}>{t(`${tab}.empty`)}</EmptyState>
          ) : (
            <EmptyState
              actions={<ReasonButton onClick={() => setText('')}>{t('access.clear')}</ReasonButton>}
            >
              {t(`${tab}.noMatch`, { filter })}
            </EmptyState>
          )
        }
        peek={peek}
        items={items}
      />
    </AccessFrame>
  );
}
