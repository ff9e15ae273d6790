import type { ReactNode } from 'react';
import { NotFound } from '../../app/NotFound.tsx';
import { ACCESS_TABS, type AccessTab } from './AccessFrame.tsx';
import { ExplainTab } from './ExplainTab.tsx';
import { GroupPage } from './GroupPage.tsx';
import { GroupsTab } from './GroupsTab.tsx';
import { KeyPage } from './KeyPage.tsx';
import { KeysTab } from './KeysTab.tsx';
import { PeopleTab } from './PeopleTab.tsx';
import { PersonPage } from './PersonPage.tsx';

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
  return (ACCESS_TABS as readonly string[]).includes(tab);
}
