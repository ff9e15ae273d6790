import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { AppError } from '../../../shared/contract/index.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import HistoryTab from '../models/HistoryTab.tsx';
import pageCss from '../models/ModelPage.module.css';
import css from './access.module.css';

const PARTS = ['overview', 'history'] as const;

/** What the address says about the page of one object. */
export interface ObjectPath {
  readonly id: string;
  readonly part?: string | undefined;
}

interface Parent {
  readonly label: string;
  readonly to: string;
}

function isGone(error: AppError | null): boolean {
  return error?.code === 'not_found' || error?.code === 'invalid_argument';
}

/** Before an object was read, or where there is none. */
export function NotThere({
  id,
  parent,
  answer: { error, refresh },
}: {
  readonly id: string;
  readonly parent: Parent;
  readonly answer: { readonly error: AppError | null; readonly refresh: () => void };
}): ReactNode {
  if (isGone(error)) return <NotFound parent={parent} />;
  return (
    <>
      <PageHeader title={id} parent={parent} />
      {error === null ? (
        <Pending />
      ) : (
        <div className={pageCss.refusal}>
          <Refusal
            error={error}
            actions={
              <ReasonButton size="xs" onClick={refresh}>
                {t('action.retry')}
              </ReasonButton>
            }
          />
        </div>
      )}
    </>
  );
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
      <div className={pageCss.columns}>
        <Tabs
          className={pageCss.tabs ?? ''}
          value={part}
          onChange={(value) => navigate(value === 'history' ? `${path}/history` : path)}
          keepMounted={false}
        >
          <Tabs.List>
            {PARTS.map((one) => (
              <Tabs.Tab key={one} value={one}>
                {t(`access.object.${one}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="overview" className={pageCss.panel ?? ''} tabIndex={0}>
            <div className={css.stack}>{children}</div>
            <div className={pageCss.folded}>{facts}</div>
          </Tabs.Panel>
          <Tabs.Panel value="history" className={pageCss.panel ?? ''} tabIndex={0}>
            <HistoryTab subject={subject} />
          </Tabs.Panel>
        </Tabs>
        <aside className={pageCss.rail} aria-label={t('facts.title')}>
          {facts}
        </aside>
      </div>
    </>
  );
}
