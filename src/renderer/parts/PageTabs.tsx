import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import css from './PageTabs.module.css';

/** The tabs of a place, each at its own address and with the whole width. */
export function PageTabs<T extends string>({
  label,
  tab,
  tabs,
  labelOf,
  pathOf,
  children,
}: {
  readonly label: string;
  readonly tab: T;
  readonly tabs: readonly T[];
  readonly labelOf: (tab: T) => string;
  readonly pathOf: (tab: T) => string;
  /** What the open tab holds. */
  readonly children: ReactNode;
}): ReactNode {
  return (
    <Tabs
      className={css.tabs ?? ''}
      value={tab}
      onChange={(value) => navigate(pathOf((value ?? tab) as T))}
      keepMounted={false}
    >
      <Tabs.List aria-label={label}>
        {tabs.map((one) => (
          <Tabs.Tab key={one} value={one}>
            {labelOf(one)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map((one) => (
        <Tabs.Panel key={one} value={one} className={one === tab ? (css.panel ?? '') : ''}>
          {one === tab && children}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
