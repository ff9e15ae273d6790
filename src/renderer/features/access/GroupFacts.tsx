import type { ReactNode } from 'react';
import type { Group } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Count, Time } from '../../parts/figures.tsx';
import { t } from '../../strings/text.ts';

/** What there is to know about a group at a glance. */
export function GroupFacts({ of: group }: { readonly of: Group }): ReactNode {
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={group.id} what={t('what.id')}>
            <span className="mono">{group.id}</span>
          </Copy>,
        ],
        [
          t('groups.members'),
          group.members.length === 0
            ? t('access.none')
            : group.members.map((member) => member.name).join(', '),
        ],
        [t('groups.models'), <Count key="models" value={group.model_count} />],
        [t('groups.col.created'), <Time key="created" at={group.created_at} />],
      ]}
    />
  );
}
