import { z } from 'zod';
import {
  APPROVAL_STATES,
  ARTIFACT_STATES,
  JOB_STATES,
  LIFECYCLE_STATES,
  LOAD_STATES,
  REQUESTED_ACTIONS,
  ROLES,
  SLOT_PHASES,
  STAGES,
} from '../lifecycle/index.ts';
import { ERROR_CODES } from './errors.ts';

/** The shapes that travel: snake_case, ISO-8601 UTC times, bytes and milliseconds as integers. */

export const TimeSchema = z.iso.datetime();
const Time = TimeSchema;
const NullableTime = Time.nullable();
const Bytes = z.int().nonnegative();
export const JsonObject = z.record(z.string(), z.json());

const ErrorSchema = z.object({
  error: z.enum(ERROR_CODES),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  request_id: z.string(),
});

/** An error stored with a job or a slot: the same shape without a request. */
const StoredErrorSchema = ErrorSchema.omit({ request_id: true });

export const ROLE = z.enum(ROLES);

// ---- tasks -----------------------------------------------------------------------------------------------------

/** Known tasks and their category. More can be added without touching anything that reads them. */
export const TASKS = {
  llm: 'generative',
  embeddings: 'predictive',
  rerank: 'predictive',
} as const;
export const TaskKeySchema = z.enum(Object.keys(TASKS) as [keyof typeof TASKS, ...(keyof typeof TASKS)[]]);
export type TaskKey = z.infer<typeof TaskKeySchema>;

export const CapabilitySchema = z.enum(['llm_inference', 'embeddings', 'rerank']);
export type Capability = z.infer<typeof CapabilitySchema>;

/** The slot capability that a task needs. */
export const CAPABILITY_OF_TASK: Record<TaskKey, Capability> = {
  llm: 'llm_inference',
  embeddings: 'embeddings',
  rerank: 'rerank',
};

// ---- slot configuration ----------------------------------------------------------------------------------------

export const KV_CACHE_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q5_1',
  'q5_0',
  'q4_1',
  'q4_0',
  'iq4_nl',
  'fp8',
  'auto',
] as const;

/** What a slot may be told. Every key is optional; what is absent comes from the model or the spec. */
export const SlotConfigSchema = z.strictObject({
  image: z.string().min(1).max(512).optional(),
  context_length: z.int().min(16).max(16_777_216).optional(),
  max_model_len: z.int().min(16).max(16_777_216).optional(),
  parallel: z.int().min(1).max(1024).optional(),
  threads: z.int().min(1).max(1024).optional(),
  gpu_layers: z.union([z.int().min(0).max(10_000), z.literal('all'), z.literal('auto')]).optional(),
  kv_cache_type: z.enum(KV_CACHE_TYPES).optional(),
  gpu_memory_utilization: z.number().gt(0).lte(1).optional(),
  tensor_parallel_size: z.int().min(1).max(64).optional(),
  dtype: z.string().min(1).max(32).optional(),
  enforce_eager: z.boolean().optional(),
  trust_remote_code: z.boolean().optional(),
  extra_args: z.array(z.string().max(4096)).max(128).optional(),
});
export type SlotConfig = z.infer<typeof SlotConfigSchema>;

/** What a model may say about how it wants to be run. A slot overrides it. */
export const ModelConfigSchema = SlotConfigSchema.omit({ image: true, max_model_len: true }).extend({
  chat_template: z.string().max(1_000_000).optional(),
});
export type ModelConfig = z.infer<typeof ModelConfigSchema>;

const ORIGINS = ['slot', 'override', 'declared', 'inferred', 'default'] as const;
export const OriginSchema = z.object({ from: z.enum(ORIGINS), note: z.string().optional() });
export type Origin = z.infer<typeof OriginSchema>;

// ---- model -----------------------------------------------------------------------------------------------------

const ModelFileSchema = z.object({ path: z.string(), size_bytes: Bytes, sha256: z.string() });

export const ActionVerdictSchema = z.object({
  ok: z.boolean(),
  code: z.enum(ERROR_CODES).optional(),
  reason: z.string().optional(),
});
export type ActionVerdict = z.infer<typeof ActionVerdictSchema>;

const RequirementSchema = z.object({
  code: z.string(),
  met: z.boolean(),
  fact: z.string(),
  since: NullableTime,
  action: z.string().nullable(),
  blocked_by: z.array(z.string()),
});

const UsageMetricsSchema = z.object({
  calls: z.int(),
  errors: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
});

