import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import {
  CapabilitySchema,
  ImageSchema,
  PrunedImageSchema,
  RenderedContainerSchema,
  RuntimeSchema,
  SlotConfigSchema,
} from '../resources/index.ts';
import { AbsolutePath, Flag, Id, JobAnswer, Text } from './parts.ts';

const ProblemSchema = z.object({
  file: z.string(),
  message: z.string(),
  line: z.int().nullable(),
  column: z.int().nullable(),
});

/** `repo[:tag][@digest]`, as Docker takes it; without white space or a leading dash. */
const ImageReference = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/);

export const RUNTIMES_ENDPOINTS = {
  listRuntimes: {
    method: 'GET',
    path: '/v1/modelops/runtimes',
    tag: 'runtimes',
    summary: 'Runtime specs, and why one is not available',
    role: 'admin',
    status: 200,
    response: z.object({ runtimes: z.array(RuntimeSchema), problems: z.array(ProblemSchema) }),
    errors: [],
  },
  validateRuntime: {
    method: 'POST',
    path: '/v1/modelops/runtimes/validate',
    tag: 'runtimes',
    summary: 'Whether a text would be a usable runtime spec, with the place of every problem',
    role: 'superadmin',
    body: z.strictObject({ yaml: z.string().min(1).max(200_000) }),
    status: 200,
    response: z.object({ id: z.string().nullable(), problems: z.array(ProblemSchema) }),
    errors: [],
  },
  renderRuntime: {
    method: 'POST',
    path: '/v1/modelops/runtimes/:id/render',
    tag: 'runtimes',
    summary: 'The exact container that would be created; nothing is',
    role: 'superadmin',
    params: Id,
    body: z.strictObject({
      /** The settings of this slot are taken where the body says nothing. */
      slot_id: NameSchema.optional(),
      managed_model_id: NameSchema.optional(),
      capability: CapabilitySchema.optional(),
      gpu_ids: z.array(Text(128)).max(64).optional(),
      config: SlotConfigSchema.optional(),
    }),
    status: 200,
    response: z.object({ container: RenderedContainerSchema }),
    errors: ['not_found', 'unsupported_format'],
  },
  listImages: {
    method: 'GET',
    path: '/v1/modelops/images',
    tag: 'runtimes',
    summary: 'Images on this machine and those that slots and runtimes name, with who needs them',
    role: 'admin',
    query: z.strictObject({
      /** Also images that nothing here names. */
      all: Flag.default(false),
    }),
    status: 200,
    response: z.object({ images: z.array(ImageSchema) }),
    errors: ['runtime_unavailable'],
  },
  pullImage: {
    method: 'POST',
    path: '/v1/modelops/images/pull',
    tag: 'runtimes',
    summary: 'Pull an image through the engine',
    role: 'superadmin',
    body: z.strictObject({ reference: ImageReference }),
    status: 202,
    response: JobAnswer,
    errors: ['runtime_unavailable', 'runtime_profile_blocks_internet'],
  },
  importImage: {
    method: 'POST',
    path: '/v1/modelops/images/import',
    tag: 'runtimes',
    summary: 'Load the images of a file that `docker save` made',
    role: 'superadmin',
    body: z.strictObject({ path: AbsolutePath }),
    status: 202,
    response: JobAnswer,
    errors: ['not_found', 'permission_denied', 'unsupported_format', 'runtime_unavailable'],
  },
  exportImages: {
    method: 'POST',
    path: '/v1/modelops/images/export',
    tag: 'runtimes',
    summary: 'Write images into a file that another machine can import',
    role: 'superadmin',
    body: z.strictObject({
      references: z.array(ImageReference).min(1).max(50),
      path: AbsolutePath,
    }),
    status: 202,
    response: JobAnswer,
    errors: [
      'image_missing',
      'already_exists',
      'not_found',
      'permission_denied',
      'resource_exhausted',
      'storage_unavailable',
      'runtime_unavailable',
    ],
  },
  pruneImages: {
    method: 'POST',
    path: '/v1/modelops/images/prune',
    tag: 'runtimes',
    summary: 'Remove images of runtimes that no slot needs; `dry_run` only tells',
    role: 'superadmin',
    body: z.strictObject({
      dry_run: z.boolean().default(true),
      /** Exactly these; they must be among what a dry run names. */
      ids: z.array(Text(200)).min(1).max(200).optional(),
    }),
    status: 200,
    response: z.object({
      images: z.array(PrunedImageSchema),
      freed_bytes: z.int(),
      removed: z.boolean(),
    }),
    errors: ['runtime_unavailable', 'dependencies_unsatisfied'],
  },
} as const satisfies Record<string, Endpoint>;
