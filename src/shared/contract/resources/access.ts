import { z } from 'zod';
import { JsonObject, NullableTime, ROLE, TimeSchema } from './basics.ts';

/** Who may do what: principals, groups, keys, and the credentials of providers. */

const PRINCIPAL_KINDS = ['person', 'service', 'system'] as const;

export const PrincipalSchema = z.object({
  id: z.string(),
  rev: z.int(),
  kind: z.enum(PRINCIPAL_KINDS),
  name: z.string(),
  display_name: z.string(),
  role: ROLE,
  groups: z.array(z.object({ id: z.string(), name: z.string() })),
  key_count: z.int(),
  created_at: TimeSchema,
  last_seen_at: NullableTime,
  /** A disabled principal's keys answer 401 until it is enabled again. */
  disabled_at: NullableTime,
});
export type Principal = z.infer<typeof PrincipalSchema>;

export const GroupSchema = z.object({
  id: z.string(),
  rev: z.int(),
  name: z.string(),
  description: z.string(),
  members: z.array(z.object({ id: z.string(), name: z.string(), kind: z.enum(PRINCIPAL_KINDS) })),
  model_count: z.int(),
  created_at: TimeSchema,
});
export type Group = z.infer<typeof GroupSchema>;

/**
 * What a key may be used for, within its role: `invoke` the gateway, `read` the control plane, `manage` to change
 * something in it.
 */
export const KEY_SCOPES = ['invoke', 'read', 'manage'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

export const KeySchema = z.object({
  id: z.string(),
  kind: z.enum(['admin', 'api', 'session', 'desktop']),
  name: z.string(),
  role: ROLE,
  scopes: z.array(z.enum(KEY_SCOPES)),
  principal_id: z.string(),
  principal_name: z.string(),
  last4: z.string(),
  rate_limit_per_minute: z.int().nullable(),
  daily_token_budget: z.int().nullable(),
  /** Of the current UTC day: what counts towards its limits, with the keys it shares them with by rotation. */
  today: z.object({ calls: z.int(), tokens: z.int() }),
  created_at: TimeSchema,
  expires_at: NullableTime,
  last_used_at: NullableTime,
  revoked_at: NullableTime,
  /** The key that took its place by rotation; this one ends at `expires_at`. */
  replaced_by: z.string().nullable(),
});
export type Key = z.infer<typeof KeySchema>;

export const PROVIDERS = ['openai_compatible', 'openai', 'anthropic'] as const;
export const ProviderSchema = z.enum(PROVIDERS);
export type ProviderSlug = z.infer<typeof ProviderSchema>;

export const CREDENTIAL_SCOPES = ['personal', 'platform'] as const;

/** What a provider said to a credential the last time it was asked. */
export const ProbeSchema = z.object({
  ok: z.boolean(),
  status_code: z.int().nullable(),
  message: z.string(),
  latency_ms: z.int().nullable(),
  model_count: z.int().nullable(),
  at: TimeSchema,
});
export type Probe = z.infer<typeof ProbeSchema>;

export const CredentialSchema = z.object({
  id: z.string(),
  rev: z.int(),
  provider: ProviderSchema,
  display_name: z.string(),
  credential_scope: z.enum(CREDENTIAL_SCOPES),
  owner_user_id: z.string(),
  owner_name: z.string(),
  api_base_url: z.string(),
  api_key_last4: z.string(),
  /** Private address ranges that a superadmin allowed for it. */
  allowed_ranges: z.array(z.string()),
  is_active: z.boolean(),
  /** Counts every new secret or base address; part of the fingerprint of a validation. */
  version: z.int(),
  model_count: z.int(),
  last_probe: ProbeSchema.nullable(),
  created_at: TimeSchema,
  updated_at: TimeSchema,
  revoked_at: NullableTime,
});
export type Credential = z.infer<typeof CredentialSchema>;

/** A model that a provider offers. */
export const CloudModelSchema = z.object({
  provider_model_id: z.string(),
  name: z.string(),
  owned_by: z.string().nullable(),
  created_at: NullableTime,
  task_key: z.enum(['llm', 'embeddings', 'rerank']),
  category: z.enum(['generative', 'predictive']),
  metadata: JsonObject,
  /** Managed models of this node that are this one. */
  model_ids: z.array(z.string()),
});
export type CloudModel = z.infer<typeof CloudModelSchema>;
