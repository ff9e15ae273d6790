import { CloseButton, Menu, Select } from '@mantine/core';
import { useCallback, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Principal } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { groupsQuery, keysQuery, principalQuery, setMember } from '../../data/access.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { NotThere } from '../../parts/NotThere.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { rich, t } from '../../strings/text.ts';
import { KeyMark, PrincipalMark } from './Marks.tsx';
import { ObjectPage, type ObjectPath } from './ObjectPage.tsx';
import { PersonFacts } from './PersonFacts.tsx';
import { PersonItems } from './PersonItems.tsx';
import css from './access.module.css';

/** One person or service: role, groups and keys. */
export function PersonPage({ id, part }: ObjectPath): ReactNode {
  const answer = useQuery(principalQuery(id));
  const parent = { label: t('access.tab.people'), to: '/access/people' };
  const { data: principal } = answer;
  if (principal === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  return (
    <ObjectPage
      path={`/access/people/${id}`}
      part={part}
      parent={parent}
      subject={`principal:${id}`}
      error={answer.error}
      title={principal.name}
      headerFacts={
        <>
          {principal.display_name !== principal.name && <span>{principal.display_name}</span>}
          <span>
            {t(`people.kind.${principal.kind}`)}, {t(`role.${principal.role}`)}
          </span>
          <PrincipalMark principal={principal} />
        </>
      }
      actions={<HeaderActions principal={principal} />}
      strip={
        principal.disabled_at !== null && (
          <ErrorStrip
            flush
            tone="warn"
            sentence={rich('people.disabledSince', { time: <Time key="time" at={principal.disabled_at} /> })}
          />
        )
      }
      facts={<PersonFacts of={principal} />}
    >
      <Groups principal={principal} />
      <Keys principal={principal} />
    </ObjectPage>
  );
}

function HeaderActions({ principal }: { readonly principal: Principal }): ReactNode {
  if (principal.kind === 'system') return null;
  const { id } = principal;
  return (
    <>
      <ReasonButton changes onClick={() => openDialog({ kind: 'access', ask: 'new-key', id })}>
        {t('keys.new')}
      </ReasonButton>
      <ReasonButton changes onClick={() => openDialog({ kind: 'access', ask: 'edit-principal', id })}>
        {t('access.edit')}
      </ReasonButton>
      <Menu width={240}>
        <Menu.Target>
          <ReasonButton>{t('action.more')}</ReasonButton>
        </Menu.Target>
        <Menu.Dropdown>
          <PersonItems of={principal} />
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function Groups({ principal }: { readonly principal: Principal }): ReactNode {
  const { data: groups } = useQuery(groupsQuery());
  const change = useMutation(
    useCallback(
      (groupId: string, member: boolean) => setMember(groupId, principal.id, member),
      [principal.id],
    ),
  );
  const own = new Set(principal.groups.map((group) => group.id));
  const others = (groups?.rows ?? []).filter((group) => !own.has(group.id));
  return (
    <Section title={t('people.groups')}>
      {principal.groups.length === 0 ? (
        <p className={css.dim}>{t('people.noGroups')}</p>
      ) : (
        <SimpleTable
          label={t('people.groups')}
          head={[t('groups.col.name'), t('access.change')]}
          align={[undefined, 'end']}
          rows={principal.groups.map((group) => ({
            id: group.id,
            cells: [
              <Link key="name" href={`/access/groups/${group.id}`}>
                {group.name}
              </Link>,
              <CloseButton
                key="out"
                aria-label={t('people.leaveGroup', { group: group.name })}
                title={t('people.leaveGroup', { group: group.name })}
                onClick={() => void change.run(group.id, false)}
              />,
            ],
          }))}
        />
      )}
      {others.length > 0 && principal.kind !== 'system' && (
        <div className={css.row}>
          <Select
            className={css.pick ?? ''}
            aria-label={t('people.addToGroup')}
            placeholder={t('people.addToGroup')}
            searchable
            data={others.map((group) => ({ value: group.id, label: group.name }))}
            value={null}
            onChange={(groupId) => groupId !== null && void change.run(groupId, true)}
          />
        </div>
      )}
      {change.error !== null && <Refusal error={change.error} />}
    </Section>
  );
}

function Keys({ principal }: { readonly principal: Principal }): ReactNode {
  const { data: keys, error } = useQuery(keysQuery(principal.id));
  return (
    <Section title={t('people.keys')}>
      {error !== null && <Refusal error={error} alert={false} />}
      {keys === undefined ? (
        error === null && <Pending rows={2} />
      ) : keys.rows.length === 0 ? (
        <p className={css.dim}>{t('people.noKeys')}</p>
      ) : (
        <SimpleTable
          label={t('people.keys')}
          head={[
            t('keys.col.state'),
            t('keys.col.name'),
            t('keys.col.last4'),
            t('keys.col.role'),
            t('keys.col.scopes'),
            t('keys.col.ends'),
            t('keys.col.used'),
          ]}
          rows={keys.rows.map((key) => ({
            id: key.id,
            cells: [
              <KeyMark key="state" of={key} />,
              <Link key="name" href={`/access/keys/${key.id}`}>
                {key.name}
              </Link>,
              <span key="last4" className="mono">
                …{key.last4}
              </span>,
              t(`role.${key.role}`),
              key.scopes.map((scope) => t(`keys.scope.${scope}`)).join(', '),
              key.expires_at === null ? t('keys.never') : <Time key="ends" at={key.expires_at} />,
              <Time key="used" at={key.last_used_at} as="ago" reason={t('keys.neverUsed')} />,
            ],
          }))}
        />
      )}
    </Section>
  );
}
