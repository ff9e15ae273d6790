import { z } from 'zod';
import { LIFECYCLE_STATES, MODEL_ACTION_ROLES, MODEL_EDIT_ROLE, STAGES } from '../../lifecycle/index.ts';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import { StoredErrorSchema } from '../resources/basics.ts';
import {
  CapabilitySchema,
  CategorySchema,
  JsonObject,
  ModelConfigSchema,
  ModelSchema,
  ProviderSchema,
  TaskKeySchema,
} from '../resources/index.ts';
import {
  Id,
  PAGE,
  page,
  oneOrMany,
  Flag,
  Tags,
  Text,
  AbsolutePath,
  ModelAnswer,
  JobAnswer,
  NOT_FOUND,
} from './parts.ts';

export const VISIBILITY_SCOPES = ['private', 'user', 'group', 'platform'] as const;
export type VisibilityScope = (typeof VISIBILITY_SCOPES)[number];

export const MODEL_SORTS = ['name', 'created', 'updated'] as const;

/** Heavy fields that a list carries only when asked. */
export const MODEL_INCLUDES = ['files', 'actions', 'requirements'] as const;
export type ModelInclude = (typeof MODEL_INCLUDES)[number];

export const BULK_ACTIONS = [
  'register',
  'activate',
  'deactivate',
  'unregister',
  'delete',
  'check',
  'tag',
  'untag',
  'set_visibility',
] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** A model of files that lie on the agent's machine. */
const LocalModelBody = z.strictObject({
  backend: z.literal('local').default('local'),
  path: AbsolutePath,
  name: NameSchema.optional(),
  id: NameSchema.optional(),
  label: z
    .string()
    .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/, 'Use a semantic version like 1.2.0.')
    .max(64)
    .optional(),
  task_key: TaskKeySchema.optional(),
  /** Follows from the task; a wrong one is refused. */
  category: CategorySchema.optional(),
  description: Text(10_000).optional(),
  register: z.boolean().default(false),
  link: z.boolean().default(false),
});

/** A model that a provider runs. */
const CloudModelBody = z.strictObject({
  backend: z.literal('external_api'),
  name: NameSchema,
  id: NameSchema.optional(),
  provider: ProviderSchema,
  provider_model_id: z.string().min(1).max(256),
  credential_id: NameSchema,
  task_key: TaskKeySchema,
  category: CategorySchema.optional(),
  description: Text(10_000).optional(),
  /** `platform` needs a superadmin; a user's own cloud model is `user`. */
  owner_type: z.enum(['user', 'platform']).optional(),
});

/** `already_present`: the same name, content and owner was here before; nothing was changed. */
const CloudModelAnswer = ModelAnswer.extend({ already_present: z.literal(true).optional() });

