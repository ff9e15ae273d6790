import { CloseButton, Select } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Group } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { groupQuery, principalsQuery, setMember } from '../../data/access.ts';
import { useKept } from '../../data/lists.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { NotThere } from '../../parts/NotThere.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { GroupFacts } from './GroupFacts.tsx';
import { ObjectPage, type ObjectPath } from './ObjectPage.tsx';
import css from './access.module.css';

/** One group: who is in it, and how many models are shown to it. */
export function GroupPage({ id, part }: ObjectPath): ReactNode {
  const answer = useQuery(groupQuery(id));
  const parent = { label: t('access.tab.groups'), to: '/access/groups' };
  const { data: group } = answer;
  if (group === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  return (
    <ObjectPage
      path={`/access/groups/${id}`}
      part={part}
      parent={parent}
      subject={`group:${id}`}
      error={answer.error}
      title={group.name}
      headerFacts={t('groups.memberCount', { count: group.members.length })}
      actions={
        <>
          <ReasonButton changes onClick={() => openDialog({ kind: 'access', ask: 'edit-group', id })}>
            {t('access.edit')}
          </ReasonButton>
          <ReasonButton changes onClick={() => openDialog({ kind: 'access', ask: 'delete-group', id })}>
            {t('groups.delete')}
          </ReasonButton>
        </>
      }
      facts={<GroupFacts of={group} />}
    >
      {group.description !== '' && <p>{group.description}</p>}
      <Members group={group} />
      <Section title={t('groups.models')}>
        <p className={css.dim}>{t('groups.modelsShown', { count: group.model_count })}</p>
      </Section>
    </ObjectPage>
  );
}

function Members({ group }: { readonly group: Group }): ReactNode {
  const [search, setSearch] = useState('');
  const { data: people } = useKept(principalsQuery(search));
  const change = useMutation(
    useCallback(
      (principalId: string, member: boolean) => setMember(group.id, principalId, member),
      [group.id],
    ),
  );
  const inside = new Set(group.members.map((member) => member.id));
  const others = (people?.rows ?? []).filter(({ id, kind }) => !inside.has(id) && kind !== 'system');
  return (
    <Section title={t('groups.members')}>
      {group.members.length === 0 ? (
        <p className={css.dim}>{t('groups.noMembers')}</p>
      ) : (
        <SimpleTable
          label={t('groups.members')}
          head={[t('people.col.name'), t('people.col.kind'), t('access.change')]}
          align={[undefined, undefined, 'end']}
          rows={group.members.map((member) => ({
            id: member.id,
            cells: [
              <Link key="name" href={`/access/people/${member.id}`}>
                {member.name}
              </Link>,
              t(`people.kind.${member.kind}`),
              <CloseButton
                key="out"
                aria-label={t('groups.removeMember', { name: member.name })}
                title={t('groups.removeMember', { name: member.name })}
                onClick={() => void change.run(member.id, false)}
              />,
            ],
          }))}
        />
      )}
      <div className={css.row}>
        <Select
          className={css.pick ?? ''}
          aria-label={t('groups.addMember')}
          placeholder={t('groups.addMember')}
          searchable
          searchValue={search}
          onSearchChange={setSearch}
          data={others.map(({ id, name, kind }) => ({
            value: id,
            label: `${name}, ${t(`people.kind.${kind}`)}`,
          }))}
          filter={({ options }) => options}
          value={null}
          onChange={(principalId) => {
            if (principalId !== null) void change.run(principalId, true);
            setSearch('');
          }}
        />
      </div>
      {change.error !== null && <Refusal error={change.error} />}
    </Section>
  );
}
