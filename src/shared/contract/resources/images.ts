import { z } from 'zod';
import { Bytes, NullableTime, TimeSchema } from './basics.ts';

/** An image of the engine, or one that a slot or a runtime names and the engine does not have. */
export const ImageSchema = z.object({
  /** null: not on this machine. */
  id: z.string().nullable(),
  references: z.array(z.string()),
  digests: z.array(z.string()),
  size_bytes: Bytes.nullable(),
  architecture: z.string().nullable(),
  version: z.string().nullable(),
  created_at: NullableTime,
  present: z.boolean(),
  /** The id that stood behind this reference before, when it changed. */
  changed_from: z.string().nullable(),
  /** What slots and runtimes call it; empty where nothing here names it. */
  needed_references: z.array(z.string()),
  /** Slots that would start from it. */
  needed_by_slots: z.array(z.string()),
  /** Runtime specs that name it. */
  needed_by_runtimes: z.array(z.string()),
  in_use: z.boolean(),
});
export type Image = z.infer<typeof ImageSchema>;

export const PrunedImageSchema = z.object({
  id: z.string(),
  references: z.array(z.string()),
  size_bytes: Bytes,
});

/** The container that would be made: for reading and for comparing, not to be run by hand. */
export const RenderedContainerSchema = z.object({
  runtime_spec: z.string(),
  driver: z.enum(['docker', 'process', 'embedded']),
  image: z.string().nullable(),
  image_id: z.string().nullable(),
  engine_version: z.string().nullable(),
  entrypoint: z.array(z.string()).nullable(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  isolation: z.enum(['full', 'partial', 'none']),
  config_hash: z.string(),
  /** The body of the engine's create call; null where the driver makes no container. */
  create: z.record(z.string(), z.json()).nullable(),
  /** The same as a `docker run` line. */
  command: z.string().nullable(),
  /** What this engine version or machine changed in it, and what is missing, in sentences. */
  notes: z.array(z.string()),
  observed_at: TimeSchema,
});
export type RenderedContainer = z.infer<typeof RenderedContainerSchema>;
