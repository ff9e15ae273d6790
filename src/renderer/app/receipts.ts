import { AppError } from '../../shared/contract/index.ts';
import { hasEnded, liveFeed } from '../data/live.ts';
import { formatDuration } from '../parts/format.ts';
import { t } from '../strings/text.ts';
import { toastDone, toastError } from './toasts.ts';

const LONG_MS = 10_000;

/** A toast when a job ends that somebody may have left behind: a long one, or one that failed. */
export function startReceipts(): void {
  liveFeed.onJob((job, before) => {
    // Jobs that had ended before this page saw them are history.
    if (before === undefined || hasEnded(before) || !hasEnded(job)) return;
    if (isOnScreen(job.id, job.subject)) return;
    if (job.state === 'failed' && job.error !== null) {
      const { error, message, hint } = job.error;
      toastError(
        new AppError(error, t('jobs.failedBecause', { title: job.title, message }), { hint: hint ?? '' }),
        { label: t('jobs.see'), to: `/jobs/${job.id}` },
      );
      return;
    }
    const took =
      job.started_at === null || job.finished_at === null
        ? 0
        : Date.parse(job.finished_at) - Date.parse(job.started_at);
    if (job.state === 'succeeded' && took >= LONG_MS)
      toastDone(t('jobs.finished', { title: job.title, took: formatDuration(took) }), {
        label: t('jobs.see'),
        to: `/jobs/${job.id}`,
      });
  });
}

/** Whoever looks at it sees it end. */
function isOnScreen(jobId: string, subject: string | null): boolean {
  if (document.querySelector(`[data-job="${CSS.escape(jobId)}"]`) !== null) return true;
  const id = subject?.split(':')[1];
  return (
    location.pathname === `/jobs/${jobId}` ||
    (id !== undefined && location.pathname.startsWith(`/models/${id}`))
  );
}
