import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import type { AppError } from '../../../shared/contract/index.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { isGone, type Parent } from '../../parts/NotThere.tsx';
import tabsCss from '../../parts/ObjectTabs.module.css';
import { ObjectTabs } from '../../parts/ObjectTabs.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { t } from '../../strings/text.ts';
import HistoryTab from '../models/HistoryTab.tsx';
import css from './access.module.css';

const PARTS = ['overview', 'history'] as const;

/** What the address says about the page of one object. */
export interface ObjectPath {
  readonly id: string;
  readonly part?: string | undefined;
}

/** The page of one person, group, key or credential: header, overview and history, facts at the right. */
export function ObjectPage({
  path,
  part = 'overview',
  parent,
  subject,
  error,
  title,
  headerFacts,
  actions,
  strip,
  facts,
  children,
}: {
  /** Of its overview. */
  readonly path: string;
  readonly part: string | undefined;
  readonly parent: Parent;
  /** Of its journal rows: `key:...`. */
  readonly subject: string;
  /** Why it could not be read again. */
  readonly error: AppError | null;
  readonly title: string;
  readonly headerFacts: ReactNode;
  readonly actions: ReactNode;
  /** What is wrong with it, under the header. */
  readonly strip?: ReactNode;
  readonly facts: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  if (isGone(error) || !(PARTS as readonly string[]).includes(part)) return <NotFound parent={parent} />;
  return (
    <>
      <PageHeader title={title} parent={parent} facts={headerFacts}>
        {actions}
      </PageHeader>
      {error !== null && <ErrorStrip flush tone="warn" sentence={t('list.failed')} hint={error.message} />}
      {strip}
      <ObjectTabs
        path={path}
        tab={part}
        tabs={PARTS}
        labelOf={(one) => t(`access.object.${one}`)}
        facts={facts}
      >
        <Tabs.Panel value="overview" className={tabsCss.panel ?? ''} tabIndex={0}>
          <div className={css.stack}>{children}</div>
          <div className={tabsCss.folded}>{facts}</div>
        </Tabs.Panel>
        <Tabs.Panel value="history" className={tabsCss.panel ?? ''} tabIndex={0}>
          <HistoryTab subject={subject} />
        </Tabs.Panel>
      </ObjectTabs>
    </>
  );
}
