import type { ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Time } from '../../parts/figures.tsx';
import { t } from '../../strings/text.ts';
import css from './credentials.module.css';

/** What there is to know about a credential at a glance. */
export function CredentialFacts({ of: credential }: { readonly of: Credential }): ReactNode {
  const { allowed_ranges: ranges } = credential;
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={credential.id} what={t('what.id')}>
            <span className="mono">{credential.id}</span>
          </Copy>,
        ],
        [t('credentials.col.provider'), t(`provider.${credential.provider}`)],
        [
          t('credentials.col.base'),
          <span key="base" className={css.wrap}>
            {credential.api_base_url}
          </span>,
        ],
        [t('credentials.scope'), t(`credentials.scope.${credential.credential_scope}`)],
        [t('credentials.col.owner'), credential.owner_name],
        [t('credentials.allowed'), ranges.length === 0 ? t('credentials.allowedNone') : ranges.join(', ')],
        [t('credentials.version'), t('credentials.versionNote', { version: credential.version })],
        [t('fact.created'), <Time key="created" at={credential.created_at} />],
        [t('credentials.changed'), <Time key="changed" at={credential.updated_at} />],
      ]}
    />
  );
}
