import { z } from 'zod';
import { Bytes, JsonObject } from './basics.ts';

/** Whether a model fits into a slot: what it needs, as a range, beside what there is. */

export const MEMORY_PARTS = ['weights', 'kv_cache', 'compute', 'overhead'] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

/** Bytes of one start over all its devices. */
export const RequiredMemorySchema = z.object({
  weights_bytes: Bytes,
  kv_cache_bytes: Bytes,
  compute_bytes: Bytes,
  overhead_bytes: Bytes,
  total_bytes: Bytes,
  low_bytes: Bytes,
  high_bytes: Bytes,
});
export type RequiredMemory = z.infer<typeof RequiredMemorySchema>;

export const MemoryRangeSchema = z.object({
  part: z.enum(MEMORY_PARTS),
  low_bytes: Bytes,
  expected_bytes: Bytes,
  high_bytes: Bytes,
});
export type MemoryRange = z.infer<typeof MemoryRangeSchema>;

export const FitDeviceSchema = z.object({
  /** null: the memory of the machine. */
  gpu_uuid: z.string().nullable(),
  name: z.string(),
  total_bytes: Bytes.nullable(),
  /** Free now, plus what this slot holds itself and would give back. */
  available_bytes: Bytes.nullable(),
  required: RequiredMemorySchema,
  fits: z.boolean(),
});
export type FitDevice = z.infer<typeof FitDeviceSchema>;

/** Another way to make it fit. `patch` goes into the slot's config; `gpu_ids` and `unload` besides. */
export const FitWaySchema = z.object({
  label: z.string(),
  fits: z.boolean(),
  total_bytes: Bytes,
  spare_bytes: z.int(),
  patch: JsonObject,
  gpu_ids: z.array(z.string()).nullable(),
  /** Slots that would have to be emptied. */
  unload: z.array(z.string()),
});
export type FitWay = z.infer<typeof FitWaySchema>;

export const FitSchema = z.object({
  fits: z.boolean(),
  /** One sentence with the numbers, for a person. */
  verdict: z.string(),
  place: z.enum(['gpu', 'memory']),
  context_length: z.int(),
  parallel: z.int(),
  required: RequiredMemorySchema,
  breakdown: z.array(MemoryRangeSchema),
  available_bytes: Bytes,
  missing_bytes: Bytes,
  /** Largest tokens per request that fit with these requests at once; null when not even the smallest does. */
  max_context_length: z.int().nullable(),
  /** Requests at once that fit with this context; null when not even one does. */
  max_parallel: z.int().nullable(),
  /** What the model was trained for; null when its header does not say. */
  trained_context_length: z.int().nullable(),
  /** For engines that take a share of the GPU: the share to ask for. */
  gpu_memory_utilization: z.number().nullable(),
  per_gpu: z.array(FitDeviceSchema),
  ways: z.array(FitWaySchema),
  /** What was taken for granted, in sentences. */
  assumptions: z.array(z.string()),
  /** What the engine reported for the same model, engine and settings before; null: only calculated. */
  learned: z
    .object({
      measurements: z.int(),
      engine: z.string(),
      /** How far the last calculation was off, in percent; above 0: too high. */
      last_error_percent: z.number().nullable(),
    })
    .nullable(),
});
export type Fit = z.infer<typeof FitSchema>;
