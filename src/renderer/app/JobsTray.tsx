import { CloseButton } from '@mantine/core';
import { useEffect, useRef, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { Job } from '../../shared/contract/index.ts';
import { hasEnded, useJobs } from '../data/live.ts';
import { EmptyState } from '../parts/EmptyState.tsx';
import { Time } from '../parts/figures.tsx';
import { formatDuration } from '../parts/format.ts';
import { JobProgress, jobWord } from '../parts/JobProgress.tsx';
import { ReasonButton } from '../parts/ReasonButton.tsx';
import { Sentence } from '../parts/Sentence.tsx';
import { StateMark } from '../parts/StateMark.tsx';
import { t } from '../strings/text.ts';
import { openDialog } from './dialogs.ts';
import { closeLayer, useLayer } from './layers.ts';
import css from './JobsTray.module.css';

const DAY_MS = 86_400_000;
const DISMISSED = 'modelops.dismissed-jobs';

const dismissedStore = createStore<{ readonly ids: readonly string[] }>(() => ({
  ids: (sessionStorage.getItem(DISMISSED) ?? '').split(' ').filter((id) => id !== ''),
}));
dismissedStore.subscribe(({ ids }) => sessionStorage.setItem(DISMISSED, ids.slice(-200).join(' ')));

/** Failed jobs of the last day that nobody has waved away. */
export function useFailedJobs(): readonly Job[] {
  const jobs = useJobs() ?? [];
  const dismissed = useStore(dismissedStore, ({ ids }) => ids);
  return jobs.filter((job) => job.state === 'failed' && isRecent(job) && !dismissed.includes(job.id));
}

function dismissJob(id: string): void {
  dismissedStore.setState(({ ids }) => ({ ids: [...ids, id] }));
}

function isRecent(job: Job): boolean {
  return job.finished_at !== null && Date.now() - Date.parse(job.finished_at) < DAY_MS;
}

/** Where a job's object is. Pure. */
function jobTarget(job: Job): string {
  const modelId = job.result?.['model_id'];
  if (typeof modelId === 'string') return `/models/${modelId}`;
  if (job.subject?.startsWith('model:') === true) return `/models/${job.subject.slice('model:'.length)}`;
  return `/jobs/${job.id}`;
}

/** Everything that runs, waits, went wrong or was done today. Stays open beside the work. */
export function JobsTray(): ReactNode {
  const open = useLayer('jobs');
  return open ? <Tray /> : null;
}

function Tray(): ReactNode {
  const jobs = useJobs() ?? [];
  const failed = useFailedJobs();
  const tray = useRef<HTMLElement | null>(null);
  useEffect(() => {
    const opener = document.activeElement;
    tray.current?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const running = jobs.filter((job) => job.state === 'running');
  const waiting = jobs.filter((job) => job.state === 'queued');
  const done = jobs.filter(
    (job) => hasEnded(job) && isRecent(job) && !failed.some((one) => one.id === job.id),
  );
  const nothing = failed.length + running.length + waiting.length + done.length === 0;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Esc closes the topmost layer, and this is one
    <section
      ref={tray}
      id="jobs-tray"
      className={css.tray}
      aria-label={t('jobs.title')}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        closeLayer('jobs');
      }}
    >
      <div className={css.head}>
        <h2>{t('jobs.title')}</h2>
        <CloseButton aria-label={t('action.close')} onClick={() => closeLayer('jobs')} />
      </div>
      <div className={css.body}>
        {nothing && <EmptyState>{t('jobs.empty')}</EmptyState>}
        <Section title={t('jobs.needsYou')} jobs={failed}>
          {(job) => <FailedJob job={job} />}
        </Section>
        <Section title={t('jobs.running')} jobs={running}>
          {(job) => <ActiveJob job={job} />}
        </Section>
        <Section title={t('jobs.waiting')} jobs={waiting}>
          {(job) => <ActiveJob job={job} />}
        </Section>
        <Section title={t('jobs.doneToday')} jobs={done}>
          {(job) => <DoneJob job={job} />}
        </Section>
      </div>
    </section>
  );
}

function Section({
  title,
  jobs,
  children,
}: {
  readonly title: string;
  readonly jobs: readonly Job[];
  readonly children: (job: Job) => ReactNode;
}): ReactNode {
  if (jobs.length === 0) return null;
  return (
    <>
      <h3 className={css.section}>
        {title} <span className={css.count}>{jobs.length}</span>
      </h3>
      <ul>
        {jobs.map((job) => (
          <li key={job.id} className={css.row} data-job={job.id}>
            {children(job)}
          </li>
        ))}
      </ul>
    </>
  );
}

function ActiveJob({ job }: { readonly job: Job }): ReactNode {
  return (
    <JobProgress
      job={job}
      title={<Link href={`/jobs/${job.id}`}>{job.title}</Link>}
      actions={
        <ReasonButton
          size="xs"
          changes
          reason={job.cancel_requested ? t('jobs.cancelAsked') : null}
          onClick={() => openDialog({ kind: 'cancel-job', jobId: job.id })}
        >
          {t('jobs.cancel')}
        </ReasonButton>
      }
    />
  );
}

function FailedJob({ job }: { readonly job: Job }): ReactNode {
  return (
    <div className={css.failed}>
      <div className={css.line}>
        <Link href={`/jobs/${job.id}`} className={css.title}>
          {job.title}
        </Link>
        <StateMark axis="job" state="failed" />
        <ReasonButton size="xs" variant="subtle" onClick={() => dismissJob(job.id)}>
          {t('action.dismiss')}
        </ReasonButton>
      </div>
      {job.error !== null && (
        <>
          <div>{job.error.message}</div>
          <div className={css.hint}>
            <Sentence text={job.error.hint ?? ''} />
          </div>
        </>
      )}
    </div>
  );
}

function DoneJob({ job }: { readonly job: Job }): ReactNode {
  const took =
    job.started_at === null || job.finished_at === null
      ? null
      : Date.parse(job.finished_at) - Date.parse(job.started_at);
  return (
    <div className={css.done}>
      <Link href={jobTarget(job)} className={css.title}>
        {job.title}
      </Link>
      <StateMark axis="job" state={job.state} plain>
        {jobWord(job)}
      </StateMark>
      <span className={css.hint}>{formatDuration(took)}</span>
      <span className={css.hint}>
        <Time at={job.finished_at} as="ago" />
      </span>
    </div>
  );
}
