import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { AppError, ENDPOINTS, type Job } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { call } from '../../data/api.ts';
import { hasEnded, useJob } from '../../data/live.ts';
import { useQuery } from '../../data/queries.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts, type Fact } from '../../parts/Facts.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { JobProgress, jobState, jobWord } from '../../parts/JobProgress.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { known, t } from '../../strings/text.ts';
import css from './JobPage.module.css';

/** One job: what it does or did, step by step, and what came of it. */
export default function JobPage({ id }: { readonly id: string }): ReactNode {
  const live = useJob(id);
  // Older jobs than those that are kept live are asked for.
  const { data, error } = useQuery({
    key: `job ${id}`,
    about: [`job:${id}`],
    read: async (signal) => (await call(ENDPOINTS.getJob, { params: { id } }, { signal })).job,
  });
  const job = live ?? data;
  const parent = { label: t('place.overview'), to: '/' };
  if (job === undefined) {
    if (error?.code === 'not_found' || error?.code === 'invalid_argument')
      return <NotFound parent={parent} />;
    return (
      <>
        <PageHeader title={t('jobs.title')} parent={parent} />
        {error === null ? <Pending /> : <Refusal error={error} alert={false} />}
      </>
    );
  }
  return (
    <>
      <PageHeader
        title={job.title}
        parent={parent}
        facts={
          <StateMark axis="job" state={jobState(job)}>
            {jobWord(job)}
          </StateMark>
        }
      >
        {!hasEnded(job) && (
          <ReasonButton
            changes
            reason={job.cancel_requested ? t('jobs.cancelAsked') : null}
            onClick={() => openDialog({ kind: 'cancel-job', jobId: job.id })}
          >
            {t('jobs.cancel')}
          </ReasonButton>
        )}
      </PageHeader>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={css.page} tabIndex={0} role="region" aria-label={job.title}>
        {!hasEnded(job) && <JobProgress job={job} />}
        {job.error !== null && (
          <Refusal
            alert={false}
            error={
              new AppError(job.error.error, job.error.message, {
                hint: job.error.hint ?? '',
                details: job.error.details ?? {},
              })
            }
          />
        )}
        <Outcome job={job} />
        <Steps job={job} />
        <Section title={t('jobs.facts')}>
          <Facts facts={jobFacts(job)} />
        </Section>
      </div>
    </>
  );
}

function Outcome({ job }: { readonly job: Job }): ReactNode {
  const modelId = job.result?.['model_id'];
  const slotId = job.result?.['slot_id'];
  if (typeof modelId !== 'string') return null;
  return (
    <Section title={t('jobs.result')}>
      {job.result?.['already_present'] === true && <p>{t('jobs.alreadyPresent')}</p>}
      <p className={css.links}>
        <Link href={`/models/${modelId}`}>{t('jobs.openResult', { name: modelId })}</Link>
        {typeof slotId === 'string' && (
          <Link href={`/slots/${slotId}`}>{t('jobs.openResult', { name: slotId })}</Link>
        )}
      </p>
    </Section>
  );
}

type Step = NonNullable<NonNullable<Job['progress']>['steps']>[number];

function Steps({ job }: { readonly job: Job }): ReactNode {
  const done = (job.result?.['steps'] as Step[] | undefined) ?? job.progress?.steps ?? [];
  if (done.length === 0) return null;
  return (
    <Section title={t('jobs.steps')}>
      <ol>
        {done.map((step) => (
          <li key={step.name} className={css.step}>
            <StateMark axis="step" state={step.skipped === true ? 'later' : 'met'} wordless size={12} />
            <span className={css.name}>{known(`jobStep.${step.name}`) ?? step.name}</span>
            <span className={css.detail}>{step.skipped === true ? t('jobs.stepSkipped') : step.detail}</span>
            <span className={css.took}>{step.skipped === true ? '' : formatDuration(step.duration_ms)}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function jobFacts(job: Job): Fact[] {
  const took =
    job.started_at === null
      ? null
      : Date.parse(job.finished_at ?? new Date().toISOString()) - Date.parse(job.started_at);
  const subject = /^(model|slot):(.+)$/.exec(job.subject ?? '');
  return [
    [
      t('fact.id'),
      <Copy key="id" value={job.id} what={t('what.id')}>
        <span className="mono">{job.id}</span>
      </Copy>,
    ],
    [t('jobs.kind'), job.kind],
    ...(subject === null
      ? []
      : [
          [
            t('jobs.subject'),
            <Link key="subject" href={`/${subject[1] ?? ''}s/${subject[2] ?? ''}`}>
              {subject[2]}
            </Link>,
          ] as Fact,
        ]),
    [t('jobs.started'), <Time key="started" at={job.started_at} />],
    [t('jobs.finishedAt'), <Time key="finished" at={job.finished_at} />],
    [t('jobs.took'), formatDuration(took)],
    [t('jobs.attempt'), String(job.attempt)],
  ];
}
