import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { NameSchema } from '../identity.ts';
import { BenchmarkSchema } from '../resources/index.ts';
import { Id, JobAnswer, NOT_FOUND, oneOrMany, PAGE, page } from './parts.ts';

export const BENCHMARKS_ENDPOINTS = {
  startBenchmark: {
    method: 'POST',
    path: '/v1/modelops/slots/:id/benchmarks',
    tag: 'benchmarks',
    summary: 'Measure the model that a slot serves: tokens per second, time to first token, latency',
    role: 'superadmin',
    params: Id,
    body: z.strictObject({
      concurrency: z.array(z.int().min(1).max(64)).min(1).max(8).default([1, 2, 4, 8]),
      prompt_tokens: z.int().min(1).max(1_000_000).optional(),
      output_tokens: z.int().min(1).max(100_000).optional(),
      requests_per_round: z.int().min(1).max(1000).optional(),
      note: z.string().max(500).optional(),
    }),
    status: 202,
    response: JobAnswer,
    errors: ['not_found', 'model_not_loaded', 'unsupported_format'],
  },
  listBenchmarks: {
    method: 'GET',
    path: '/v1/modelops/benchmarks',
    tag: 'benchmarks',
    summary: 'Performance evaluations, newest first',
    role: 'admin',
    query: z.strictObject({
      ...PAGE,
      model_id: oneOrMany(NameSchema).optional(),
      name: NameSchema.optional(),
      slot_id: NameSchema.optional(),
    }),
    status: 200,
    response: page('benchmarks', BenchmarkSchema),
    errors: [],
  },
  getBenchmark: {
    method: 'GET',
    path: '/v1/modelops/benchmarks/:id',
    tag: 'benchmarks',
    summary: 'One performance evaluation',
    role: 'admin',
    params: Id,
    status: 200,
    response: z.object({ benchmark: BenchmarkSchema }),
    errors: NOT_FOUND,
  },
} as const satisfies Record<string, Endpoint>;
