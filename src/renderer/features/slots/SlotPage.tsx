import { Tabs } from '@mantine/core';
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useStore } from 'zustand';
import type { Slot } from '../../../shared/contract/index.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { liveStore, useSlot } from '../../data/live.ts';
import { modelListQuery, useModelDetail } from '../../data/models.ts';
import { useQuery } from '../../data/queries.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts, type Fact } from '../../parts/Facts.tsx';
import { Bytes, Count, Duration, Time } from '../../parts/figures.tsx';
import { formatCount } from '../../parts/format.ts';
import tabsCss from '../../parts/ObjectTabs.module.css';
import { ObjectTabs } from '../../parts/ObjectTabs.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { CallIt } from '../models/CallIt.tsx';
import HistoryTab from '../models/HistoryTab.tsx';
import { SlotActions } from './SlotActions.tsx';
import { SlotError } from './SlotError.tsx';
import { SlotHolds, SlotState } from './SlotStatus.tsx';
import { SlotMemory } from './SlotMemory.tsx';
import { SlotThroughput } from './SlotThroughput.tsx';
import { settingName } from './words.ts';
import css from './SlotPage.module.css';

const BenchmarksTab = lazy(() => import('../benchmarks/BenchmarksTab.tsx'));
const ConfigTab = lazy(() => import('./editor/ConfigTab.tsx'));
const LogsTab = lazy(() => import('./LogsTab.tsx'));
const TerminalTab = lazy(() => import('./TerminalTab.tsx'));

const TABS = ['overview', 'config', 'logs', 'terminal', 'benchmarks', 'history'] as const;

/** Their content needs the whole width. */
const WIDE_TABS: ReadonlySet<string> = new Set(['config', 'logs', 'terminal', 'benchmarks']);

/** One slot: its state, its settings, its logs. */
export default function SlotPage({
  id,
  tab = 'overview',
}: {
  readonly id: string;
  readonly tab: string | undefined;
}): ReactNode {
  const slot = useSlot(id);
  const isRead = useStore(liveStore, (live) => live.slotsAt !== null);
  useQuery(modelListQuery({}));
  const [editorActions, setEditorActions] = useState<HTMLElement | null>(null);
  const parent = { label: t('slots.title'), to: '/slots' };
  if (!(TABS as readonly string[]).includes(tab)) return <NotFound parent={parent} />;
  if (slot === undefined) {
    if (isRead) return <NotFound parent={parent} />;
    return (
      <>
        <PageHeader title={id} parent={parent} />
        <Pending />
      </>
    );
  }
  return (
    <>
      <PageHeader
        title={slot.id}
        parent={parent}
        facts={
          <>
            {slot.display_name !== slot.id && <span>{slot.display_name}</span>}
            <span>
              {t(`capability.${slot.capability}`)}, {slot.runtime_spec}
            </span>
          </>
        }
      >
        {tab === 'config' ? (
          <span ref={setEditorActions} className={css.actions} />
        ) : (
          <SlotActions slot={slot} filled />
        )}
      </PageHeader>
      <div className={css.strip}>
        <SlotState slot={slot} />
        {slot.load_state === 'loaded' && (
          <span>{t('slots.inFlight', { count: slot.requests_in_flight })}</span>
        )}
        {slot.pending_changes.length > 0 && (
          <span>{t('slots.pending', { settings: slot.pending_changes.map(settingName).join(', ') })}</span>
        )}
      </div>
      <ObjectTabs
        path={`/slots/${id}`}
        tab={tab}
        tabs={TABS}
        labelOf={(one) => t(`slot.tab.${one}`)}
        facts={WIDE_TABS.has(tab) ? null : <Facts facts={slotFacts(slot)} />}
      >
        <Tabs.Panel value="overview" className={tabsCss.panel ?? ''} tabIndex={0}>
          <Overview slot={slot} />
        </Tabs.Panel>
        <Tabs.Panel value="config" className={css.editor ?? ''}>
          <Suspense fallback={<Pending />}>
            <ConfigTab slot={slot} actions={editorActions} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="logs" className={css.logs ?? ''}>
          <Suspense fallback={<Pending />}>
            <LogsTab slot={slot} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="terminal" className={css.logs ?? ''}>
          <Suspense fallback={<Pending />}>
            <TerminalTab slot={slot} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="benchmarks" className={tabsCss.panel ?? ''}>
          <Suspense fallback={<Pending />}>
            <BenchmarksTab slot={slot} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="history" className={tabsCss.panel ?? ''} tabIndex={0}>
          <HistoryTab subject={`slot:${slot.id}`} />
        </Tabs.Panel>
      </ObjectTabs>
    </>
  );
}

function Overview({ slot }: { readonly slot: Slot }): ReactNode {
  const { data: model } = useModelDetail(slot.loaded_managed_model_id);
  const callable = model?.requirements?.every((rung) => rung.met) === true;
  return (
    <div className={css.overview}>
      {slot.load_error !== null && slot.load_state !== 'loading' && (
        <SlotError slot={slot} error={slot.load_error} full />
      )}
      <Section title={t('slot.holds')}>
        <SlotHolds slot={slot} />
      </Section>
      <Section title={t('slot.memory')}>
        <div className={css.use}>
          <SlotMemory slot={slot} />
          {slot.load_state === 'loaded' && <SlotThroughput slot={slot} />}
        </div>
      </Section>
      {model !== undefined && callable && <CallIt model={model} />}
      <div className={tabsCss.folded}>
        <Facts facts={slotFacts(slot)} />
      </div>
    </div>
  );
}

function slotFacts(slot: Slot): Fact[] {
  const notRunning = t('slot.notRunning');
  return [
    [
      t('fact.id'),
      <Copy key="id" value={slot.id} what={t('what.id')}>
        <span className="mono">{slot.id}</span>
      </Copy>,
    ],
    [
      t('slot.runtime'),
      <Link key="runtime" href={`/runtimes/${slot.runtime_spec}`}>
        {slot.runtime_spec}
      </Link>,
    ],
    [t('slot.engine'), slot.engine_version ?? <Count key="engine" value={null} reason={notRunning} />],
    [
      t('slot.context'),
      slot.context_length === null ? (
        <Count key="context" value={null} reason={notRunning} />
      ) : (
        t('slot.contextValue', { tokens: formatCount(slot.context_length) })
      ),
    ],
    [t('slot.parallel'), <Count key="parallel" value={slot.parallel} reason={notRunning} />],
    [
      t('slot.memory'),
      <Bytes key="memory" value={slot.measured_memory_bytes} reason={t('slot.notMeasured')} />,
    ],
    [
      t('slot.isolation'),
      slot.isolation === null ? (
        <Count key="isolation" value={null} reason={notRunning} />
      ) : (
        t(`slot.isolation.${slot.isolation}`)
      ),
    ],
    [t('slot.loadTime'), <Duration key="load" value={slot.load_ms} reason={notRunning} />],
    [t('slot.attempts'), <Count key="attempts" value={slot.attempt} />],
    [t('slot.since'), <Time key="since" at={slot.since} />],
    [t('slot.observed'), <Time key="observed" at={slot.observed_at} as="ago" />],
    [t('fact.created'), <Time key="created" at={slot.created_at} />],
  ];
}
