import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { openDialog } from '../../app/dialogs.ts';
import type { Job, Model, TestRun } from '../../../shared/contract/index.ts';
import { asAppError } from '../../data/api.ts';
import { hasEnded, useJobs } from '../../data/live.ts';
import { testsQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { Ladder, stepsInARow, type Rung } from '../../parts/Ladder.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { AppError } from '../../../shared/contract/errors.ts';
import { serveModel } from './actions.ts';
import { CallIt } from './CallIt.tsx';
import { RungButton } from './RungButton.tsx';
import css from './OverviewTab.module.css';

/** The ladder, and what there is to know at a glance. */
export function OverviewTab({ model }: { readonly model: Model }): ReactNode {
  const mayAct = useMay('admin');
  const rungs = model.requirements ?? [];
  const callable = rungs.length > 0 && rungs.every((rung) => rung.met);
  return (
    <div className={css.overview}>
      <Section title={callable ? t('model.ladderMet') : t('model.ladder')} level={2}>
        {mayAct ? <ActiveLadder model={model} rungs={rungs} /> : <Ladder rungs={rungs} />}
      </Section>
      {callable && <CallIt model={model} />}
      <LastTest model={model} />
      {model.description !== '' && (
        <Section title={t('model.about')} level={2}>
          <p className={css.description}>{model.description}</p>
        </Section>
      )}
    </div>
  );
}

function ActiveLadder({
  model,
  rungs,
}: {
  readonly model: Model;
  readonly rungs: readonly Rung[];
}): ReactNode {
  const superadmin = useMay('superadmin');
  const [starting, setStarting] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const job = useModelJob(model.id);
  const steps = superadmin && model.hosting === 'local' ? stepsInARow(rungs) : null;
  const next = rungs.find((rung) => !rung.met);

  const start = async (): Promise<void> => {
    setStarting(true);
    setError(null);
    try {
      await serveModel(model.id);
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setStarting(false);
    }
  };

  return (
    <>
      <Ladder
        rungs={rungs}
        buttons={
          next !== undefined && (
            <>
              <RungButton model={model} rung={next} filled={steps === null} />
              {steps !== null && (
                <ReasonButton
                  variant="filled"
                  changes
                  busy={starting}
                  busyLabel={t('unreachable.starting')}
                  reason={job !== undefined && !hasEnded(job) ? t('model.jobRuns') : null}
                  onClick={() => void start()}
                >
                  {t('model.steps', steps)}
                </ReasonButton>
              )}
            </>
          )
        }
      />
      {steps !== null && (job === undefined || hasEnded(job)) && (
        <p className={css.note}>{t('model.stepsNote')}</p>
      )}
      {error !== null && (
        <div className={css.gap}>
          <Refusal error={error} />
        </div>
      )}
      {job !== undefined && <ModelJob job={job} />}
    </>
  );
}

/** The newest job about a model, unless it ended well. */
function useModelJob(modelId: string): Job | undefined {
  const jobs = useJobs();
  const newest = jobs?.find((job) => job.subject === `model:${modelId}`);
  return newest?.state === 'succeeded' || newest?.state === 'cancelled' ? undefined : newest;
}

function ModelJob({ job }: { readonly job: Job }): ReactNode {
  if (job.state === 'failed' && job.error !== null)
    return (
      <div className={css.gap} data-job={job.id}>
        <Refusal
          alert={false}
          error={
            new AppError(job.error.error, job.error.message, {
              hint: job.error.hint ?? '',
              details: job.error.details ?? {},
            })
          }
          actions={
            <Link href={`/jobs/${job.id}`} className={css.link}>
              {t('jobs.see')}
            </Link>
          }
        />
      </div>
    );
  return (
    <div className={css.gap} data-job={job.id}>
      <JobProgress
        job={job}
        title={<Link href={`/jobs/${job.id}`}>{job.title}</Link>}
        actions={
          <ReasonButton size="xs" changes onClick={() => openDialog({ kind: 'cancel-job', jobId: job.id })}>
            {t('jobs.cancel')}
          </ReasonButton>
        }
      />
    </div>
  );
}

function LastTest({ model }: { readonly model: Model }): ReactNode {
  const { data: tests } = useQuery(testsQuery(model.id));
  const last = tests?.[0];
  if (last === undefined) return null;
  return (
    <Section
      title={t('model.lastTest')}
      level={2}
      link={{ label: t('model.seeTests'), to: `/models/${model.id}/test` }}
    >
      <TestLine run={last} />
    </Section>
  );
}

function TestLine({ run }: { readonly run: TestRun }): ReactNode {
  return (
    <p className={css.test}>
      <StateMark axis="validation" state={run.result === 'success' ? 'current' : 'failed'}>
        {t(`test.result.${run.result}`)}
      </StateMark>
      <span className={css.summary}>{run.summary}</span>
      {run.slot_id !== null && <Link href={`/slots/${run.slot_id}`}>{run.slot_id}</Link>}
      <span className={css.dim}>{formatDuration(run.latency_ms)}</span>
      <span className={css.dim}>
        <Time at={run.created_at} as="ago" />
      </span>
    </p>
  );
}
