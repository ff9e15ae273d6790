import type { ReactNode } from 'react';
import type { Job } from '../../shared/contract/index.ts';
import { known, t } from '../strings/text.ts';
import { formatBytesOf, formatEta, formatPercent, formatSpeed, formatTime } from './format.ts';
import type { StateOf } from './glyphs.tsx';
import { StateMark } from './StateMark.tsx';
import { useNow } from '../data/now.ts';
import css from './JobProgress.module.css';

/** The state a person sees: the job's own, or the phase that says why it does not move. Pure. */
export function jobState(job: Pick<Job, 'state' | 'progress'>): StateOf<'job'> {
  const phase = job.progress?.phase;
  if (job.state === 'running' || job.state === 'queued') {
    if (phase === 'stalled' || phase === 'waiting' || phase === 'paused') return phase;
  }
  return job.state;
}

/** What it is doing, in a word: `copying`, `loading`, `failed`. */
export function jobWord(job: Pick<Job, 'state' | 'progress' | 'cancel_requested'>): string {
  if (job.state === 'running' && job.cancel_requested) return t('jobPhase.cancelling');
  const state = jobState(job);
  if (state !== 'running' || job.progress === null) return t(`job.${state}`);
  return known(`jobPhase.${job.progress.phase}`) ?? job.progress.phase;
}

/** Done of total, speed and rest in one line, as far as they are known. */
export function progressLine(job: Pick<Job, 'progress'>, now: number): string {
  const { progress } = job;
  if (progress === null) return '';
  const { bytes_done: done, bytes_total: total } = progress;
  const parts: string[] = [];
  if (done !== undefined && total != null && total > 0) {
    parts.push(formatBytesOf(done, total));
    if (done < total && progress.bytes_per_second !== undefined) {
      parts.push(formatSpeed(progress.bytes_per_second));
      parts.push(formatEta(progress.eta_seconds));
    }
  }
  if (progress.reason !== undefined) parts.push(progress.reason);
  if (progress.resumes_at !== undefined)
    parts.push(t('jobs.resumesAt', { time: formatTime(progress.resumes_at, now) }));
  return parts.join(', ');
}

/** A running job: what, in which phase, how far. */
export function JobProgress({
  job,
  title,
  actions,
}: {
  readonly job: Job;
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
}): ReactNode {
  const now = useNow();
  const state = jobState(job);
  const { progress } = job;
  const done = progress?.bytes_done;
  const total = progress?.bytes_total;
  const share = done !== undefined && total != null && total > 0 ? Math.min(1, done / total) : null;
  const steps = progress?.steps;
  const line = progressLine(job, now);
  return (
    <div className={css.job}>
      <div className={css.head}>
        <span className={css.title}>{title ?? job.title}</span>
        <StateMark axis="job" state={state}>
          {jobWord(job)}
        </StateMark>
        {actions}
      </div>
      {share !== null && (
        <div
          className={css.track}
          role="progressbar"
          aria-label={job.title}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.floor(share * 100)}
          aria-valuetext={`${formatPercent(done ?? 0, total ?? 0)}, ${line}`}
          data-state={state}
        >
          <span className={css.bar} style={{ width: `${share * 100}%` }} />
        </div>
      )}
      {line !== '' && <div className={css.line}>{line}</div>}
      {share === null && steps !== undefined && steps.length > 0 && (
        <div className={css.line}>
          {steps.map((step) => known(`jobStep.${step.name}`) ?? step.name).join(', ')}
        </div>
      )}
    </div>
  );
}
