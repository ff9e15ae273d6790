import { z } from 'zod';
import type { Endpoints } from '../../../shared/contract/index.ts';
import type { Router } from '../../../server/router.ts';
import { decodeCursor, encodeCursor, pageOf } from '../cursor.ts';
import type { JobRunner } from './job-runner.ts';

const JobCursor = z.tuple([z.int(), z.string()]);

export function jobRoutes(router: Router<Endpoints>, { jobs }: { jobs: JobRunner }): void {
  router.implement('listJobs', ({ query }) => {
    const cursor = decodeCursor(query.cursor, JobCursor);
    const before = cursor === null ? null : { created_at: cursor[0], id: cursor[1] };
    const { rows, next } = pageOf(jobs.store.list(query.state, query.limit + 1, before), query.limit);
    return {
      jobs: rows.map((row) => jobs.toJob(row)),
      next_cursor: next === null ? null : encodeCursor([next.created_at, next.id]),
      counts: jobs.store.counts(),
    };
  });
  router.implement('getJob', ({ params }) => ({ job: jobs.get(params.id) }));
  router.implement('cancelJob', async ({ params }, { caller }) => ({
    job: await jobs.cancel(params.id, caller.principalId),
  }));
}
