import { z } from 'zod';
import { LOAD_STATES, SLOT_PHASES } from '../../lifecycle/index.ts';
import { ERROR_CODES } from '../errors.ts';
import { Bytes, JsonObject, NullableTime, TimeSchema } from './basics.ts';
import { CapabilitySchema } from './tasks.ts';
import { OriginSchema, SlotConfigSchema } from './configuration.ts';

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
  observed_at: TimeSchema,
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
