import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Runtime } from '../../../shared/contract/index.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { openDialog } from '../../app/dialogs.ts';
import { useSlots } from '../../data/live.ts';
import { usePolled } from '../../data/lists.ts';
import { useQuery } from '../../data/queries.ts';
import { runtimeListQuery } from '../../data/runtimes.ts';
import { useMay } from '../../data/session.ts';
import { Copy } from '../../parts/Copy.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Digest, Time } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { NotThere } from '../../parts/NotThere.tsx';
import tabsCss from '../../parts/ObjectTabs.module.css';
import { ObjectTabs } from '../../parts/ObjectTabs.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import HistoryTab from '../models/HistoryTab.tsx';
import { ContainerTab } from './ContainerTab.tsx';
import { Availability } from './RuntimesPage.tsx';
import css from './runtimes.module.css';

/** One runtime: whether it can run here, what it takes, who uses it, and the container it would make. */
export default function RuntimePage({
  id,
  tab = 'overview',
}: {
  readonly id: string;
  readonly tab?: string | undefined;
}): ReactNode {
  const answer = useQuery(runtimeListQuery);
  usePolled(runtimeListQuery.key);
  const superadmin = useMay('superadmin');
  const parent = { label: t('place.runtimes'), to: '/runtimes' };
  const runtime = answer.data?.runtimes.find((one) => one.id === id);
  const tabs = superadmin
    ? (['overview', 'container', 'history'] as const)
    : (['overview', 'history'] as const);
  if (answer.data === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  if (runtime === undefined || !(tabs as readonly string[]).includes(tab))
    return <NotFound parent={parent} />;
  const facts = <RuntimeFacts runtime={runtime} />;
  return (
    <>
      <PageHeader
        title={runtime.id}
        parent={parent}
        facts={
          <>
            <span>{runtime.name}</span>
            <Availability runtime={runtime} />
          </>
        }
      >
        {superadmin && (
          <ReasonButton changes onClick={() => openDialog({ kind: 'new-slot' })}>
            {t('runtimes.newSlot')}
          </ReasonButton>
        )}
      </PageHeader>
      {answer.error !== null && (
        <ErrorStrip flush tone="warn" sentence={t('list.failed')} hint={answer.error.message} />
      )}
      <ObjectTabs
        path={`/runtimes/${id}`}
        tab={tab}
        tabs={tabs}
        labelOf={(one) => t(`runtimes.tab.${one}`)}
        facts={tab === 'container' ? null : facts}
      >
        <Tabs.Panel value="overview" className={tabsCss.panel ?? ''} tabIndex={0}>
          <div className={css.stack}>
            <Overview runtime={runtime} />
          </div>
          <div className={tabsCss.folded}>{facts}</div>
        </Tabs.Panel>
        {superadmin && (
          <Tabs.Panel value="container" className={tabsCss.panel ?? ''} tabIndex={0}>
            <ContainerTab key={id} runtime={runtime} />
          </Tabs.Panel>
        )}
        <Tabs.Panel value="history" className={tabsCss.panel ?? ''} tabIndex={0}>
          <HistoryTab subject={`runtime:${id}`} />
        </Tabs.Panel>
      </ObjectTabs>
    </>
  );
}

function Overview({ runtime }: { readonly runtime: Runtime }): ReactNode {
  const slots = (useSlots() ?? []).filter((slot) => slot.runtime_spec === runtime.id);
  const { unavailable } = runtime;
  return (
    <>
      <p>{runtime.description}</p>
      {unavailable !== null && (
        <ErrorStrip
          tone="warn"
          mark={<StateMark axis="check" state="warning" wordless />}
          sentence={<Sentence text={unavailable.message} />}
          hint={<Sentence text={unavailable.hint} />}
          actions={<UnavailableFix runtime={runtime} />}
        />
      )}
      <Section title={t('runtimes.settings')}>
        {runtime.settings.length === 0 ? (
          <p className={css.dim}>{t('runtimes.noSettings')}</p>
        ) : (
          <p className={css.settings}>
            {runtime.settings.map((setting) => (
              <code key={setting}>{setting}</code>
            ))}
          </p>
        )}
      </Section>
      <Section title={t('runtimes.slots')} facts={slots.length === 0 ? undefined : String(slots.length)}>
        {slots.length === 0 ? (
          <p className={css.dim}>{t('runtimes.noSlots')}</p>
        ) : (
          <SimpleTable
            label={t('runtimes.slots')}
            head={[t('slots.title'), t('runtimes.col.state'), t('runtimes.col.image')]}
            rows={slots.map((slot) => ({
              id: slot.id,
              cells: [
                <Link key="slot" href={`/slots/${slot.id}`}>
                  {slot.id}
                </Link>,
                <StateMark key="state" axis="load" state={slot.load_state} size={12} />,
                <span key="image" className={css.reference}>
                  {slot.config.image ?? runtime.image ?? UNKNOWN}
                </span>,
              ],
            }))}
          />
        )}
      </Section>
    </>
  );
}

/** The way out that is one button away. */
function UnavailableFix({ runtime }: { readonly runtime: Runtime }): ReactNode {
  const mayAct = useMay('superadmin');
  if (!mayAct || runtime.unavailable?.error !== 'image_missing') return null;
  return (
    <>
      <ReasonButton
        size="xs"
        changes
        onClick={() => openDialog({ kind: 'images', ask: 'pull', reference: runtime.image })}
      >
        {t('images.pull')}
      </ReasonButton>
      <ReasonButton
        size="xs"
        changes
        onClick={() => openDialog({ kind: 'images', ask: 'import', reference: null })}
      >
        {t('images.import')}
      </ReasonButton>
    </>
  );
}

function RuntimeFacts({ runtime }: { readonly runtime: Runtime }): ReactNode {
  const isContainer = runtime.driver === 'docker';
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={runtime.id} what={t('what.id')}>
            <span className="mono">{runtime.id}</span>
          </Copy>,
        ],
        [t('runtimes.driver'), t(`runtimes.driver.${runtime.driver}`)],
        [t('runtimes.col.device'), t(`runtimes.device.${runtime.device}`)],
        [t('runtimes.capabilities'), runtime.capabilities.map((one) => t(`capability.${one}`)).join(', ')],
        [t('runtimes.formats'), runtime.formats.join(', ')],
        [t('runtimes.version'), runtime.version ?? UNKNOWN],
        ...(isContainer
          ? ([
              [
                t('runtimes.col.image'),
                <span key="image" className={css.wrap}>
                  {runtime.image ?? t('runtimes.ownImage')}
                </span>,
              ],
              [
                t('runtimes.imageId'),
                runtime.image_id === null ? (
                  UNKNOWN
                ) : (
                  <Copy key="imageId" value={runtime.image_id} what={t('what.digest')}>
                    <Digest value={runtime.image_id} scheme />
                  </Copy>
                ),
              ],
              [
                t('runtimes.verified'),
                t(runtime.verified ? 'runtimes.verified.yes' : 'runtimes.verified.no'),
              ],
              [t('runtimes.transport'), t(`runtimes.transport.${runtime.transport}`)],
            ] as const)
          : []),
        [t('runtimes.origin'), t(`runtimes.origin.${runtime.origin}`)],
        [t('runtimes.observed'), <Time key="observed" at={runtime.observed_at} as="ago" />],
      ]}
    />
  );
}
