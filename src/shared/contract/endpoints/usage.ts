import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import { USAGE_GROUPS, UsageEventSchema, UsageMetricsSchema, UsageRowSchema } from '../resources/index.ts';
import { Id, NOT_FOUND, oneOrMany, PAGE, page } from './parts.ts';

const RANGE = {
  /** First and last UTC day, both counted; the last 30 days by default. */
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
};
const Filter = {
  ...RANGE,
  model_id: NameSchema.optional(),
  key_id: NameSchema.optional(),
  group_by: oneOrMany(z.enum(USAGE_GROUPS)).default(['day']),
};

/** Calls, errors, latency and tokens. Administrators see all, others what their own keys and models did. */
export const USAGE_ENDPOINTS = {
  listUsage: {
    method: 'GET',
    path: '/v1/modelops/usage',
    tag: 'usage',
    summary: 'Usage summed by day, model or key, newest first',
    role: 'user',
    query: z.strictObject({ ...PAGE, ...Filter }),
    status: 200,
    response: page('usage', UsageRowSchema).extend({
      from: z.iso.date(),
      to: z.iso.date(),
      total: UsageMetricsSchema,
    }),
    errors: [],
  },
  exportUsage: {
    method: 'GET',
    path: '/v1/modelops/usage.csv',
    tag: 'usage',
    summary: 'The same as CSV',
    role: 'user',
    query: z.strictObject(Filter),
    status: 200,
    response: z.string(),
    errors: [],
    kind: 'text',
    mediaType: 'text/csv',
  },
  listUsageEvents: {
    method: 'GET',
    path: '/v1/modelops/usage/events',
    tag: 'usage',
    summary: 'The latest calls, newest first; the ring keeps the last 10,000',
    role: 'user',
    query: z.strictObject({ ...PAGE, model_id: NameSchema.optional(), key_id: NameSchema.optional() }),
    status: 200,
    response: page('events', UsageEventSchema),
    errors: [],
  },
  getModelUsage: {
    method: 'GET',
    path: '/v1/modelops/models/:id/usage',
    tag: 'usage',
    summary: 'Usage of one model',
    role: 'user',
    params: Id,
    query: z.strictObject({
      ...PAGE,
      ...RANGE,
      group_by: oneOrMany(z.enum(['day', 'key'])).default(['day']),
    }),
    status: 200,
    response: page('usage', UsageRowSchema).extend({
      model_id: z.string(),
      from: z.iso.date(),
      to: z.iso.date(),
      total: UsageMetricsSchema,
    }),
    errors: NOT_FOUND,
  },
  getMetrics: {
    method: 'GET',
    path: '/metrics',
    tag: 'usage',
    summary: 'Counters and gauges as Prometheus text',
    role: 'admin',
    status: 200,
    response: z.string(),
    errors: [],
    kind: 'text',
  },
} as const satisfies Record<string, Endpoint>;
