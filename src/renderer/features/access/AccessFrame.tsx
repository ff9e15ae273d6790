import type { ReactNode } from 'react';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { PageTabs } from '../../parts/PageTabs.tsx';
import { t } from '../../strings/text.ts';

export const ACCESS_TABS = ['people', 'groups', 'keys', 'explain'] as const;
export type AccessTab = (typeof ACCESS_TABS)[number];

/** Header and tabs around one list. */
export function AccessFrame({
  tab,
  facts,
  actions,
  children,
}: {
  readonly tab: AccessTab;
  readonly facts?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <>
      <PageHeader title={t('place.access')} facts={facts}>
        {actions}
      </PageHeader>
      <PageTabs
        label={t('access.tabs')}
        tab={tab}
        tabs={ACCESS_TABS}
        labelOf={(one) => t(`access.tab.${one}`)}
        pathOf={(one) => `/access/${one}`}
      >
        {children}
      </PageTabs>
    </>
  );
}
