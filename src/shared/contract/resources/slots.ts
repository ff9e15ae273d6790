import { z } from 'zod';
import { LOAD_STATES, SLOT_PHASES } from '../../lifecycle/index.ts';
import { ERROR_CODES } from '../errors.ts';
import { Bytes, JsonObject, NullableTime, TimeSchema } from './basics.ts';
import { CapabilitySchema } from './tasks.ts';
import { OriginSchema, SlotConfigSchema } from './configuration.ts';
import { RequiredMemorySchema } from './fit.ts';

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
  /** How it can be reached: a Unix socket without network, or TCP in a network of its own. */
  transport: z.enum(['unix', 'tcp']),
  /** Whether a slot of it names GPUs. */
  gpus: z.enum(['none', 'optional', 'required']),
  /** Settings of which it takes only these values. */
  choices: z.record(z.string(), z.array(z.string())),
  version: z.string().nullable(),
  available: z.boolean(),
  unavailable: z.object({ error: z.enum(ERROR_CODES), message: z.string(), hint: z.string() }).nullable(),
  observed_at: TimeSchema,
});
export type Runtime = z.infer<typeof RuntimeSchema>;

/** What the engine says of itself, and what its log says of memory. Rates are per second. */
export const SlotMetricsSchema = z.object({
  at: TimeSchema,
  requests_running: z.number().nullable(),
  requests_waiting: z.number().nullable(),
  tokens_per_second: z.number().nullable(),
  prompt_tokens_per_second: z.number().nullable(),
  kv_cache_percent: z.number().nullable(),
});
export type SlotMetrics = z.infer<typeof SlotMetricsSchema>;

/** One start of a slot's runtime. */
export const SlotAttemptSchema = z.object({
  attempt: z.int(),
  model_id: z.string(),
  image_id: z.string().nullable(),
  started_at: TimeSchema,
  loaded_at: NullableTime,
  ended_at: NullableTime,
  exit_code: z.int().nullable(),
  error: z.enum(ERROR_CODES).nullable(),
  message: z.string().nullable(),
  /** Whether its log is kept. */
  has_log: z.boolean(),
});
export type SlotAttempt = z.infer<typeof SlotAttemptSchema>;

const MilestoneSchema = z.object({ id: z.string(), label: z.string(), reached_at: NullableTime });

export const LoadErrorSchema = z.object({
  error: z.enum(ERROR_CODES),
  message: z.string(),
  hint: z.string(),
  /** The rule that knew it; null when none did. */
  cause: z.string().nullable(),
  log_excerpt: z.array(z.string()),
  /** The line that tells it, with its place in the log of an attempt; absent where no line does. */
  evidence: z.object({ attempt: z.int(), line: z.int(), text: z.string() }).optional(),
  retry_at: NullableTime,
  will_retry: z.boolean(),
  /** Changes of the slot's settings, each worth a try. null takes a setting away. */
  fixes: z.array(z.object({ label: z.string(), patch: JsonObject })),
  at: TimeSchema,
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
  /** Memory that its model takes or will take, as measured or else as estimated; null for an empty slot. */
  reserved: RequiredMemorySchema.nullable(),
  reserved_basis: z.enum(['measured', 'estimated']).nullable(),
  /** Loaded in spite of an estimate that said it would not fit. */
  memory_override: z.boolean(),
  /** Settings that were changed and that the running engine does not have yet. */
  pending_changes: z.array(z.string()),
  /** The new runtime that is being brought up beside the one that serves; null when none is. */
  replacement: z
    .object({
      attempt: z.int(),
      phase: z.enum(SLOT_PHASES),
      milestones: z.array(MilestoneSchema),
      since: TimeSchema,
    })
    .nullable(),
  metrics: SlotMetricsSchema.nullable(),
  requests_in_flight: z.int(),
  observed_at: NullableTime,
  since: NullableTime,
  created_at: TimeSchema,
});
export type Slot = z.infer<typeof SlotSchema>;

/** Why a slot does not serve a model now. */
const TEST_RUNTIME_REASONS = [
  'format_not_supported',
  'slot_disabled',
  'slot_empty',
  'serves_another_model',
  'still_loading',
  'slot_failed',
  'not_reachable',
  'not_advertised',
] as const;
export type TestRuntimeReason = (typeof TEST_RUNTIME_REASONS)[number];

/** A slot as a place to test a model: what it serves, and whether that is this model. */
export const TestRuntimeSchema = z.object({
  slot_id: z.string(),
  display_name: z.string(),
  runtime_spec: z.string(),
  enabled: z.boolean(),
  load_state: z.enum(LOAD_STATES),
  phase: z.enum(SLOT_PHASES).nullable(),
  load_error: LoadErrorSchema.pick({ error: true, message: true, hint: true }).nullable(),
  /** The runtime was asked just now and lists this model. */
  matches_model: z.boolean(),
  assigned_model_id: z.string().nullable(),
  loaded_managed_model_id: z.string().nullable(),
  loaded_runtime_model_id: z.string().nullable(),
  /** What the runtime itself lists now. */
  advertised_model_ids: z.array(z.string()),
  /** Whether a loaded runtime answers; null where nothing is loaded. */
  reachable: z.boolean().nullable(),
  context_length: z.int().nullable(),
  runtime_identity: z.string().nullable(),
  /** Whether a validation of this model holds for this runtime. */
  is_validated_here: z.boolean(),
  reason: z.enum(TEST_RUNTIME_REASONS).nullable(),
  message: z.string(),
  /** What would make it serve the model; null when it does. */
  hint: z.string().nullable(),
});
