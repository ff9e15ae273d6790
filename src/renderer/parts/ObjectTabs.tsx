import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { t } from '../strings/text.ts';
import css from './ObjectTabs.module.css';

/** The tabs of the page of one object, the first at its own address, and its facts at the right. */
export function ObjectTabs<T extends string>({
  path,
  tab,
  tabs,
  labelOf,
  facts,
  children,
}: {
  /** Of the first tab; the others are below it. */
  readonly path: string;
  readonly tab: string;
  readonly tabs: readonly T[];
  readonly labelOf: (tab: T) => string;
  /** Null where the tab needs the whole width. */
  readonly facts: ReactNode;
  /** A `Tabs.Panel` for each tab. */
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={css.columns}>
      <Tabs
        className={css.tabs ?? ''}
        value={tab}
        onChange={(value) => navigate(value === null || value === tabs[0] ? path : `${path}/${value}`)}
        keepMounted={false}
      >
        <Tabs.List>
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {labelOf(one)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {children}
      </Tabs>
      {facts !== null && (
        <aside className={css.rail} aria-label={t('facts.title')}>
          {facts}
        </aside>
      )}
    </div>
  );
}
