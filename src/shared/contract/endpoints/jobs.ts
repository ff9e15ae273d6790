import { z } from 'zod';
import { JOB_STATES } from '../../lifecycle/index.ts';
import type { Endpoint } from '../endpoint.ts';
import { JobSchema } from '../resources/index.ts';
import { Id, PAGE, page, oneOrMany, JobAnswer, NOT_FOUND } from './parts.ts';

export const JOBS_ENDPOINTS = {
  listJobs: {
    method: 'GET',
    path: '/v1/modelops/jobs',
    tag: 'jobs',
    summary: 'Jobs, newest first',
    role: 'admin',
    query: z.strictObject({ ...PAGE, state: oneOrMany(z.enum(JOB_STATES)).optional() }),
    status: 200,
    response: page('jobs', JobSchema).extend({ counts: z.partialRecord(z.enum(JOB_STATES), z.int()) }),
    errors: [],
  },
  getJob: {
    method: 'GET',
    path: '/v1/modelops/jobs/:id',
    tag: 'jobs',
    summary: 'One job',
    role: 'admin',
    params: Id,
    status: 200,
    response: JobAnswer,
    errors: NOT_FOUND,
  },
  cancelJob: {
    method: 'POST',
    path: '/v1/modelops/jobs/:id/cancel',
    tag: 'jobs',
    summary: 'Cancel a job',
    role: 'admin',
    params: Id,
    status: 200,
    response: JobAnswer,
    errors: ['not_found', 'invalid_state_transition'],
  },
} as const satisfies Record<string, Endpoint>;
