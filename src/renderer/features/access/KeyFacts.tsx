import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Key } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { formatCount } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import { ofLimit } from './Marks.tsx';

/** What there is to know about a key at a glance. */
export function KeyFacts({ of: key }: { readonly of: Key }): ReactNode {
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={key.id} what={t('what.id')}>
            <span className="mono">{key.id}</span>
          </Copy>,
        ],
        [
          t('keys.owner'),
          <Link key="owner" href={`/access/people/${key.principal_id}`}>
            {key.principal_name}
          </Link>,
        ],
        [t('people.role'), t(`role.${key.role}`)],
        [t('keys.scopes'), key.scopes.map((scope) => t(`keys.scope.${scope}`)).join(', ')],
        [t('keys.kind'), t(`keys.kind.${key.kind}`)],
        [t('keys.rate'), limitWords(key.rate_limit_per_minute)],
        [t('keys.budget'), limitWords(key.daily_token_budget)],
        [t('keys.col.calls'), <Count key="calls" value={key.today.calls} />],
        [t('keys.col.tokens'), ofLimit(key.today.tokens, key.daily_token_budget)],
        [t('keys.ends'), key.expires_at === null ? t('keys.never') : <Time key="ends" at={key.expires_at} />],
        [t('keys.lastUsed'), <Time key="used" at={key.last_used_at} as="ago" reason={t('keys.neverUsed')} />],
        [t('keys.created'), <Time key="created" at={key.created_at} />],
      ]}
    />
  );
}

function limitWords(limit: number | null): string {
  return limit === null ? t('keys.noLimit') : formatCount(limit);
}
