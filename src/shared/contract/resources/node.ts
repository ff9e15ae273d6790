import { z } from 'zod';
import { Bytes, JsonObject, NullableTime, TimeSchema } from './basics.ts';

export const ProfileSchema = z.object({
  profile: z.enum(['online', 'offline']),
  locked: z.boolean(),
  source: z.enum(['default', 'stored', 'argument', 'environment', 'file']),
  refused_count: z.int(),
});

/** An attempt to reach beyond this machine that was refused. */
export const RefusedAttemptSchema = z.object({
  at: TimeSchema,
  purpose: z.string(),
  host: z.string(),
  reason: z.string(),
});

export const CheckSchema = z.object({
  id: z.string(),
  group: z.enum(['agent', 'storage', 'runtimes', 'gpu', 'security']),
  title: z.string(),
  status: z.enum(['ok', 'warning', 'failed', 'skipped']),
  found: z.string(),
  wanted: z.string().nullable(),
  hint: z.string().nullable(),
});

export const SystemSchema = z.object({
  node_id: z.string(),
  node_name: z.string(),
  version: z.string(),
  pid: z.int(),
  started_at: TimeSchema,
  uptime_ms: z.int(),
  data_dir: z.string(),
  platform: z.string(),
  cpu: z.object({ model: z.string(), cores: z.int(), load_percent: z.number().nullable() }),
  memory: z.object({ total_bytes: Bytes, available_bytes: Bytes, agent_rss_bytes: Bytes }),
  disk: z.object({ total_bytes: Bytes, free_bytes: Bytes, models_bytes: Bytes }),
  database: z.object({
    state: z.enum(['ok', 'checking', 'corrupt']),
    schema_version: z.int(),
    size_bytes: Bytes,
    last_backup_at: NullableTime,
  }),
  secrets: z.object({ state: z.enum(['unlocked', 'locked']), wrapped_by: z.enum(['file', 'keychain']) }),
  docker: z.object({
    state: z.enum(['ok', 'unreachable']),
    version: z.string().nullable(),
    message: z.string().nullable(),
  }),
  listening: z.object({ url: z.string(), insecure: z.boolean() }),
  observed_at: TimeSchema,
});
export type System = z.infer<typeof SystemSchema>;

export const JournalRowSchema = z.object({
  seq: z.int(),
  at: TimeSchema,
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  action: z.string(),
  subject: z.string().nullable(),
  data: JsonObject,
  note: z.string().nullable(),
  hash: z.string(),
});
export type JournalRow = z.infer<typeof JournalRowSchema>;

export const BackupSchema = z.object({
  path: z.string(),
  size_bytes: Bytes,
  created_at: TimeSchema,
  schema_version: z.int(),
});
