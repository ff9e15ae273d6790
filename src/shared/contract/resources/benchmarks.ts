import { z } from 'zod';
import { Bytes, JsonObject, TimeSchema } from './basics.ts';

/** Requests at once, and what came of them. Rates are tokens per second over all requests; times are milliseconds. */
export const BenchmarkRoundSchema = z.object({
  concurrency: z.int(),
  requests: z.int(),
  errors: z.int(),
  output_tokens: z.int(),
  prompt_tokens: z.int(),
  tokens_per_second: z.number(),
  tokens_per_second_per_request: z.number(),
  time_to_first_token_ms: z.object({ p50: z.number(), p95: z.number(), max: z.number() }),
  latency_ms: z.object({ p50: z.number(), p95: z.number(), max: z.number() }),
});
export type BenchmarkRound = z.infer<typeof BenchmarkRoundSchema>;

/** A performance evaluation: one model version on one slot as it was set up then. */
export const BenchmarkSchema = z.object({
  id: z.string(),
  model_id: z.string(),
  model_name: z.string(),
  seq: z.int(),
  global_model_id: z.string().nullable(),
  quantization: z.string().nullable(),
  slot_id: z.string(),
  runtime_spec: z.string(),
  runtime_identity: z.string().nullable(),
  image_id: z.string().nullable(),
  engine_version: z.string().nullable(),
  device: z.string(),
  config: JsonObject,
  workload: z.object({ prompt_tokens: z.int(), output_tokens: z.int(), requests_per_round: z.int() }),
  rounds: z.array(BenchmarkRoundSchema),
  memory_bytes: Bytes.nullable(),
  load_ms: z.int().nullable(),
  note: z.string().nullable(),
  created_by: z.string().nullable(),
  created_at: TimeSchema,
});
export type Benchmark = z.infer<typeof BenchmarkSchema>;