export const MODELS_ENDPOINTS = {
  listModels: {
    method: 'GET',
    path: '/v1/modelops/models',
    tag: 'models',
    summary: 'Managed models',
    role: 'user',
    query: z.strictObject({
      ...PAGE,
      q: Text(200).optional(),
      lifecycle_state: oneOrMany(z.enum(LIFECYCLE_STATES)).optional(),
      task_key: oneOrMany(TaskKeySchema).optional(),
      hosting: z.enum(['local', 'cloud']).optional(),
      tag: oneOrMany(Text(128)).optional(),
      stage: oneOrMany(z.enum(STAGES)).optional(),
      eligible: Flag.optional(),
      capability: CapabilitySchema.optional(),
      name: NameSchema.optional(),
      provider: Text(128).optional(),
      visibility_scope: oneOrMany(z.enum(VISIBILITY_SCOPES)).optional(),
      /** What makes somebody look: not ready, stale, failed, without a credential. */
      attention: Flag.optional(),
      include: oneOrMany(z.enum(MODEL_INCLUDES)).optional(),
      sort: z.enum(MODEL_SORTS).default('name'),
    }),
    status: 200,
    response: page('models', ModelSchema).extend({
      counts: z.partialRecord(z.enum(LIFECYCLE_STATES), z.int()),
    }),
    errors: [],
  },
  createModel: {
    method: 'POST',
    path: '/v1/modelops/models',
    tag: 'models',
    summary: 'Import a model from a path of this machine (superadmin), or add a model of a provider',
    role: 'user',
    body: z.union([LocalModelBody, CloudModelBody]),
    status: 202,
    otherStatus: { status: 201, when: (answer) => 'model' in answer },
    response: z.union([JobAnswer, CloudModelAnswer]),
    errors: [
      'permission_denied',
      'forbidden',
      'not_found',
      'unsupported_format',
      'ambiguous_source',
      'already_exists',
      'credential_unavailable',
      'storage_unavailable',
      'resource_exhausted',
    ],
  },
  inspectPath: {
    method: 'POST',
    path: '/v1/modelops/models/inspect',
    tag: 'models',
    summary: 'What an import of a path would bring',
    role: 'superadmin',
    body: z.strictObject({ path: AbsolutePath }),
    status: 200,
    response: z.object({
      path: z.string(),
      name: z.string(),
      format: z.string(),
      task_key: TaskKeySchema,
      size_bytes: z.int(),
      architecture: z.string().nullable(),
      parameter_count: z.int().nullable(),
      quantization: z.string().nullable(),
      context_length: z.int().nullable(),
      has_chat_template: z.boolean(),
      file_count: z.int(),
      free_bytes: z.int(),
    }),
    errors: [
      'permission_denied',
      'not_found',
      'unsupported_format',
      'ambiguous_source',
      'storage_unavailable',
    ],
  },
  createSample: {
    method: 'POST',
    path: '/v1/modelops/sample',
    tag: 'models',
    summary: 'Make the sample model, a tiny one that speaks, and import it',
    role: 'superadmin',
    status: 202,
    response: JobAnswer,
    errors: ['storage_unavailable', 'resource_exhausted'],
  },
  getModel: {
    method: 'GET',
    path: '/v1/modelops/models/:id',
    tag: 'models',
    summary: 'One managed model with its actions and what is missing',
    role: 'user',
    params: Id,
    query: z.strictObject({ for: NameSchema.optional() }),
    status: 200,
    response: ModelAnswer,
    errors: NOT_FOUND,
  },
  patchModel: {
    method: 'PATCH',
    path: '/v1/modelops/models/:id',
    tag: 'models',
    summary: 'Change what may change; needs If-Match with the rev',
    ...MODEL_EDIT_ROLE,
    params: Id,
    body: z.strictObject({
      description: Text(10_000).optional(),
      tags: Tags.optional(),
      annotations: z.record(z.string().min(1).max(128), Text(4096)).optional(),
      metadata: JsonObject.optional(),
      config: ModelConfigSchema.optional(),
      credential_id: NameSchema.optional(),
    }),
    status: 200,
    response: ModelAnswer,
    errors: ['not_found', 'conflict', 'credential_unavailable'],
  },
  putVisibility: {
    method: 'PUT',
    path: '/v1/modelops/models/:id/visibility',
    tag: 'models',
    summary:
      'Who sees a model: its owner (private), named people (user) or groups (group), or everybody (platform)',
    ...MODEL_EDIT_ROLE,
    params: Id,
    body: z.strictObject({
      visibility_scope: z.enum(VISIBILITY_SCOPES),
      /** Ids of principals; for the scope `user`. */
      users: z.array(NameSchema).max(200).optional(),
      /** Ids of groups; for the scope `group`. */
      groups: z.array(NameSchema).max(200).optional(),
    }),
    status: 200,
    response: ModelAnswer,
    errors: ['not_found', 'forbidden', 'conflict'],
  },
  bulkModels: {
    method: 'POST',
    path: '/v1/modelops/models/bulk',
    tag: 'models',
    summary: 'One action on many models; each succeeds or is refused for itself',
    role: 'user',
    body: z.strictObject({
      action: z.enum(BULK_ACTIONS),
      ids: z.array(NameSchema).min(1).max(200),
      /** deactivate */
      note: Text(2000).optional(),
      /** tag, untag */
      tags: Tags.min(1).optional(),
      /** set_visibility */
      visibility_scope: z.enum(VISIBILITY_SCOPES).optional(),
      /** delete */
      keep_files: z.boolean().default(false),
    }),
    status: 200,
    response: z.object({
      results: z.array(z.object({ id: z.string(), ok: z.boolean(), error: StoredErrorSchema.nullable() })),
      succeeded: z.int(),
      refused: z.int(),
    }),
    errors: [],
  },
  getModelFile: {
    method: 'GET',
    path: '/v1/modelops/models/:id/files/*',
    tag: 'models',
    summary: 'One file of a model, byte for byte; ranges are answered',
    role: 'superadmin',
    params: z.strictObject({ id: NameSchema, '*': z.string().min(1).max(4096) }),
    status: 200,
    response: z.string(),
    errors: ['not_found', 'artifact_not_ready', 'storage_unavailable'],
    kind: 'file',
  },
  deleteModel: {
    method: 'DELETE',
    path: '/v1/modelops/models/:id',
    tag: 'models',
    summary: 'Delete an unregistered model and the files nothing else needs',
    ...MODEL_ACTION_ROLES.delete,
    params: Id,
    query: z.strictObject({ keep_files: Flag.default(false) }),
    status: 200,
    response: z.object({ deleted: z.literal(true), model_id: z.string(), freed_bytes: z.int() }),
    errors: ['not_found', 'invalid_state_transition', 'dependencies_unsatisfied', 'conflict'],
  },
} as const satisfies Record<string, Endpoint>;

/** The two things that `createModel` does, each with its own shapes; the same route. */
export const IMPORT_MODEL = {
  ...MODELS_ENDPOINTS.createModel,
  body: LocalModelBody,
  response: JobAnswer,
} as const satisfies Endpoint;
export const ADD_CLOUD_MODEL = {
  ...MODELS_ENDPOINTS.createModel,
  body: CloudModelBody,
  response: CloudModelAnswer,
} as const satisfies Endpoint;
