import { Menu, SegmentedControl } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toggleLayer } from '../../app/layers.ts';
import { credentialsQuery } from '../../data/credentials.ts';
import { moreOf, useKept, usePolled } from '../../data/lists.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import type { Column } from '../../parts/DataTable.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { FilterInput, ObjectList, useTextFilter } from '../../parts/ObjectList.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { CredentialFacts } from './CredentialFacts.tsx';
import { CredentialMark } from './CredentialMark.tsx';
import { answerWords } from './words.ts';
import css from './credentials.module.css';

const COLUMNS: readonly Column<Credential>[] = [
  {
    id: 'state',
    head: t('credentials.col.state'),
    track: '116px',
    cell: (credential) => <CredentialMark credential={credential} />,
  },
  {
    id: 'name',
    head: t('credentials.col.name'),
    track: 'minmax(120px, 1fr)',
    cell: ({ display_name: name }) => <span className={css.strong}>{name}</span>,
  },
  {
    id: 'provider',
    head: t('credentials.col.provider'),
    track: '136px',
    cell: ({ provider }) => t(`provider.${provider}`),
  },
  {
    id: 'last4',
    head: t('credentials.col.last4'),
    track: '72px',
    cell: ({ api_key_last4: last4 }) => <span className="mono">…{last4}</span>,
  },
  {
    id: 'base',
    head: t('credentials.col.base'),
    track: 'minmax(160px, 2fr)',
    from: 820,
    cell: ({ api_base_url: base }) => (
      <span className={css.text} title={base}>
        {base}
      </span>
    ),
  },
  {
    id: 'models',
    head: t('credentials.col.models'),
    track: '72px',
    align: 'end',
    cell: ({ model_count: count }) => <Count value={count} />,
  },
  {
    id: 'answer',
    head: t('credentials.col.answer'),
    track: 'minmax(168px, 220px)',
    align: 'end',
    cell: ({ last_probe: probe }) =>
      probe === null ? (
        <span title={t('unknown.because', { reason: t('credentials.neverAsked') })}>{UNKNOWN}</span>
      ) : (
        <span title={probe.message}>
          {answerWords(probe)}, <Time at={probe.at} as="ago" />
        </span>
      ),
  },
  {
    id: 'owner',
    head: t('credentials.col.owner'),
    track: 'minmax(88px, 136px)',
    from: 1080,
    cell: ({ credential_scope: scope, owner_name: owner }) =>
      scope === 'platform' ? t('credentials.scope.platform') : owner,
  },
];

/** What opens the door of a provider: one row each, never a secret. */
export default function CredentialsPage(): ReactNode {
  const { text, setText, matches } = useTextFilter();
  const [view, setView] = useState<'active' | 'all'>('active');
  const query = credentialsQuery(view === 'all');
  const list = useKept(query);
  usePolled(query.key);
  const { data: profile } = useQuery(profileQuery);
  const all = list.data?.rows ?? [];
  const rows = all.filter(
    (one) =>
      (view === 'all' || one.is_active) &&
      matches(one.display_name, t(`provider.${one.provider}`), one.api_base_url, one.api_key_last4, one.id),
  );
  const filtered = text.trim() !== '';
  const isEmpty = list.data !== undefined && all.length === 0 && view === 'active' && !filtered;
  const add = (
    <ReasonButton
      variant="filled"
      changes
      onClick={() => openDialog({ kind: 'credential', ask: 'add', id: null })}
    >
      {t('credentials.add')}
    </ReasonButton>
  );
  return (
    <>
      <PageHeader
        title={t('place.credentials')}
        facts={list.data === undefined ? null : t('credentials.count', { count: rows.length })}
      >
        {!isEmpty && <FilterInput label={t('credentials.filter')} text={text} onText={setText} />}
        <SegmentedControl
          aria-label={t('credentials.view')}
          value={view}
          onChange={setView}
          data={(['active', 'all'] as const).map((value) => ({
            value,
            label: t(`credentials.view.${value}`),
          }))}
        />
        {!isEmpty && add}
      </PageHeader>
      {profile?.profile === 'offline' && (
        <ErrorStrip
          flush
          tone="blue"
          sentence={t('credentials.offline')}
          actions={
            <ReasonButton size="xs" onClick={() => toggleLayer('profile')}>
              {t('credentials.seeProfile')}
            </ReasonButton>
          }
        />
      )}
      <ObjectList
        label={t('place.credentials')}
        list={list}
        rows={rows}
        columns={COLUMNS}
        nameOf={(credential) => credential.display_name}
        pathOf={(credential) => `/credentials/${credential.id}`}
        cliOf={(credential) => `modelops credentials show ${credential.id}`}
        question={`${view} ${text}`}
        onMore={() => moreOf(query)}
        nothing={
          <EmptyState
            actions={
              filtered ? <ReasonButton onClick={() => setText('')}>{t('access.clear')}</ReasonButton> : add
            }
          >
            {filtered ? t('credentials.noMatch', { filter: text.trim() }) : t('credentials.empty')}
          </EmptyState>
        }
        peek={CredentialFacts}
        items={CredentialItems}
      />
    </>
  );
}

function CredentialItems({ of: credential }: { readonly of: Credential }): ReactNode {
  if (!credential.is_active) return null;
  const ask = (what: 'edit' | 'replace' | 'revoke'): void =>
    openDialog({ kind: 'credential', ask: what, id: credential.id });
  return (
    <>
      <Menu.Item onClick={() => ask('edit')}>{t('credentials.edit')}</Menu.Item>
      <Menu.Item onClick={() => ask('replace')}>{t('credentials.replace')}</Menu.Item>
      <Menu.Item onClick={() => ask('revoke')}>{t('credentials.revoke')}</Menu.Item>
    </>
  );
}
