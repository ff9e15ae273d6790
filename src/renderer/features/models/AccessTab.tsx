import { MultiSelect, Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import {
  ENDPOINTS,
  VISIBILITY_SCOPES,
  type Group,
  type Model,
  type Principal,
  type VisibilityScope,
} from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { groupsQuery, principalsQuery } from '../../data/access.ts';
import { call } from '../../data/api.ts';
import { putModelDetail } from '../../data/models.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatCount } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { PrincipalPicker } from '../../parts/PrincipalPicker.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import { audience, countOf, ruleOf, sameRule, type Rule, type Seen, type Through } from './audience.ts';
import { OthersLadder } from './OverviewTab.tsx';
import { useRights } from './rights.ts';
import { modelTitle } from './words.ts';
import css from './AccessTab.module.css';

/** Who there is to be shown something to; null for whoever may not know. */
interface People {
  readonly principals: readonly Principal[];
  readonly groups: readonly Group[];
}

/** Who sees a model and through what, changing it, and what is missing for somebody. */
export default function AccessTab({ model }: { readonly model: Model }): ReactNode {
  const rights = useRights(model);
  const principals = useQuery(rights.superadmin ? principalsQuery() : null);
  const groups = useQuery(rights.superadmin ? groupsQuery() : null);
  const [explained, setExplained] = useState<string | null>(null);
  const error = principals.error ?? groups.error;
  const isReading = rights.superadmin && (principals.data === undefined || groups.data === undefined);
  if (isReading) return error === null ? <Pending /> : <Refusal error={error} alert={false} />;
  const people: People | null =
    principals.data === undefined || groups.data === undefined
      ? null
      : { principals: principals.data.rows, groups: groups.data.rows };
  return (
    <div className={css.tab}>
      <Visibility key={model.rev} model={model} people={people} mayEdit={rights.edit} />
      {people !== null && (
        <>
          <WhoSees model={model} people={people} onExplain={setExplained} />
          <Section title={t('modelAccess.explain')}>
            <PrincipalPicker
              label={t('modelAccess.explainFor')}
              value={explained}
              nobody={t('modelAccess.explainNobody')}
              onChange={setExplained}
            />
            {explained !== null && (
              <div className={css.gap}>
                <OthersLadder model={model} caller={explained} />
              </div>
            )}
          </Section>
        </>
      )}
    </div>
  );
}

function Visibility({
  model,
  people,
  mayEdit,
}: {
  readonly model: Model;
  readonly people: People | null;
  readonly mayEdit: boolean;
}): ReactNode {
  const now = ruleOf(model);
  const [rule, setRule] = useState<Rule>(now);
  const [asked, setAsked] = useState(false);
  if (!mayEdit)
    return (
      <Section title={t('modelAccess.visibility')}>
        <p>{ruleWords(now, model, people)}</p>
      </Section>
    );
  const missing =
    rule.scope === 'user' && rule.users.length === 0
      ? t('modelAccess.noUsers')
      : rule.scope === 'group' && rule.groups.length === 0
        ? t('modelAccess.noGroups')
        : null;
  return (
    <Section title={t('modelAccess.visibility')} facts={ruleWords(now, model, people)}>
      <div className={css.form}>
        <Select
          label={t('modelAccess.scope')}
          data={scopesFor(people, now.scope).map((value) => ({ value, label: t(`visibility.${value}`) }))}
          value={rule.scope}
          onChange={(value) => setRule({ ...rule, scope: value as VisibilityScope })}
          allowDeselect={false}
        />
        {rule.scope === 'user' && people !== null && (
          <MultiSelect
            label={t('modelAccess.users')}
            data={people.principals
              .filter((one) => one.kind !== 'system')
              .map((one) => ({ value: one.id, label: one.name }))}
            value={[...rule.users]}
            onChange={(users) => setRule({ ...rule, users })}
            searchable
            nothingFoundMessage={t('picker.nobody')}
          />
        )}
        {rule.scope === 'group' && people !== null && (
          <MultiSelect
            label={t('modelAccess.groups')}
            description={people.groups.length === 0 ? t('modelAccess.noGroupsYet') : undefined}
            data={people.groups.map((one) => ({
              value: one.id,
              label: t('modelAccess.groupOf', { name: one.name, count: one.members.length }),
            }))}
            value={[...rule.groups]}
            onChange={(groups) => setRule({ ...rule, groups })}
            searchable
            nothingFoundMessage={t('picker.noGroup')}
          />
        )}
        <div className={css.buttons}>
          <ReasonButton
            variant="filled"
            changes
            reason={sameRule(rule, now) ? t('modelAccess.unchanged') : missing}
            onClick={() => setAsked(true)}
          >
            {t('modelAccess.change')}
          </ReasonButton>
          {!sameRule(rule, now) && (
            <ReasonButton onClick={() => setRule(now)}>{t('action.discard')}</ReasonButton>
          )}
        </div>
      </div>
      {asked && (
        <ConfirmVisibility
          model={model}
          from={now}
          to={rule}
          people={people}
          onClose={() => setAsked(false)}
        />
      )}
    </Section>
  );
}

/** Whoever may not know the people cannot name some. Pure. */
function scopesFor(people: People | null, now: VisibilityScope): VisibilityScope[] {
  return VISIBILITY_SCOPES.filter(
    (scope) => people !== null || scope === 'private' || scope === 'platform' || scope === now,
  );
}

/** `group analysts`, `everyone on this node`. */
function ruleWords(rule: Rule, model: Model, people: People | null): string {
  const names = (ids: readonly string[], all: readonly { id: string; name: string }[]): string =>
    ids.map((id) => all.find((one) => one.id === id)?.name ?? id).join(', ');
  switch (rule.scope) {
    case 'private':
      return model.owner_name === null
        ? t('modelAccess.words.private')
        : t('modelAccess.words.owner', { name: model.owner_name });
    case 'user':
      return t('modelAccess.words.user', {
        names: names(rule.users, [...(people?.principals ?? []), ...(model.assignments?.users ?? [])]),
      });
    case 'group':
      return t('modelAccess.words.group', {
        count: rule.groups.length,
        names: names(rule.groups, [...(people?.groups ?? []), ...(model.assignments?.groups ?? [])]),
      });
    case 'platform':
      return t('modelAccess.words.platform');
  }
}

/** What it is now, what it will be, in people and keys; the way back first. */
function ConfirmVisibility({
  model,
  from,
  to,
  people,
  onClose,
}: {
  readonly model: Model;
  readonly from: Rule;
  readonly to: Rule;
  readonly people: People | null;
  readonly onClose: () => void;
}): ReactNode {
  const side = (rule: Rule): string => {
    const words = ruleWords(rule, model, people);
    if (people === null) return words;
    const { people: count, keys } = countOf(
      audience(rule, model.owner_user_id, people.principals, people.groups),
    );
    return t('modelAccess.counted', { words, count, keys });
  };
  const title = modelTitle(model);
  const confirm = async (): Promise<void> => {
    const { model: after } = await call(
      ENDPOINTS.putVisibility,
      {
        params: { id: model.id },
        body: {
          visibility_scope: to.scope,
          ...(to.scope === 'user' ? { users: [...to.users] } : {}),
          ...(to.scope === 'group' ? { groups: [...to.groups] } : {}),
        },
      },
      { ifMatch: model.rev },
    );
    putModelDetail(after);
    toastDone(t('modelAccess.done', { model: title, words: ruleWords(to, model, people) }));
  };
  return (
    <Confirm
      title={t(`modelAccess.title.${to.scope}`, { model: title })}
      keep={t('modelAccess.keep', { scope: t(`visibility.${from.scope}`) })}
      verb={t(`modelAccess.verb.${to.scope}`)}
      busyVerb={t('modelAccess.changing')}
      onConfirm={confirm}
      onClose={onClose}
    >
      <dl className={css.sides}>
        <dt>{t('modelAccess.now')}</dt>
        <dd>{side(from)}</dd>
        <dt>{t('modelAccess.after')}</dt>
        <dd>{side(to)}</dd>
      </dl>
      {people !== null && <p>{t('modelAccess.superadmins')}</p>}
    </Confirm>
  );
}

function throughWords(through: Through): string {
  return through.by === 'group'
    ? t('modelAccess.through.group', { name: through.group })
    : t(`modelAccess.through.${through.by}`);
}

/** People first who see it for a reason of their own; superadmins see all. */
function WhoSees({
  model,
  people,
  onExplain,
}: {
  readonly model: Model;
  readonly people: People;
  readonly onExplain: (id: string) => void;
}): ReactNode {
  const seen = audience(ruleOf(model), model.owner_user_id, people.principals, people.groups);
  const { people: count, keys } = countOf(seen);
  const sorted: readonly Seen[] = seen.toSorted(
    (a, b) =>
      Number(a.through.by === 'superadmin') - Number(b.through.by === 'superadmin') ||
      a.principal.name.localeCompare(b.principal.name),
  );
  const shown = sorted.slice(0, SHOWN);
  return (
    <Section title={t('modelAccess.who')} facts={t('modelAccess.whoCount', { count, keys })}>
      {shown.length === 0 ? (
        <EmptyState>{t('modelAccess.nobody')}</EmptyState>
      ) : (
        <SimpleTable
          label={t('modelAccess.who')}
          head={[
            t('modelAccess.col.name'),
            t('modelAccess.col.kind'),
            t('modelAccess.col.role'),
            t('modelAccess.col.through'),
            t('modelAccess.col.keys'),
            t('modelAccess.col.seen'),
            '',
          ]}
          align={[undefined, undefined, undefined, undefined, 'end', 'end', 'end']}
          rows={shown.map(({ principal, through }) => ({
            id: principal.id,
            cells: [
              principal.name,
              t(`modelAccess.kind.${principal.kind}`),
              t(`role.${principal.role}`),
              throughWords(through),
              formatCount(principal.key_count),
              principal.last_seen_at === null ? (
                t('models.never')
              ) : (
                <Time key="seen" at={principal.last_seen_at} as="ago" />
              ),
              <ReasonButton
                key="explain"
                size="xs"
                variant="subtle"
                aria-label={t('modelAccess.explainOf', { name: principal.name })}
                onClick={() => onExplain(principal.id)}
              >
                {t('modelAccess.explainOne')}
              </ReasonButton>,
            ],
          }))}
        />
      )}
      {sorted.length > SHOWN && (
        <p className={css.note}>{t('models.bulk.andMore', { count: sorted.length - SHOWN })}</p>
      )}
    </Section>
  );
}

/** More are counted, not listed; the picker below finds anybody. */
const SHOWN = 100;
