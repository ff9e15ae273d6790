import { Menu, SegmentedControl } from '@mantine/core';
import { useEffect, useState, type ReactNode } from 'react';
import type { Key } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { keysQuery } from '../../data/access.ts';
import { moreOf, useKept, usePolled } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { FilterInput, ObjectList, useTextFilter } from '../../parts/ObjectList.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { AccessFrame } from './AccessFrame.tsx';
import { KeyFacts } from './KeyFacts.tsx';
import { KeyMark, ofLimit } from './Marks.tsx';
import { isLive } from './words.ts';
import css from './access.module.css';

const COLUMNS: readonly Column<Key>[] = [
  { id: 'state', head: t('keys.col.state'), track: '148px', cell: (key) => <KeyMark of={key} /> },
  {
    id: 'name',
    head: t('keys.col.name'),
    track: 'minmax(120px, 2fr)',
    cell: ({ name }) => <span className={css.strong}>{name}</span>,
  },
  {
    id: 'last4',
    head: t('keys.col.last4'),
    track: '64px',
    from: 660,
    cell: ({ last4 }) => <span className="mono">…{last4}</span>,
  },
  {
    id: 'owner',
    head: t('keys.col.owner'),
    track: 'minmax(96px, 1fr)',
    from: 780,
    cell: ({ principal_name: owner }) => owner,
  },
  { id: 'role', head: t('keys.col.role'), track: '88px', from: 1180, cell: ({ role }) => t(`role.${role}`) },
  {
    id: 'scopes',
    head: t('keys.col.scopes'),
    track: '148px',
    from: 1300,
    cell: ({ scopes }) => scopes.map((scope) => t(`keys.scope.${scope}`)).join(', '),
  },
  {
    id: 'calls',
    head: t('keys.col.calls'),
    track: '80px',
    align: 'end',
    cell: ({ today }) => <Count value={today.calls} />,
  },
  {
    id: 'tokens',
    head: t('keys.col.tokens'),
    track: 'minmax(104px, 160px)',
    align: 'end',
    from: 720,
    cell: ({ today, daily_token_budget: budget }) => ofLimit(today.tokens, budget),
  },
  {
    id: 'rate',
    head: t('keys.col.rate'),
    track: '80px',
    align: 'end',
    from: 1440,
    cell: ({ rate_limit_per_minute: limit }) => <Count value={limit} reason={t('keys.noLimit')} />,
  },
  {
    id: 'ends',
    head: t('keys.col.ends'),
    track: '132px',
    align: 'end',
    from: 860,
    cell: ({ expires_at: at }) =>
      at === null ? <span className={css.dim}>{t('keys.never')}</span> : <Time at={at} />,
  },
  {
    id: 'used',
    head: t('keys.col.used'),
    track: '132px',
    align: 'end',
    cell: ({ last_used_at: at }) => <Time at={at} as="ago" reason={t('keys.neverUsed')} />,
  },
];

/** Below this many rows on the screen the next page is read at once. */
const ENOUGH = 50;

/** Every key: whose, for what, until when, and what it did today. */
export function KeysTab(): ReactNode {
  const { text, setText, matches } = useTextFilter();
  const [view, setView] = useState<'live' | 'all'>('live');
  const now = useNow(60_000);
  const query = keysQuery();
  const list = useKept(query);
  usePolled(query.key);
  const all = list.data?.rows ?? [];
  const rows = all.filter(
    (key) => (view === 'all' || isLive(key, now)) && matches(key.name, key.principal_name, key.last4, key.id),
  );
  const next = list.data?.next ?? null;
  useEffect(() => {
    if (next !== null && rows.length < ENOUGH) moreOf(keysQuery());
  }, [next, rows.length]);
  const add = (
    <ReasonButton
      variant="filled"
      changes
      onClick={() => openDialog({ kind: 'access', ask: 'new-key', id: null })}
    >
      {t('keys.new')}
    </ReasonButton>
  );
  return (
    <AccessFrame
      tab="keys"
      facts={
        list.data === undefined
          ? null
          : t(next === null ? 'keys.count' : 'keys.countMore', { count: rows.length })
      }
      actions={
        <>
          <FilterInput label={t('keys.filter')} text={text} onText={setText} />
          <SegmentedControl
            aria-label={t('keys.view')}
            value={view}
            onChange={setView}
            data={(['live', 'all'] as const).map((value) => ({ value, label: t(`keys.view.${value}`) }))}
          />
          {add}
        </>
      }
    >
      <ObjectList
        label={t('keys.title')}
        list={list}
        rows={rows}
        columns={COLUMNS}
        nameOf={(key) => key.name}
        pathOf={(key) => `/access/keys/${key.id}`}
        cliOf={(key) => `modelops keys show ${key.id}`}
        question={`${view} ${text}`}
        onMore={() => moreOf(query)}
        nothing={
          <Nothing
            text={text}
            any={all.length > 0}
            onAll={() => setView('all')}
            onClear={() => setText('')}
          />
        }
        peek={KeyFacts}
        items={KeyItems}
      />
    </AccessFrame>
  );
}

function Nothing({
  text,
  any,
  onAll,
  onClear,
}: {
  readonly text: string;
  readonly any: boolean;
  readonly onAll: () => void;
  readonly onClear: () => void;
}): ReactNode {
  const filter = text.trim();
  if (filter !== '')
    return (
      <EmptyState actions={<ReasonButton onClick={onClear}>{t('access.clear')}</ReasonButton>}>
        {t('keys.noMatch', { filter })}
      </EmptyState>
    );
  if (any)
    return (
      <EmptyState actions={<ReasonButton onClick={onAll}>{t('keys.showAll')}</ReasonButton>}>
        {t('keys.noLive')}
      </EmptyState>
    );
  return <EmptyState>{t('keys.empty')}</EmptyState>;
}

/** What can be done with a key, as items of a menu. */
function KeyItems({ of: key }: { readonly of: Key }): ReactNode {
  const now = useNow(60_000);
  const { id } = key;
  if (!isLive(key, now)) return null;
  return (
    <>
      {key.kind === 'api' && (
        <>
          <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'edit-key', id })}>
            {t('access.edit')}
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'rotate-key', id })}>
            {t('keys.rotate')}
          </Menu.Item>
        </>
      )}
      <Menu.Item onClick={() => openDialog({ kind: 'access', ask: 'revoke-key', id })}>
        {t('keys.revoke')}
      </Menu.Item>
    </>
  );
}
