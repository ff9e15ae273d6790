import { z } from 'zod';

export const KV_CACHE_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q5_1',
  'q5_0',
  'q4_1',
  'q4_0',
  'iq4_nl',
  'fp8',
  'auto',
] as const;

/** What a slot may be told. Every key is optional; what is absent comes from the model or the spec. */
export const SlotConfigSchema = z.strictObject({
  image: z.string().min(1).max(512).optional(),
  context_length: z.int().min(16).max(16_777_216).optional(),
  max_model_len: z.int().min(16).max(16_777_216).optional(),
  parallel: z.int().min(1).max(1024).optional(),
  threads: z.int().min(1).max(1024).optional(),
  gpu_layers: z.union([z.int().min(0).max(10_000), z.literal('all'), z.literal('auto')]).optional(),
  kv_cache_type: z.enum(KV_CACHE_TYPES).optional(),
  gpu_memory_utilization: z.number().gt(0).lte(1).optional(),
  tensor_parallel_size: z.int().min(1).max(64).optional(),
  dtype: z.string().min(1).max(32).optional(),
  enforce_eager: z.boolean().optional(),
  trust_remote_code: z.boolean().optional(),
  extra_args: z.array(z.string().max(4096)).max(128).optional(),
  flash_attention: z.enum(['on', 'off', 'auto']).optional(),
  batch_size: z.int().min(1).max(1_048_576).optional(),
  ubatch_size: z.int().min(1).max(1_048_576).optional(),
  quantization: z.string().min(1).max(64).optional(),
  max_num_batched_tokens: z.int().min(1).max(16_777_216).optional(),
  kv_cache_memory_bytes: z.int().min(1).optional(),
  shm_bytes: z.int().min(1_048_576).optional(),
  memory_limit_bytes: z.int().min(16_777_216).optional(),
  /** Of a custom image: the port it listens on, and variables it is given. */
  port: z.int().min(1).max(65_535).optional(),
  env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/), z.string().max(4096)).optional(),
});
export type SlotConfig = z.infer<typeof SlotConfigSchema>;

/** What a model may say about how it wants to be run. A slot overrides it. */
export const ModelConfigSchema = SlotConfigSchema.omit({
  image: true,
  max_model_len: true,
  port: true,
  env: true,
  memory_limit_bytes: true,
}).extend({
  chat_template: z.string().max(1_000_000).optional(),
});
export type ModelConfig = z.infer<typeof ModelConfigSchema>;

const ORIGINS = ['slot', 'override', 'declared', 'inferred', 'default'] as const;
export const OriginSchema = z.object({ from: z.enum(ORIGINS), note: z.string().optional() });
export type Origin = z.infer<typeof OriginSchema>;
