import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { NotFound } from '../../app/NotFound.tsx';
import type { AppError } from '../../../shared/contract/index.ts';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import HistoryTab from '../models/HistoryTab.tsx';
import pageCss from '../models/ModelPage.module.css';
import css from './access.module.css';

const PARTS = ['overview', 'history'] as const;

interface Answer<T> {
  readonly data: T | undefined;
  readonly error: AppError | null;
  readonly refresh: () => void;
}

/** The page of one person, group, key or credential: header, overview and history, facts at the right. */
export function ObjectPage<T>({
  id,
  path,
  part = 'overview',
  parent,
  subject,
  answer,
  title,
  headerFacts,
  actions,
  strip,
  facts,
  children,
}: {
  readonly id: string;
  /** Of its overview. */
  readonly path: string;
  readonly part: string | undefined;
  readonly parent: { readonly label: string; readonly to: string };
  /** Of its journal rows: `key:...`. */
  readonly subject: string;
  readonly answer: Answer<T>;
  readonly title: (object: T) => string;
  readonly headerFacts: (object: T) => ReactNode;
  readonly actions: (object: T) => ReactNode;
  /** What is wrong with it, under the header. */
  readonly strip?: (object: T) => ReactNode;
  readonly facts: (object: T) => ReactNode;
  readonly children: (object: T) => ReactNode;
}): ReactNode {
  const { data, error } = answer;
  const unknown = !(PARTS as readonly string[]).includes(part);
  if (error?.code === 'not_found' || error?.code === 'invalid_argument' || unknown)
    return <NotFound parent={parent} />;
  if (data === undefined)
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
                <ReasonButton size="xs" onClick={answer.refresh}>
                  {t('action.retry')}
                </ReasonButton>
              }
            />
          </div>
        )}
      </>
    );
  return (
    <>
      <PageHeader title={title(data)} parent={parent} facts={headerFacts(data)}>
        {actions(data)}
      </PageHeader>
      {error !== null && <ErrorStrip flush tone="warn" sentence={t('list.failed')} hint={error.message} />}
      {strip?.(data)}
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
            <div className={css.stack}>{children(data)}</div>
            <div className={pageCss.folded}>{facts(data)}</div>
          </Tabs.Panel>
          <Tabs.Panel value="history" className={pageCss.panel ?? ''} tabIndex={0}>
            <HistoryTab subject={subject} />
          </Tabs.Panel>
        </Tabs>
        <aside className={pageCss.rail} aria-label={t('facts.title')}>
          {facts(data)}
        </aside>
      </div>
    </>
  );
}
