import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { Text, NOT_FOUND } from './parts.ts';

/** What a call to a model can be refused with. */
const CALL_ERRORS = [
  'not_found',
  'forbidden',
  'invalid_state_transition',
  'recalled',
  'validation_failed',
  'credential_unavailable',
  'offline_not_allowed',
  'unsupported_format',
  'model_not_loaded',
  'upstream_failed',
  'runtime_unavailable',
  'rate_limited',
  'secrets_locked',
] as const;

const Turn = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: Text(1_000_000),
});

/** The product-facing answer of one call; `output` and `response` are the same text. */
const PlainAnswer = z.object({
  output: z.string(),
  response: z.string(),
  model_id: z.string(),
  finish_reason: z.string().nullable(),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }).nullable(),
});

export const GATEWAY_ENDPOINTS = {
  listServedModels: {
    method: 'GET',
    path: '/v1/models',
    tag: 'gateway',
    summary: 'Models this key can call now',
    role: 'user',
    status: 200,
    response: z.looseObject({ object: z.literal('list'), data: z.array(z.looseObject({ id: z.string() })) }),
    errors: [],
    kind: 'openai',
  },
  getServedModel: {
    method: 'GET',
    path: '/v1/models/:id',
    tag: 'gateway',
    summary: 'One model this key can call now',
    role: 'user',
    params: z.strictObject({ id: Text(256) }),
    status: 200,
    response: z.looseObject({ id: z.string() }),
    errors: NOT_FOUND,
    kind: 'openai',
  },
  createChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions',
    tag: 'gateway',
    summary: 'Chat, as OpenAI defines it',
    role: 'user',
    body: z.looseObject({
      model: z.string(),
      messages: z.array(z.looseObject({ role: z.string() })).min(1),
      stream: z.boolean().nullish(),
    }),
    status: 200,
    response: z.looseObject({}),
    errors: CALL_ERRORS,
    kind: 'openai',
  },
  createCompletion: {
    method: 'POST',
    path: '/v1/completions',
    tag: 'gateway',
    summary: 'Text completion, as OpenAI defines it',
    role: 'user',
    body: z.looseObject({
      model: z.string(),
      prompt: z.union([z.string(), z.array(z.unknown())]),
      stream: z.boolean().nullish(),
    }),
    status: 200,
    response: z.looseObject({}),
    errors: CALL_ERRORS,
    kind: 'openai',
  },
  createEmbedding: {
    method: 'POST',
    path: '/v1/embeddings',
    tag: 'gateway',
    summary: 'Embeddings, as OpenAI defines them',
    role: 'user',
    body: z.looseObject({ model: z.string(), input: z.union([z.string(), z.array(z.unknown()).min(1)]) }),
    status: 200,
    response: z.looseObject({}),
    errors: CALL_ERRORS,
    kind: 'openai',
  },
  createRerank: {
    method: 'POST',
    path: '/v1/rerank',
    tag: 'gateway',
    summary: 'Order documents by how well they answer a query',
    role: 'user',
    body: z.looseObject({
      model: z.string(),
      query: z.string().min(1),
      documents: z
        .array(z.union([z.string(), z.looseObject({ text: z.string() })]))
        .min(1)
        .max(2048),
      top_n: z.int().min(1).nullish(),
      return_documents: z.boolean().nullish(),
    }),
    status: 200,
    response: z.object({
      model: z.string(),
      results: z.array(
        z.object({
          index: z.int(),
          relevance_score: z.number(),
          document: z.looseObject({ text: z.string() }).optional(),
        }),
      ),
      usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
    }),
    errors: CALL_ERRORS,
    kind: 'openai',
  },
  generateText: {
    method: 'POST',
    path: '/v1/models/generate',
    tag: 'gateway',
    summary: 'One answer to a prompt or a history, without OpenAI around it',
    role: 'user',
    scope: 'invoke',
    body: z
      .strictObject({
        model_id: z.string().min(1).max(256),
        prompt: Text(1_000_000).optional(),
        history: z.array(Turn).max(1000).optional(),
        max_tokens: z.int().min(1).max(1_000_000).optional(),
        temperature: z.number().min(0).max(2).optional(),
      })
      .refine(({ prompt, history }) => (prompt ?? '') !== '' || (history ?? []).length > 0, {
        path: ['prompt'],
        message: 'Give a prompt, a history, or both.',
      }),
    status: 200,
    response: PlainAnswer,
    errors: CALL_ERRORS,
  },
  inferText: {
    method: 'POST',
    path: '/v1/models/inference',
    tag: 'gateway',
    summary: 'The same under the names of older products',
    role: 'user',
    scope: 'invoke',
    body: z.strictObject({
      model: z.string().min(1).max(256),
      prompt: z.string().min(1).max(1_000_000),
      history: z.array(Turn).max(1000).optional(),
    }),
    status: 200,
    response: PlainAnswer,
    errors: CALL_ERRORS,
  },
} as const satisfies Record<string, Endpoint>;
