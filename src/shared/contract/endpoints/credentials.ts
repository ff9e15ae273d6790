import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import {
  CloudModelSchema,
  CREDENTIAL_SCOPES,
  CredentialSchema,
  EffectSchema,
  ProbeSchema,
  ProviderSchema,
} from '../resources/index.ts';
import { Flag, Id, NOT_FOUND, PAGE, page, Text } from './parts.ts';

const CredentialAnswer = z.object({ credential: CredentialSchema });
const BaseUrl = z.string().min(1).max(2048);
const ApiKey = z.string().min(1).max(8192);
/** CIDR ranges; only a superadmin may name some. */
const Ranges = z.array(z.string().min(3).max(64)).max(16);

/** Credentials of providers, and what a provider offers through one. A caller sees his own, a superadmin all. */
export const CREDENTIALS_ENDPOINTS = {
  listCredentials: {
    method: 'GET',
    path: '/v1/modelops/credentials',
    tag: 'credentials',
    summary: 'Credentials, newest first; never a secret',
    role: 'user',
    query: z.strictObject({ ...PAGE, provider: ProviderSchema.optional(), revoked: Flag.default(false) }),
    status: 200,
    response: page('credentials', CredentialSchema),
    errors: [],
  },
  createCredential: {
    method: 'POST',
    path: '/v1/modelops/credentials',
    tag: 'credentials',
    summary: 'Keep a credential; a platform one needs a superadmin',
    role: 'user',
    body: z.strictObject({
      provider: ProviderSchema,
      display_name: z.string().trim().min(1).max(200),
      credential_scope: z.enum(CREDENTIAL_SCOPES).default('personal'),
      /** Known for openai and anthropic. */
      api_base_url: BaseUrl.optional(),
      api_key: ApiKey,
      allowed_ranges: Ranges.optional(),
    }),
    status: 201,
    response: CredentialAnswer,
    errors: ['already_exists', 'forbidden', 'secrets_locked'],
  },
  testCredential: {
    method: 'POST',
    path: '/v1/modelops/credentials/test',
    tag: 'credentials',
    summary: 'Ask the provider with a key that is not kept',
    role: 'user',
    body: z.strictObject({
      provider: ProviderSchema,
      api_base_url: BaseUrl.optional(),
      api_key: ApiKey,
      allowed_ranges: Ranges.optional(),
    }),
    status: 200,
    response: z.object({ probe: ProbeSchema }),
    errors: ['forbidden', 'runtime_profile_blocks_internet'],
  },
  getCredential: {
    method: 'GET',
    path: '/v1/modelops/credentials/:id',
    tag: 'credentials',
    summary: 'One credential',
    role: 'user',
    params: Id,
    status: 200,
    response: CredentialAnswer,
    errors: NOT_FOUND,
  },
  patchCredential: {
    method: 'PATCH',
    path: '/v1/modelops/credentials/:id',
    tag: 'credentials',
    summary:
      'Change the name, or replace the secret; a new secret makes validations stale. Needs If-Match with the rev',
    role: 'user',
    params: Id,
    body: z.strictObject({
      display_name: z.string().trim().min(1).max(200).optional(),
      api_key: ApiKey.optional(),
      api_base_url: BaseUrl.optional(),
      allowed_ranges: Ranges.optional(),
    }),
    status: 200,
    response: CredentialAnswer,
    errors: [
      'not_found',
      'already_exists',
      'forbidden',
      'conflict',
      'credential_unavailable',
      'secrets_locked',
    ],
  },
  probeCredential: {
    method: 'POST',
    path: '/v1/modelops/credentials/:id/probe',
    tag: 'credentials',
    summary: 'Ask the provider whether it takes the credential',
    role: 'user',
    params: Id,
    status: 200,
    response: z.object({ probe: ProbeSchema, credential: CredentialSchema }),
    errors: ['not_found', 'credential_unavailable', 'runtime_profile_blocks_internet', 'secrets_locked'],
  },
  previewCredentialEffects: {
    method: 'POST',
    path: '/v1/modelops/credentials/:id/effects',
    tag: 'credentials',
    summary: 'What revoking a credential would do now',
    role: 'user',
    params: Id,
    body: z.strictObject({ action: z.enum(['revoke']) }),
    status: 200,
    response: z.object({ effects: z.array(EffectSchema) }),
    errors: NOT_FOUND,
  },
  revokeCredential: {
    method: 'POST',
    path: '/v1/modelops/credentials/:id/revoke',
    tag: 'credentials',
    summary: 'Revoke a credential: its secret is erased and the active models that use it become inactive',
    role: 'user',
    params: Id,
    status: 200,
    response: z.object({
      credential: CredentialSchema,
      affected_models: z.array(z.string()),
      affected_model_count: z.int(),
    }),
    errors: ['not_found', 'credential_unavailable'],
  },
  discoverCloud: {
    method: 'GET',
    path: '/v1/modelops/discovery/cloud',
    tag: 'discovery',
    summary: 'Models that a provider offers through a credential',
    role: 'admin',
    owner: 'user',
    query: z.strictObject({
      credential_id: NameSchema,
      provider: ProviderSchema.optional(),
      q: Text(200).optional(),
    }),
    status: 200,
    response: z.object({
      provider: ProviderSchema,
      credential_id: z.string(),
      models: z.array(CloudModelSchema),
    }),
    errors: [
      'not_found',
      'credential_unavailable',
      'runtime_profile_blocks_internet',
      'rate_limited',
      'upstream_failed',
      'secrets_locked',
    ],
  },
} as const satisfies Record<string, Endpoint>;
