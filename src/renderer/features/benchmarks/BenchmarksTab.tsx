import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { Benchmark, Job, Slot } from '../../../shared/contract/index.ts';
import { AppError } from '../../../shared/contract/errors.ts';
import { openDialog } from '../../app/dialogs.ts';
import { familyBenchmarksQuery, slotBenchmarksQuery } from '../../data/benchmarks.ts';
import { hasEnded, useJobs } from '../../data/live.ts';
import { moreOf, useKept } from '../../data/lists.ts';
import { useNow } from '../../data/now.ts';
import { useMay } from '../../data/session.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatTime } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { RunResult } from './RunResult.tsx';
import { RunTable } from './RunTable.tsx';
import css from './benchmarks.module.css';

/** What was measured on a slot: the newest run or the one that is asked for, former ones, and what compares with it. */
export default function BenchmarksTab({ slot }: { readonly slot: Slot }): ReactNode {
  const query = slotBenchmarksQuery(slot.id);
  const { data, error } = useKept(query);
  const job = useJobs()?.find((one) => one.kind === 'benchmark' && one.subject === `slot:${slot.id}`);
  if (data === undefined) return error === null ? <Pending /> : <Refusal error={error} alert={false} />;
  const [newest] = data.rows;
  return (
    <div className={css.tab}>
      <Measuring slot={slot} job={job} newest={newest} />
      {newest === undefined ? (
        !isMeasuring(job) && <EmptyState>{t('bench.none')}</EmptyState>
      ) : (
        <Runs
          slot={slot}
          runs={data.rows}
          newest={newest}
          onMore={data.next === null ? null : () => moreOf(query)}
        />
      )}
    </div>
  );
}

/** The chosen run, the others of this slot, and those of the same family elsewhere. */
function Runs({
  slot,
  runs,
  newest,
  onMore,
}: {
  readonly slot: Slot;
  readonly runs: readonly Benchmark[];
  readonly newest: Benchmark;
  /** Null when all are here. */
  readonly onMore: (() => void) | null;
}): ReactNode {
  const [search, setSearch] = useSearchParams();
  const run = runs.find(({ id }) => id === search.get('run')) ?? newest;
  const name = run.model_name;
  const { data: family } = useKept(familyBenchmarksQuery(name));
  const elsewhere = (family?.rows ?? []).filter((one) => one.model_name === name && one.slot_id !== slot.id);
  const other = [...runs, ...elsewhere].find(({ id }) => id === search.get('with') && id !== run.id) ?? null;
  const compare = (id: string | null): void =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (id === null) next.delete('with');
        else next.set('with', id);
        return next;
      },
      { replace: true },
    );
  const shared = { chosen: run.id, compared: other?.id ?? null, onCompare: compare };
  return (
    <>
      <Shown run={run} other={other} isNewest={run === newest} />
      <Section title={t('bench.formerHere')}>
        <RunTable label={t('bench.formerHere')} runs={runs} {...shared} />
        {onMore !== null && (
          <div className={css.head}>
            <ReasonButton size="xs" onClick={onMore}>
              {t('bench.more')}
            </ReasonButton>
          </div>
        )}
      </Section>
      <Section title={t('bench.elsewhere', { name })} facts={t('bench.elsewhereNote')}>
        {elsewhere.length === 0 ? (
          <p className={css.note}>{t('bench.nothingElsewhere', { name })}</p>
        ) : (
          <RunTable label={t('bench.elsewhere', { name })} runs={elsewhere} {...shared} />
        )}
      </Section>
    </>
  );
}

function Shown({
  run,
  other,
  isNewest,
}: {
  readonly run: Benchmark;
  readonly other: Benchmark | null;
  readonly isNewest: boolean;
}): ReactNode {
  const now = useNow(60_000);
  return (
    <Section
      title={t('bench.result', { time: formatTime(run.created_at, now) })}
      {...(isNewest ? { facts: t('bench.newest') } : {})}
    >
      <RunResult run={run} other={other} />
    </Section>
  );
}

/** The button, the job while it runs, and why the last one failed until another run is newer. */
function Measuring({
  slot,
  job,
  newest,
}: {
  readonly slot: Slot;
  /** The newest of this slot. */
  readonly job: Job | undefined;
  readonly newest: Benchmark | undefined;
}): ReactNode {
  const mayAct = useMay('superadmin');
  const runs = isMeasuring(job);
  const reason =
    (mayAct ? null : t('slots.needsSuperadmin')) ??
    (slot.capability === 'rerank' ? t('bench.noRerank') : null) ??
    (slot.load_state === 'loaded' ? null : t('bench.notLoaded')) ??
    (runs ? t('bench.runs') : null);
  return (
    <>
      <div className={css.head}>
        <ReasonButton
          variant={newest === undefined ? 'filled' : 'default'}
          changes
          reason={reason}
          onClick={() => openDialog({ kind: 'benchmark', slotId: slot.id })}
        >
          {t('bench.measure')}
        </ReasonButton>
      </div>
      {job !== undefined && runs && (
        <JobProgress
          job={job}
          title={<Link href={`/jobs/${job.id}`}>{job.title}</Link>}
          actions={
            <ReasonButton size="xs" changes onClick={() => openDialog({ kind: 'cancel-job', jobId: job.id })}>
              {t('jobs.cancel')}
            </ReasonButton>
          }
        />
      )}
      {job !== undefined && <Failed job={job} newest={newest} />}
    </>
  );
}

function isMeasuring(job: Job | undefined): boolean {
  return job !== undefined && !hasEnded(job);
}

function Failed({ job, newest }: { readonly job: Job; readonly newest: Benchmark | undefined }): ReactNode {
  const { error } = job;
  if (job.state !== 'failed' || error === null) return null;
  if (newest !== undefined && newest.created_at > job.created_at) return null;
  return (
    <Refusal
      alert={false}
      error={
        new AppError(error.error, error.message, { hint: error.hint ?? '', details: error.details ?? {} })
      }
      actions={<Link href={`/jobs/${job.id}`}>{t('jobs.see')}</Link>}
    />
  );
}
