import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import { AliasSchema, FamilySchema, VersionSchema } from '../resources/index.ts';
import { Flag, Name, NOT_FOUND, PAGE, PageQuery, page, Tags, Text } from './parts.ts';

const Alias = z.strictObject({ name: NameSchema, alias: NameSchema });
const FamilyAnswer = z.object({ model: FamilySchema });

/** Families: a name with its versions, aliases, tags and card. A caller sees those he sees a model of. */
export const FAMILIES_ENDPOINTS = {
  listFamilies: {
    method: 'GET',
    path: '/v1/modelops/registry',
    tag: 'families',
    summary: 'Model families by name',
    role: 'user',
    query: z.strictObject({ ...PAGE, q: Text(200).optional() }),
    status: 200,
    response: page('models', FamilySchema),
    errors: [],
  },
  getFamily: {
    method: 'GET',
    path: '/v1/modelops/registry/:name',
    tag: 'families',
    summary: 'One model family',
    role: 'user',
    params: Name,
    status: 200,
    response: FamilyAnswer,
    errors: NOT_FOUND,
  },
  patchFamily: {
    method: 'PATCH',
    path: '/v1/modelops/registry/:name',
    tag: 'families',
    summary: 'Change description, card and tags of a family; needs If-Match with the rev',
    role: 'superadmin',
    owner: 'user',
    params: Name,
    body: z.strictObject({
      description: Text(10_000).optional(),
      card: Text(200_000).optional(),
      tags: Tags.optional(),
    }),
    status: 200,
    response: FamilyAnswer,
    errors: ['not_found', 'conflict'],
  },
  deleteFamily: {
    method: 'DELETE',
    path: '/v1/modelops/registry/:name',
    tag: 'families',
    summary: 'Delete a family with all its models, when every one of them is unregistered',
    role: 'superadmin',
    owner: 'user',
    params: Name,
    query: z.strictObject({ keep_files: Flag.default(false) }),
    status: 200,
    response: z.object({
      deleted: z.literal(true),
      name: z.string(),
      model_ids: z.array(z.string()),
      freed_bytes: z.int(),
    }),
    errors: ['not_found', 'dependencies_unsatisfied', 'conflict'],
  },
  listVersions: {
    method: 'GET',
    path: '/v1/modelops/registry/:name/versions',
    tag: 'families',
    summary: 'Versions of a family, newest first',
    role: 'user',
    params: Name,
    query: PageQuery,
    status: 200,
    response: page('versions', VersionSchema),
    errors: NOT_FOUND,
  },
  putAlias: {
    method: 'PUT',
    path: '/v1/modelops/registry/:name/aliases/:alias',
    tag: 'families',
    summary: 'Point an alias at a version, by number or label',
    role: 'superadmin',
    owner: 'user',
    params: Alias,
    body: z.strictObject({ version: z.union([z.int().min(1), z.string().min(1).max(64)]) }),
    status: 200,
    response: z.object({ alias: AliasSchema, model: FamilySchema }),
    errors: ['not_found', 'conflict'],
  },
  deleteAlias: {
    method: 'DELETE',
    path: '/v1/modelops/registry/:name/aliases/:alias',
    tag: 'families',
    summary: 'Remove an alias',
    role: 'superadmin',
    owner: 'user',
    params: Alias,
    status: 200,
    response: FamilyAnswer,
    errors: ['not_found', 'conflict'],
  },
} as const satisfies Record<string, Endpoint>;
