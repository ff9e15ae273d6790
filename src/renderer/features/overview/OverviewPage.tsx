import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import { useStore } from 'zustand';
import type { Model, Slot } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { useFailedJobs } from '../../app/JobsTray.tsx';
import { keysQuery } from '../../data/access.ts';
import { useConnection } from '../../data/connection.ts';
import { credentialsQuery } from '../../data/credentials.ts';
import { desktop } from '../../data/desktop.ts';
import { hasEnded, liveStore, useJobs, useSlots } from '../../data/live.ts';
import { useModelList, useModels } from '../../data/models.ts';
import { useSystem } from '../../data/node.ts';
import { useNow } from '../../data/now.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Digest, Time } from '../../parts/figures.tsx';
import { formatCount, formatTime } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { keyState, restOf } from '../access/words.ts';
import { SampleButton } from '../add-model/SampleButton.tsx';
import { credentialState } from '../credentials/words.ts';
import { modelTitle } from '../models/words.ts';
import { isDown, slotStateWords } from '../slots/words.ts';
import { Latest } from './Latest.tsx';
import { Machine } from './Machine.tsx';
import { UserOverview } from './UserOverview.tsx';
import { verdict, waiting, type NodeFacts, type Waiting } from './verdict.ts';
import css from './OverviewPage.module.css';

const MOST_WAITING = 7;

/** Everything one wants to know at a glance, the worst first. */
export default function OverviewPage(): ReactNode {
  const mayAdd = useMay('superadmin');
  const mayAdmin = useMay('admin');
  return (
    <>
      <PageHeader title={t('place.overview')}>
        {mayAdd && (
          <ReasonButton changes onClick={() => openDialog({ kind: 'add-model' })}>
            {t('add.title')}
          </ReasonButton>
        )}
      </PageHeader>
      <div className={css.page}>{mayAdmin ? <NodeOverview /> : <UserOverview />}</div>
    </>
  );
}

