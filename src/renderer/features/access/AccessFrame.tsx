import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { t } from '../../strings/text.ts';
import css from './access.module.css';

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
      <Tabs
        className={css.tabs ?? ''}
        value={tab}
        onChange={(value) => navigate(`/access/${value ?? 'people'}`)}
        keepMounted={false}
      >
        <Tabs.List aria-label={t('access.tabs')}>
          {ACCESS_TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`access.tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {ACCESS_TABS.map((one) => (
          <Tabs.Panel key={one} value={one} className={one === tab ? (css.panel ?? '') : ''}>
            {one === tab && children}
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}
