import type { ReactNode } from 'react';
import type { Principal } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { t } from '../../strings/text.ts';

/** What there is to know about somebody at a glance. */
export function PersonFacts({ of: principal }: { readonly of: Principal }): ReactNode {
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={principal.id} what={t('what.id')}>
            <span className="mono">{principal.id}</span>
          </Copy>,
        ],
        [t('people.shown'), principal.display_name],
        [t('people.kind'), t(`people.kind.${principal.kind}`)],
        [t('people.role'), t(`role.${principal.role}`)],
        [t('people.keys'), <Count key="keys" value={principal.key_count} />],
        [
          t('people.groups'),
          principal.groups.length === 0
            ? t('access.none')
            : principal.groups.map((group) => group.name).join(', '),
        ],
        [
          t('people.lastSeen'),
          <Time key="seen" at={principal.last_seen_at} as="ago" reason={t('people.neverSeen')} />,
        ],
        [t('people.created'), <Time key="created" at={principal.created_at} />],
      ]}
    />
  );
}