function NodeOverview(): ReactNode {
  const slots = useSlots();
  const jobs = useJobs();
  const failedJobs = useFailedJobs();
  const list = useModelList({});
  const models = useModels(list.data?.ids ?? []);
  const { data: system } = useSystem();
  const access = useAccessTroubles();
  const liveError = useStore(liveStore, (live) => live.error);
  const { phase } = useConnection();
  const error = list.error ?? liveError;
  if (slots === null || jobs === null || list.data === undefined)
    return error === null ? (
      <Pending />
    ) : (
      <div className={css.refusal}>
        <Refusal error={error} alert={false} />
      </div>
    );
  const facts = { slots, failedJobs, models, system, ...access };
  const running = jobs.filter((job) => !hasEnded(job));
  const waits = waiting(facts);
  const judged = verdict(facts, running.length);
  return (
    <>
      {phase === 'stale' ? <AgentGone /> : <VerdictLine judged={judged} empty={models.length === 0} />}
      <div className={css.columns}>
        <div className={css.left}>
          {waits.length > 0 && <Waits rows={waits} />}
          <Serving slots={slots} />
        </div>
        <div className={css.right}>
          <Section title={t('overview.inProgress')} facts={t('overview.jobs', { count: running.length })}>
            {running.length === 0 ? (
              <p className={css.none}>{t('overview.nothingRuns')}</p>
            ) : (
              <ul>
                {running.map((job) => (
                  <li key={job.id} className={css.job}>
                    <JobProgress job={job} title={<Link href={`/jobs/${job.id}`}>{job.title}</Link>} />
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Machine />
          <Latest />
        </div>
      </div>
    </>
  );
}

/** Keys about to end and credentials that fail, as far as whoever looks may know of them. */
function useAccessTroubles(): Pick<NodeFacts, 'endingKeys' | 'failingCredentials'> {
  const superadmin = useMay('superadmin');
  const now = useNow(60_000);
  const { data: keys } = useQuery(superadmin ? keysQuery() : null);
  const { data: credentials } = useQuery(credentialsQuery());
  return {
    endingKeys: (keys?.rows ?? [])
      .filter((key) => keyState(key, now) === 'soon' && key.replaced_by === null)
      .map((key) => ({ key, rest: restOf(key, now) })),
    failingCredentials: (credentials?.rows ?? []).filter((one) => credentialState(one) === 'fails'),
  };
}

function VerdictLine({
  judged,
  empty,
}: {
  readonly judged: ReturnType<typeof verdict>;
  readonly empty: boolean;
}): ReactNode {
  const mayAdd = useMay('superadmin');
  const state = ({ ok: 'loaded', warn: 'reconciling', bad: 'error', idle: 'empty' } as const)[judged.tone];
  return (
    <div className={css.verdict} data-verdict={judged.tone}>
      <StateMark axis="load" state={state} wordless size={16} />
      <p className={css.sentence}>{judged.sentence}</p>
      {judged.fix !== null && <FixButton row={judged.fix} filled />}
      {judged.tone === 'idle' && mayAdd && (
        <>
          <SampleButton filled={empty} />
          {empty ? (
            <ReasonButton changes onClick={() => openDialog({ kind: 'add-model' })}>
              {t('overview.import')}
            </ReasonButton>
          ) : (
            <ReasonButton variant="filled" onClick={() => navigate('/models')}>
              {t('overview.seeModels')}
            </ReasonButton>
          )}
        </>
      )}
    </div>
  );
}

/** The agent has not answered for a while: what is below is old, and what serves goes on. */
function AgentGone(): ReactNode {
  const { heardAt, lostAt } = useConnection();
  const now = useNow();
  const since = new Date(heardAt ?? lostAt ?? now).toISOString();
  const command = t('unreachable.command');
  return (
    <div className={css.verdict} data-verdict="gone">
      <StateMark axis="load" state="error" wordless size={16} />
      <p className={css.sentence}>{t('overview.agentGone', { time: formatTime(since, now) })}</p>
      {desktop === null ? (
        <Copy value={command} what={t('what.command')}>
          <code>{command}</code>
        </Copy>
      ) : (
        <ReasonButton variant="filled" onClick={() => void desktop?.startAgent()}>
          {t('unreachable.start')}
        </ReasonButton>
      )}
    </div>
  );
}

function FixButton({ row, filled = false }: { readonly row: Waiting; readonly filled?: boolean }): ReactNode {
  return (
    <ReasonButton
      variant={filled ? 'filled' : 'default'}
      size={filled ? 'sm' : 'xs'}
      aria-label={`${row.button}: ${row.sentence}`}
      onClick={() => {
        if (row.opens === undefined) navigate(row.to);
        else openDialog({ kind: 'load', modelId: row.opens.loadModel });
      }}
    >
      {row.button}
    </ReasonButton>
  );
}

function Waits({ rows }: { readonly rows: readonly Waiting[] }): ReactNode {
  return (
    <Section title={t('overview.waits')} facts={formatCount(rows.length)}>
      <ul>
        {rows.slice(0, MOST_WAITING).map((row) => (
          <li key={row.id} className={css.row} data-waits={row.id}>
            <WaitingMark row={row} />
            <span className={css.grow} title={row.sentence}>
              {row.sentence}
            </span>
            <span className={css.dim}>{row.since === null ? '' : <Time at={row.since} as="since" />}</span>
            <FixButton row={row} />
          </li>
        ))}
      </ul>
      {rows.length > MOST_WAITING && (
        <p className={css.none}>{t('overview.moreWaits', { count: rows.length - MOST_WAITING })}</p>
      )}
    </Section>
  );
}

function WaitingMark({ row }: { readonly row: Waiting }): ReactNode {
  switch (row.kind) {
    case 'slot':
      return <StateMark axis="load" state="error" wordless size={12} />;
    case 'job':
      return <StateMark axis="job" state="failed" wordless size={12} />;
    case 'stale':
      return <StateMark axis="validation" state="stale" wordless size={12} />;
    case 'artifact':
      return <StateMark axis="artifact" state="missing" wordless size={12} />;
    case 'unloaded':
      return <StateMark axis="load" state="empty" wordless size={12} />;
    case 'database':
    case 'secrets':
    case 'key':
    case 'credential':
      return <StateMark axis="check" state={row.harm === 'bad' ? 'failed' : 'warning'} wordless size={12} />;
  }
}

function Serving({ slots }: { readonly slots: readonly Slot[] }): ReactNode {
  // What is down stands above, where it waits for somebody.
  const holding = slots.filter((slot) => !isDown(slot) && slot.load_state !== 'empty');
  const serving = slots.filter((slot) => slot.load_state === 'loaded').length;
  const models = useModels(
    holding.flatMap((slot) => slot.loaded_managed_model_id ?? slot.assigned_model_id ?? []),
  );
  return (
    <Section
      title={t('overview.serving')}
      facts={slots.length === 0 ? undefined : t('overview.ofSlots', { serving, count: slots.length })}
    >
      {holding.length === 0 ? (
        <p className={css.none}>{slots.length === 0 ? t('slots.empty') : t('overview.nothingServed')}</p>
      ) : (
        <ul>
          {holding.map((slot) => {
            const id = slot.loaded_managed_model_id ?? slot.assigned_model_id;
            const model = models.find((one) => one.id === id);
            return (
              <li key={slot.id} className={css.serving} data-serving={slot.id}>
                <StateMark axis="load" state={slot.load_state} wordless size={12} />
                <Link href={`/slots/${slot.id}`} className={css.strong} title={slot.id}>
                  {slot.id}
                </Link>
                <Link href={`/models/${id ?? ''}`} className={css.model} title={id ?? ''}>
                  {model === undefined ? id : modelTitle(model)}
                </Link>
                <Digest value={model?.checksum ?? null} />
                <span className={css.end}>
                  {slot.load_state === 'loaded'
                    ? t('overview.inFlight', { count: slot.requests_in_flight })
                    : slotStateWords(slot)}
                </span>
                <Calls model={model} />
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}

/** The sample says what it is instead of a count. */
function Calls({ model }: { readonly model: Model | undefined }): ReactNode {
  if (model?.is_sample === true)
    return (
      <span className={css.end} title={t('overview.sampleTitle')}>
        {t('overview.sample')}
      </span>
    );
  return (
    <span className={css.end} title={t('overview.callsTitle')}>
      {model === undefined ? null : t('overview.calls', { count: model.usage_summary.total.calls })}
    </span>
  );
}
