import { ENDPOINTS, type Job } from '../../shared/contract/index.ts';
import { AppError } from '../../shared/contract/errors.ts';
import { call } from './api.ts';
import { hasEnded, liveFeed, liveStore } from './live.ts';

/** The end of a job. @throws {AppError} what it failed with, or that it was cancelled. */
export async function jobDone(started: Job): Promise<Job> {
  liveFeed.putJob(started);
  const ended = await new Promise<Job>((resolve) => {
    const look = (): boolean => {
      const job = liveStore.getState().jobs[started.id];
      if (job === undefined || !hasEnded(job)) return false;
      resolve(job);
      return true;
    };
    if (look()) return;
    const stop = liveStore.subscribe(() => {
      if (look()) stop();
    });
  });
  if (ended.state === 'succeeded') return ended;
  const { error } = ended;
  if (error === null) throw new AppError('conflict', `${ended.title}: ${ended.state}.`);
  throw new AppError(error.error, error.message, { hint: error.hint ?? '', details: error.details ?? {} });
}

/** The model that came of an import. @throws {AppError} when the job tells none. */
export function modelOf(job: Job): string {
  const id = job.result?.['model_id'];
  if (typeof id === 'string') return id;
  throw new AppError('internal_error', `${job.title} ended without naming a model.`);
}

/** @throws {AppError} the refusal. */
export async function cancelJob(id: string): Promise<void> {
  const { job } = await call(ENDPOINTS.cancelJob, { params: { id } });
  liveFeed.putJob(job);
}
