import { useEffect, useState, type ReactNode } from 'react';
import { navigate, usePathname, useSearch } from 'wouter/use-browser-location';
import type { Key } from '../../../shared/contract/index.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { copyText } from '../../parts/Copy.tsx';
import { cx } from '../../parts/cx.ts';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Time } from '../../parts/figures.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import tabsCss from '../../parts/PageTabs.module.css';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { rich, t } from '../../strings/text.ts';
import { forgetSecret, isSecretShown, type Secret } from './secret.ts';
import { useNow } from '../../data/now.ts';
import css from './access.module.css';

/**
 * A new key, shown once. It stands in the place of every page until somebody says that it is copied: wherever one
 * goes meanwhile, the question comes first.
 */
export default function SecretPage({ secret }: { readonly secret: Secret }): ReactNode {
  const { key, token, replaced, from } = secret;
  const path = usePathname();
  const search = useSearch();
  const here = search === '' ? path : `${path}?${search.replace(/^\?/, '')}`;
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    globalThis.addEventListener('beforeunload', ask);
    return () => globalThis.removeEventListener('beforeunload', ask);
  }, []);
  const done = (): void => {
    forgetSecret();
    navigate(`/access/keys/${key.id}`);
  };
  return (
    <>
      <PageHeader
        title={t(replaced === null ? 'secret.title' : 'secret.rotatedTitle', { name: key.name })}
        parent={{ label: t('keys.title'), to: '/access/keys' }}
      />
      <ErrorStrip flush tone="blue" sentence={t('secret.once')} />
      <div className={cx(tabsCss.page, css.page)}>
        <Section title={t('secret.key')}>
          <div className={css.secret}>
            <code className={css.token}>{token}</code>
            <ReasonButton
              variant={copied ? 'default' : 'filled'}
              onClick={() => void copyText(token).then(setCopied)}
            >
              {t(copied ? 'secret.copied' : 'secret.copy')}
            </ReasonButton>
            <ReasonButton variant={copied ? 'filled' : 'default'} onClick={done}>
              {t('secret.done')}
            </ReasonButton>
          </div>
        </Section>
        {replaced !== null && (
          <Section title={t('secret.old')}>
            <OldKey old={replaced} />
          </Section>
        )}
        <Facts
          facts={[
            [t('keys.owner'), key.principal_name],
            [t('people.role'), t(`role.${key.role}`)],
            [t('keys.scopes'), key.scopes.map((scope) => t(`keys.scope.${scope}`)).join(', ')],
            [
              t('keys.ends'),
              key.expires_at === null ? t('keys.endsNever') : <Time key="ends" at={key.expires_at} />,
            ],
          ]}
        />
        <Section title={t('secret.usedSo')}>
          <pre className={css.command}>
            {`curl ${location.origin}/v1/models -H "Authorization: Bearer $MODELOPS_KEY"`}
          </pre>
        </Section>
      </div>
      {here !== from && (
        <Confirm
          title={t('secret.leaveTitle')}
          keep={t('secret.stay')}
          verb={t('secret.leave')}
          busyVerb={t('secret.leave')}
          onConfirm={() => {
            forgetSecret();
            return Promise.resolve();
          }}
          onClose={() => isSecretShown() && navigate(from, { replace: true })}
        >
          <p>{t('secret.leaveBody', { name: key.name })}</p>
        </Confirm>
      )}
    </>
  );
}

function OldKey({ old }: { readonly old: Key }): ReactNode {
  const now = useNow(60_000);
  const ended = old.expires_at !== null && Date.parse(old.expires_at) <= now;
  return (
    <p>
      {ended || old.revoked_at !== null
        ? t('secret.oldEnded', { last4: old.last4 })
        : rich('secret.oldEnds', { last4: old.last4, time: <Time key="time" at={old.expires_at} /> })}
    </p>
  );
}