export const ModelSchema = z.object({
  id: z.string(),
  rev: z.int(),
  name: z.string(),
  seq: z.int(),
  label: z.string().nullable(),
  global_model_id: z.string(),
  node_id: z.string(),
  provider: z.string(),
  backend: z.enum(['local', 'external_api']),
  hosting: z.enum(['local', 'cloud']),
  source: z.string(),
  source_id: z.string().nullable(),
  revision: z.string().nullable(),
  checksum: z.string().nullable(),
  framework: z.string().nullable(),
  format: z.string().nullable(),
  architecture: z.string().nullable(),
  parameter_count: z.int().nullable(),
  quantization: z.string().nullable(),
  trained_context_length: z.int().nullable(),
  has_chat_template: z.boolean(),
  task_key: TaskKeySchema,
  category: z.enum(['generative', 'predictive']),
  runtime_mode_policy: z.enum(['online_only', 'online_offline']),
  visibility_scope: z.enum(['private', 'user', 'group', 'platform']),
  owner_type: z.enum(['user', 'platform']),
  owner_user_id: z.string().nullable(),
  lifecycle_state: z.enum(LIFECYCLE_STATES),
  is_validation_current: z.boolean(),
  last_validation_status: z.enum(['success', 'failure']).nullable(),
  last_validated_at: NullableTime,
  validation_error: z.object({ reason: z.string(), message: z.string() }).nullable(),
  approval_state: z.enum(APPROVAL_STATES),
  stage: z.enum(STAGES),
  is_sample: z.boolean(),
  artifact: z
    .object({
      artifact_status: z.enum(ARTIFACT_STATES),
      storage_path: z.string().nullable(),
      size_bytes: Bytes,
      verified_at: NullableTime,
      files: z.array(ModelFileSchema).optional(),
    })
    .nullable(),
  config: z.object({ values: ModelConfigSchema, origins: z.record(z.string(), OriginSchema).optional() }),
  credential: z.object({ status: z.enum(['not_required', 'missing', 'active', 'revoked']) }),
  tags: z.array(z.string()),
  annotations: z.record(z.string(), z.string()),
  description: z.string(),
  metadata: JsonObject,
  loaded_in: z.array(z.string()),
  created_at: Time,
  updated_at: Time,
  observed_at: Time,
  usage_summary: z.object({ total: UsageMetricsSchema, last_used_at: NullableTime }),
  actions: z.partialRecord(z.enum(REQUESTED_ACTIONS), ActionVerdictSchema).optional(),
  requirements: z.array(RequirementSchema).optional(),
});
export type Model = z.infer<typeof ModelSchema>;

export const FamilySchema = z.object({
  name: z.string(),
  description: z.string(),
  task_key: TaskKeySchema,
  latest_seq: z.int(),
  version_count: z.int(),
  created_at: Time,
});

export const VersionSchema = z.object({
  name: z.string(),
  seq: z.int(),
  label: z.string().nullable(),
  global_model_id: z.string(),
  source: z.string(),
  source_id: z.string().nullable(),
  format: z.string().nullable(),
  size_bytes: Bytes,
  model_ids: z.array(z.string()),
  published_at: Time,
});

export const TestRunSchema = z.object({
  id: z.string(),
  model_id: z.string(),
  task_key: TaskKeySchema,
  slot_id: z.string().nullable(),
  result: z.enum(['success', 'failure']),
  summary: z.string(),
  input_payload: JsonObject,
  output_payload: JsonObject,
  error_details: JsonObject.nullable(),
  latency_ms: z.int().nullable(),
  config_fingerprint: z.string(),
  runtime_identity: z.string().nullable(),
  tested_by: z.string().nullable(),
  created_at: Time,
});
export type TestRun = z.infer<typeof TestRunSchema>;

export const ValidationSchema = z.object({
  id: z.string(),
  model_id: z.string(),
  validator_kind: z.string(),
  trigger_reason: z.string(),
  result: z.enum(['success', 'failure']),
  summary: z.string(),
  error_details: JsonObject.nullable(),
  test_run_id: z.string().nullable(),
  config_fingerprint: z.string(),
  runtime_identity: z.string().nullable(),
  validated_by: z.string().nullable(),
  expires_at: NullableTime,
  created_at: Time,
});
export type Validation = z.infer<typeof ValidationSchema>;

export const EffectSchema = z.object({
  code: z.string(),
  /** A whole sentence with real names and numbers. */
  sentence: z.string(),
  bytes: Bytes.optional(),
});

// ---- jobs ------------------------------------------------------------------------------------------------------

export const ProgressSchema = z.object({
  phase: z.string(),
  bytes_done: Bytes.optional(),
  bytes_total: Bytes.nullable().optional(),
  bytes_per_second: z.number().nonnegative().optional(),
  eta_seconds: z.number().nonnegative().nullable().optional(),
  reason: z.string().optional(),
  resumes_at: Time.optional(),
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
  created_at: Time,
  started_at: NullableTime,
  finished_at: NullableTime,
});
export type Job = z.infer<typeof JobSchema>;

