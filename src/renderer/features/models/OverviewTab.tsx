import { lazy, Suspense, useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { openDialog } from '../../app/dialogs.ts';
import type { Job, Model, TestRun } from '../../../shared/contract/index.ts';
import { AppError } from '../../../shared/contract/errors.ts';
import { principalQuery } from '../../data/access.ts';
import { asAppError } from '../../data/api.ts';
import { hasEnded, useJobs } from '../../data/live.ts';
import { modelForQuery } from '../../data/models.ts';
import { testsQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { Ladder, stepsInARow, type Rung } from '../../parts/Ladder.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { PrincipalPicker } from '../../parts/PrincipalPicker.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { AboutModel } from './AboutModel.tsx';
import { serveModel } from './actions.ts';
import { CallIt } from './CallIt.tsx';
import { useRights, type Rights } from './rights.ts';
import { RungButton } from './RungButton.tsx';
import css from './OverviewTab.module.css';

const FamilySection = lazy(() => import('../families/FamilySection.tsx'));

/** The ladder, and what there is to know at a glance. */
export function OverviewTab({ model }: { readonly model: Model }): ReactNode {
  const rights = useRights(model);
  const [search, setSearch] = useSearchParams();
  const caller = rights.superadmin ? search.get('as') : null;
  return (
    <div className={css.overview}>
      <section>
        <div className={css.ladderHead}>
          <LadderTitle model={model} caller={caller} />
          {rights.superadmin && (
            <>
              <span className={css.dim}>{t('model.as')}</span>
              <PrincipalPicker
                label={t('model.asLabel')}
                value={caller}
                nobody={t('model.asYourself')}
                onChange={(id) =>
                  setSearch((before) => withCaller(before, id), {
                    replace: true,
                  })
                }
              />
            </>
          )}
        </div>
        {caller === null ? (
          <OwnLadder model={model} rights={rights} />
        ) : (
          <OthersLadder model={model} caller={caller} />
        )}
      </section>
      {caller === null && isCallable(model.requirements) && <CallIt model={model} />}
      <LastTest model={model} />
      <AboutModel model={model} mayEdit={rights.edit} />
      <Suspense fallback={<Pending rows={3} />}>
        <FamilySection model={model} mayEdit={rights.edit} />
      </Suspense>
    </div>
  );
}

function withCaller(search: URLSearchParams, id: string | null): URLSearchParams {
  const next = new URLSearchParams(search);
  if (id === null) next.delete('as');
  else next.set('as', id);
  return next;
}

function isCallable(rungs: readonly Rung[] | undefined): boolean {
  return rungs !== undefined && rungs.length > 0 && rungs.every((rung) => rung.met);
}

function LadderTitle({
  model,
  caller,
}: {
  readonly model: Model;
  readonly caller: string | null;
}): ReactNode {
  const theirs = useQuery(caller === null ? null : modelForQuery(model.id, caller));
  const met = isCallable(caller === null ? model.requirements : theirs.data?.requirements);
  return <h2>{met ? t('model.ladderMet') : t('model.ladder')}</h2>;
}

/** What is missing for somebody else, and the call once nothing is. */
export function OthersLadder({
  model,
  caller,
}: {
  readonly model: Model;
  readonly caller: string;
}): ReactNode {
  const { data, error } = useQuery(modelForQuery(model.id, caller));
  const { data: principal } = useQuery(principalQuery(caller));
  if (data === undefined) return error === null ? <Pending /> : <Refusal error={error} alert={false} />;
  const rungs = data.requirements ?? [];
  const next = rungs.find((rung) => !rung.met);
  const name = principal?.name ?? caller;
  return (
    <>
      <Ladder
        rungs={rungs}
        caller={name}
        cloud={model.hosting === 'cloud'}
        buttons={next !== undefined && <RungButton model={model} rung={next} filled />}
      />
      {isCallable(rungs) && (
        <div className={css.gap}>
          <CallIt model={model} caller={name} />
        </div>
      )}
    </>
  );
}

function OwnLadder({ model, rights }: { readonly model: Model; readonly rights: Rights }): ReactNode {
  const rungs = model.requirements ?? [];
  const [starting, setStarting] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const job = useModelJob(model.id);
  const isCloud = model.hosting === 'cloud';
  const steps = rights.superadmin && !isCloud ? stepsInARow(rungs) : null;
  const next = rungs.find((rung) => !rung.met);
  const isRunning = job !== undefined && !hasEnded(job);

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
        cloud={isCloud}
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
                  reason={isRunning ? t('model.jobRuns') : null}
                  onClick={() => void start()}
                >
                  {t('model.steps', steps)}
                </ReasonButton>
              )}
            </>
          )
        }
      />
      {steps !== null && !isRunning && <p className={css.note}>{t('model.stepsNote')}</p>}
      {error !== null && (
        <div className={css.gap}>
          <Refusal error={error} />
        </div>
      )}
      {job !== undefined && rights.act && <ModelJob job={job} />}
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
