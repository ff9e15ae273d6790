import { z } from 'zod';
import { CapabilitySchema } from './tasks.ts';
import { Bytes, JsonObject, TimeSchema } from './basics.ts';

const PercentilesSchema = z.object({ p50: z.number(), p95: z.number(), max: z.number() });

/**
 * Requests at once, and what came of them. Times are milliseconds, of requests that succeeded; null without one. Rates
 * are per second of the round over all requests. Of embeddings, tokens are those of the texts.
 */
export const BenchmarkRoundSchema = z.object({
  concurrency: z.int(),
  requests: z.int(),
  errors: z.int(),
  output_tokens: z.int(),
  prompt_tokens: z.int(),
  tokens_per_second: z.number(),
  requests_per_second: z.number(),
  /** Of one request from its start to its end; half of them are faster. */
  tokens_per_second_per_request: z.number().nullable(),
  /** Null for embeddings, which come at once. */
  time_to_first_token_ms: PercentilesSchema.nullable(),
  latency_ms: PercentilesSchema.nullable(),
  duration_ms: z.int(),
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
  capability: CapabilitySchema,
  slot_id: z.string(),
  runtime_spec: z.string(),
  runtime_identity: z.string().nullable(),
  image_id: z.string().nullable(),
  engine_version: z.string().nullable(),
  device: z.string(),
  config: JsonObject,
  /** Tokens of a prompt as the engine counted them, and the most it was to answer with. */
  workload: z.object({ prompt_tokens: z.int(), output_tokens: z.int(), requests_per_round: z.int() }),
  rounds: z.array(BenchmarkRoundSchema),
  memory_bytes: Bytes.nullable(),
  load_ms: z.int().nullable(),
  /** Requests of others that the slot served meanwhile: they share what is measured. */
  other_requests: z.int(),
  note: z.string().nullable(),
  created_by: z.string().nullable(),
  created_at: TimeSchema,
});
export type Benchmark = z.infer<typeof BenchmarkSchema>;