// ---- runtimes and slots ------------------------------------------------------------------------------------------

export const RuntimeSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  driver: z.enum(['docker', 'process', 'embedded']),
  device: z.enum(['cpu', 'cuda']),
  capabilities: z.array(CapabilitySchema),
  formats: z.array(z.string()),
  image: z.string().nullable(),
  image_id: z.string().nullable(),
  verified: z.boolean(),
  settings: z.array(z.string()),
  origin: z.enum(['shipped', 'user']),
  available: z.boolean(),
  unavailable: z.object({ error: z.enum(ERROR_CODES), message: z.string(), hint: z.string() }).nullable(),
  observed_at: Time,
});
export type Runtime = z.infer<typeof RuntimeSchema>;

const MilestoneSchema = z.object({ id: z.string(), label: z.string(), reached_at: NullableTime });

export const LoadErrorSchema = z.object({
  error: z.enum(ERROR_CODES),
  message: z.string(),
  hint: z.string(),
  cause: z.string().nullable(),
  log_excerpt: z.array(z.string()),
  retry_at: NullableTime,
  will_retry: z.boolean(),
  fixes: z.array(z.object({ label: z.string(), patch: JsonObject })),
  at: Time,
});
export type LoadError = z.infer<typeof LoadErrorSchema>;

export const SlotSchema = z.object({
  id: z.string(),
  rev: z.int(),
  display_name: z.string(),
  capability: CapabilitySchema,
  runtime_spec: z.string(),
  enabled: z.boolean(),
  gpu_ids: z.array(z.string()),
  config: SlotConfigSchema,
  effective_config: z.object({ values: JsonObject, origins: z.record(z.string(), OriginSchema) }).nullable(),
  assigned_model_id: z.string().nullable(),
  loaded_managed_model_id: z.string().nullable(),
  loaded_runtime_model_id: z.string().nullable(),
  load_state: z.enum(LOAD_STATES),
  phase: z.enum(SLOT_PHASES).nullable(),
  isolation: z.enum(['full', 'partial', 'none']).nullable(),
  milestones: z.array(MilestoneSchema),
  attempt: z.int(),
  usual_load_ms: z.int().nullable(),
  load_ms: z.int().nullable(),
  load_error: LoadErrorSchema.nullable(),
  endpoint: z.string().nullable(),
  runtime_identity: z.string().nullable(),
  image_id: z.string().nullable(),
  engine_version: z.string().nullable(),
  container_id: z.string().nullable(),
  context_length: z.int().nullable(),
  parallel: z.int().nullable(),
  measured_memory_bytes: Bytes.nullable(),
  requests_in_flight: z.int(),
  observed_at: NullableTime,
  since: NullableTime,
  created_at: Time,
});
export type Slot = z.infer<typeof SlotSchema>;

/** A slot as a place to test a model: what it serves and whether that is this model. */
export const TestRuntimeSchema = z.object({
  slot_id: z.string(),
  display_name: z.string(),
  runtime_spec: z.string(),
  load_state: z.enum(LOAD_STATES),
  matches_model: z.boolean(),
  loaded_managed_model_id: z.string().nullable(),
  advertised_model_ids: z.array(z.string()),
  message: z.string(),
});

// ---- the node ----------------------------------------------------------------------------------------------------

export const ProfileSchema = z.object({
  profile: z.enum(['online', 'offline']),
  locked: z.boolean(),
  source: z.enum(['default', 'stored', 'argument', 'environment', 'file']),
  refused_count: z.int(),
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
  started_at: Time,
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
  observed_at: Time,
});
export type System = z.infer<typeof SystemSchema>;

export const JournalRowSchema = z.object({
  seq: z.int(),
  at: Time,
  actor_id: z.string().nullable(),
  actor_name: z.string().nullable(),
  action: z.string(),
  subject: z.string().nullable(),
  data: JsonObject,
  note: z.string().nullable(),
  hash: z.string(),
});
export type JournalRow = z.infer<typeof JournalRowSchema>;

export const KeySchema = z.object({
  id: z.string(),
  kind: z.enum(['admin', 'api', 'session', 'desktop']),
  name: z.string(),
  role: ROLE,
  principal_id: z.string(),
  principal_name: z.string(),
  last4: z.string(),
  created_at: Time,
  expires_at: NullableTime,
  last_used_at: NullableTime,
  revoked_at: NullableTime,
});
export type Key = z.infer<typeof KeySchema>;

export const BackupSchema = z.object({
  path: z.string(),
  size_bytes: Bytes,
  created_at: Time,
  schema_version: z.int(),
});
