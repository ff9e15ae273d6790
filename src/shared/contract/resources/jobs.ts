import { z } from 'zod';
import { JOB_STATES } from '../../lifecycle/index.ts';
import { Bytes, JsonObject, NullableTime, StoredErrorSchema, TimeSchema } from './basics.ts';

export const ProgressSchema = z.object({
  phase: z.string(),
  bytes_done: Bytes.optional(),
  bytes_total: Bytes.nullable().optional(),
  bytes_per_second: z.number().nonnegative().optional(),
  eta_seconds: z.number().nonnegative().nullable().optional(),
  reason: z.string().optional(),
  resumes_at: TimeSchema.optional(),
  steps: z
    .array(
      z.object({
        name: z.string(),
        detail: z.string(),
        duration_ms: z.int(),
        skipped: z.boolean().optional(),
      }),
    )
    .optional(),
});
export type Progress = z.infer<typeof ProgressSchema>;

export const JobSchema = z.object({
  id: z.string(),
  kind: z.string(),
  subject: z.string().nullable(),
  title: z.string(),
  state: z.enum(JOB_STATES),
  progress: ProgressSchema.nullable(),
  result: JsonObject.nullable(),
  error: StoredErrorSchema.nullable(),
  attempt: z.int(),
  cancel_requested: z.boolean(),
  created_by: z.string().nullable(),
  created_at: TimeSchema,
  started_at: NullableTime,
  finished_at: NullableTime,
});
export type Job = z.infer<typeof JobSchema>;
