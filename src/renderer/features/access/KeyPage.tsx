import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Key } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { keyQuery } from '../../data/access.ts';
import { usePolled } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatCount } from '../../parts/format.ts';
import { Meter } from '../../parts/Meter.tsx';
import { NotThere } from '../../parts/NotThere.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { rich, t } from '../../strings/text.ts';
import { KeyMark, ofLimit } from './Marks.tsx';
import { KeyFacts } from './KeyFacts.tsx';
import { ObjectPage, type ObjectPath } from './ObjectPage.tsx';
import { isLive } from './words.ts';
import css from './access.module.css';

/** One key: what it may, what it did today, and what took its place. */
export function KeyPage({ id, part }: ObjectPath): ReactNode {
  const query = keyQuery(id);
  const answer = useQuery(query);
  usePolled(query.key);
  const parent = { label: t('keys.title'), to: '/access/keys' };
  const { data: key } = answer;
  if (key === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  return (
    <ObjectPage
      path={`/access/keys/${id}`}
      part={part}
      parent={parent}
      subject={`key:${id}`}
      error={answer.error}
      title={key.name}
      headerFacts={
        <>
          <span className="mono">…{key.last4}</span>
          <span>{t(`keys.kind.${key.kind}`)}</span>
          <KeyMark of={key} />
        </>
      }
      actions={<HeaderActions of={key} />}
      strip={key.replaced_by !== null && <Replaced of={key} by={key.replaced_by} />}
      facts={<KeyFacts of={key} />}
    >
      <Today of={key} />
      <Rights of={key} />
    </ObjectPage>
  );
}

function HeaderActions({ of: key }: { readonly of: Key }): ReactNode {
  const now = useNow(60_000);
  const { id } = key;
  const over = isLive(key, now) ? null : t('keys.cannotChange');
  const fixed = over ?? (key.kind === 'session' ? t('keys.sessionFixed') : null);
  return (
    <>
      <ReasonButton
        changes
        reason={fixed}
        onClick={() => openDialog({ kind: 'access', ask: 'edit-key', id })}
      >
        {t('access.edit')}
      </ReasonButton>
      <ReasonButton
        changes
        reason={fixed}
        onClick={() => openDialog({ kind: 'access', ask: 'rotate-key', id })}
      >
        {t('keys.rotate')}
      </ReasonButton>
      <ReasonButton
        changes
        reason={over}
        onClick={() => openDialog({ kind: 'access', ask: 'revoke-key', id })}
      >
        {t('keys.revoke')}
      </ReasonButton>
    </>
  );
}

function Replaced({ of: key, by }: { readonly of: Key; readonly by: string }): ReactNode {
  const now = useNow(60_000);
  return (
    <ErrorStrip
      flush
      tone={isLive(key, now) ? 'warn' : 'blue'}
      sentence={
        isLive(key, now)
          ? rich('keys.replacedStrip', { when: <Time key="time" at={key.expires_at} /> })
          : t('keys.replacedEnded')
      }
      actions={<Link href={`/access/keys/${by}`}>{t('keys.seeNew')}</Link>}
    />
  );
}

function Today({ of: key }: { readonly of: Key }): ReactNode {
  const { today, daily_token_budget: budget } = key;
  return (
    <Section
      title={t('keys.today')}
      facts={t('keys.todayNote')}
      link={{ label: t('keys.usage'), to: `/usage?key=${key.id}` }}
    >
      <SimpleTable
        label={t('keys.today')}
        head={[t('keys.callsToday'), t('keys.tokensToday'), t('keys.budget')]}
        rows={[
          {
            id: 'today',
            cells: [
              formatCount(today.calls),
              ofLimit(today.tokens, budget),
              budget === null ? (
                t('keys.noLimit')
              ) : (
                <Meter
                  key="budget"
                  parts={[{ value: today.tokens, kind: 'ours' }]}
                  total={budget}
                  text={t('keys.budgetMeter', {
                    used: formatCount(today.tokens),
                    budget: formatCount(budget),
                  })}
                  width={160}
                />
              ),
            ],
          },
        ]}
      />
    </Section>
  );
}

function Rights({ of: key }: { readonly of: Key }): ReactNode {
  return (
    <Section title={t('keys.rights')}>
      <ul className={css.choices}>
        {key.scopes.map((scope) => (
          <li key={scope}>
            <span className={css.strong}>{t(`keys.scope.${scope}`)}</span>{' '}
            <span className={css.dim}>{t(`keys.scope.${scope}.means`)}</span>
          </li>
        ))}
        <li>
          <span className={css.strong}>{t(`role.${key.role}`)}</span>{' '}
          <span className={css.dim}>{t(`role.${key.role}.means`)}</span>
        </li>
      </ul>
    </Section>
  );
}
