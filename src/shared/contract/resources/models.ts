import { z } from 'zod';
import {
  APPROVAL_STATES,
  ARTIFACT_STATES,
  LIFECYCLE_STATES,
  REQUESTED_ACTIONS,
  STAGES,
} from '../../lifecycle/index.ts';
import { ERROR_CODES } from '../errors.ts';
import { Bytes, JsonObject, NullableTime, TimeSchema } from './basics.ts';
import { CategorySchema, TaskKeySchema } from './tasks.ts';
import { CREDENTIAL_SCOPES, ProviderSchema } from './access.ts';
import { ModelConfigSchema, OriginSchema } from './configuration.ts';

const ModelFileSchema = z.object({ path: z.string(), size_bytes: Bytes, sha256: z.string() });

export const ActionVerdictSchema = z.object({
  ok: z.boolean(),
  code: z.enum(ERROR_CODES).optional(),
  reason: z.string().optional(),
  /** What would satisfy it. */
  hint: z.string().optional(),
});
export type ActionVerdict = z.infer<typeof ActionVerdictSchema>;

const RequirementSchema = z.object({
  code: z.string(),
  met: z.boolean(),
  fact: z.string(),
  since: NullableTime,
  action: z.string().nullable(),
  /** What would meet it, in a sentence; null when it is met. */
  hint: z.string().nullable(),
  blocked_by: z.array(z.string()),
});

const UsageTotalsSchema = z.object({
  calls: z.int(),
  errors: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
});

/** The credential a cloud model is called with; of a local model only the status. */
const ModelCredentialSchema = z.object({
  status: z.enum(['not_required', 'missing', 'active', 'revoked']),
  id: z.string().optional(),
  provider: ProviderSchema.optional(),
  display_name: z.string().optional(),
  credential_scope: z.enum(CREDENTIAL_SCOPES).optional(),
  api_base_url: z.string().optional(),
  api_key_last4: z.string().optional(),
});

/** Whom a model is assigned to; counts for the scopes `user` and `group`. */
const AssignmentsSchema = z.object({
  users: z.array(z.object({ id: z.string(), name: z.string() })),
  groups: z.array(z.object({ id: z.string(), name: z.string() })),
});

const CurrentValidationSchema = z.object({
  validation_id: z.string(),
  runtime_identity: z.string(),
  validated_at: TimeSchema,
  expires_at: NullableTime,
});
export type CurrentValidation = z.infer<typeof CurrentValidationSchema>;

/** What a validator found. `warning` is told and refuses nothing. */
export const CheckResultSchema = z.object({
  validator_kind: z.string(),
  title: z.string(),
  required: z.boolean(),
  result: z.enum(['success', 'failure', 'warning', 'skipped']),
  summary: z.string(),
  details: JsonObject.nullable(),
});
export type CheckResult = z.infer<typeof CheckResultSchema>;

export const ModelSchema = z.object({
  id: z.string(),
  rev: z.int(),
  name: z.string(),
  seq: z.int(),
  label: z.string().nullable(),
  global_model_id: z.string(),
  node_id: z.string(),
  provider: z.string(),
  /** The provider's own name of a cloud model. */
  provider_model_id: z.string().nullable(),
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
  category: CategorySchema,
  runtime_mode_policy: z.enum(['online_only', 'online_offline']),
  visibility_scope: z.enum(['private', 'user', 'group', 'platform']),
  owner_type: z.enum(['user', 'platform']),
  owner_user_id: z.string().nullable(),
  owner_name: z.string().nullable(),
  lifecycle_state: z.enum(LIFECYCLE_STATES),
  is_validation_current: z.boolean(),
  last_validation_status: z.enum(['success', 'failure']).nullable(),
  last_validated_at: NullableTime,
  /** When the newest validation of a cloud model ends unless it is renewed. */
  validation_expires_at: NullableTime,
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
  credential: ModelCredentialSchema,
  aliases: z.array(z.string()),
  tags: z.array(z.string()),
  annotations: z.record(z.string(), z.string()),
  description: z.string(),
  metadata: JsonObject,
  loaded_in: z.array(z.string()),
  created_at: TimeSchema,
  updated_at: TimeSchema,
  observed_at: TimeSchema,
  usage_summary: z.object({ total: UsageTotalsSchema, last_used_at: NullableTime }),
  assignments: AssignmentsSchema.optional(),
  current_validations: z.array(CurrentValidationSchema).optional(),
  actions: z.partialRecord(z.enum(REQUESTED_ACTIONS), ActionVerdictSchema).optional(),
  requirements: z.array(RequirementSchema).optional(),
});
export type Model = z.infer<typeof ModelSchema>;

/** A movable pointer at a version of a family. */
export const AliasSchema = z.object({
  alias: z.string(),
  seq: z.int(),
  label: z.string().nullable(),
  updated_by: z.string().nullable(),
  updated_at: TimeSchema,
});
export type Alias = z.infer<typeof AliasSchema>;

export const FamilySchema = z.object({
  name: z.string(),
  rev: z.int(),
  description: z.string(),
  /** Markdown. */
  card: z.string(),
  tags: z.array(z.string()),
  task_key: TaskKeySchema,
  category: CategorySchema,
  latest_seq: z.int(),
  version_count: z.int(),
  aliases: z.array(AliasSchema),
  created_at: TimeSchema,
  updated_at: TimeSchema,
});
export type Family = z.infer<typeof FamilySchema>;

export const VersionSchema = z.object({
  name: z.string(),
  seq: z.int(),
  label: z.string().nullable(),
  global_model_id: z.string(),
  source: z.string(),
  source_id: z.string().nullable(),
  format: z.string().nullable(),
  size_bytes: Bytes,
  aliases: z.array(z.string()),
  model_ids: z.array(z.string()),
  published_at: TimeSchema,
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
  created_at: TimeSchema,
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
  /** What every validator that was asked found. */
  checks: z.array(CheckResultSchema),
  config_fingerprint: z.string(),
  runtime_identity: z.string().nullable(),
  validated_by: z.string().nullable(),
  expires_at: NullableTime,
  created_at: TimeSchema,
});
export type Validation = z.infer<typeof ValidationSchema>;

export const EffectSchema = z.object({
  code: z.string(),
  /** A whole sentence with real names and numbers. */
  sentence: z.string(),
  bytes: Bytes.optional(),
});
