import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { NotFound } from '../../app/NotFound.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { t } from '../../strings/text.ts';
import { ExplainTab } from './ExplainTab.tsx';
import { GroupPage } from './GroupPage.tsx';
import { GroupsTab } from './GroupsTab.tsx';
import { KeyPage } from './KeyPage.tsx';
import { KeysTab } from './KeysTab.tsx';
import { PeopleTab } from './PeopleTab.tsx';
import { PersonPage } from './PersonPage.tsx';
import css from './access.module.css';

const TABS = ['people', 'groups', 'keys', 'explain'] as const;
type AccessTab = (typeof TABS)[number];

/** Who may do what: people and services, groups, keys, and why a call is or is not let in. */
export default function AccessPage({
  tab,
  id,
  part,
}: {
  readonly tab: string;
  readonly id: string | undefined;
  /** Of the page of one object. */
  readonly part: string | undefined;
}): ReactNode {
  if (!isTab(tab) || (id !== undefined && tab === 'explain')) return <NotFound />;
  if (id !== undefined) {
    const ObjectPage = { people: PersonPage, groups: GroupPage, keys: KeyPage, explain: NotFound }[tab];
    return <ObjectPage key={id} id={id} part={part} />;
  }
  const List = { people: PeopleTab, groups: GroupsTab, keys: KeysTab, explain: ExplainTab }[tab];
  return <List key={tab} />;
}

function isTab(tab: string): tab is AccessTab {
  return (TABS as readonly string[]).includes(tab);
}

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
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`access.tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((one) => (
          <Tabs.Panel key={one} value={one} className={one === tab ? (css.panel ?? '') : ''}>
            {one === tab && children}
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}
