import { z } from 'zod';
import { TimeSchema } from './basics.ts';

/** What usage is summed by. */
export const USAGE_GROUPS = ['day', 'model', 'key'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** Sums of one group. Latencies are of successful calls, from the request to the last byte. */
export const UsageMetricsSchema = z.object({
  calls: z.int(),
  errors: z.int(),
  streams: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  /** null without a successful call. */
  latency_ms_mean: z.number().nullable(),
  latency_ms_max: z.number().nullable(),
});
export type UsageMetrics = z.infer<typeof UsageMetricsSchema>;

/** A row of the daily rollup; what it is not grouped by is null. */
export const UsageRowSchema = UsageMetricsSchema.extend({
  day: z.iso.date().nullable(),
  model_id: z.string().nullable(),
  key_id: z.string().nullable(),
  key_name: z.string().nullable(),
});
export type UsageRow = z.infer<typeof UsageRowSchema>;

/** One call, from the bounded ring of the latest. No prompt and no answer is kept. */
export const UsageEventSchema = z.object({
  seq: z.int(),
  at: TimeSchema,
  request_id: z.string(),
  model_id: z.string(),
  key_id: z.string(),
  key_name: z.string().nullable(),
  route: z.string(),
  ok: z.boolean(),
  error: z.string().nullable(),
  streamed: z.boolean(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  latency_ms: z.number(),
  first_byte_ms: z.number().nullable(),
});
export type UsageEvent = z.infer<typeof UsageEventSchema>;
