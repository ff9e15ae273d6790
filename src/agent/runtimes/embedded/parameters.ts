import { z } from 'zod';

/**
 * What the embedded runtime takes and honours. Anything else is refused by name: a parameter that is silently ignored
 * changes what an answer means.
 */
const Text = z.string();
const TextPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const nullish = <T extends z.ZodType>(schema: T) => schema.nullish();

const SAMPLING = {
  temperature: nullish(z.number().min(0).max(10)),
  top_p: nullish(z.number().min(0).max(1)),
  top_k: nullish(z.int().min(0).max(100_000)),
  min_p: nullish(z.number().min(0).max(1)),
  seed: nullish(z.int()),
  frequency_penalty: nullish(z.number().min(-2).max(2)),
  presence_penalty: nullish(z.number().min(-2).max(2)),
  repeat_penalty: nullish(z.number().min(0).max(10)),
  stop: nullish(z.union([Text.min(1), z.array(Text.min(1)).max(16)])),
  stream: nullish(z.boolean()),
  stream_options: nullish(z.strictObject({ include_usage: nullish(z.boolean()) })),
  ignore_eos: nullish(z.boolean()),
  n: nullish(z.literal(1)),
  user: nullish(Text),
};

export const ChatRequestSchema = z.strictObject({
  model: nullish(Text),
  messages: z
    .array(
      z.strictObject({
        role: z.enum(['system', 'developer', 'user', 'assistant']),
        content: z.union([Text, z.array(TextPart)]),
        name: nullish(Text),
      }),
    )
    .min(1),
  max_tokens: nullish(z.int().min(1)),
  max_completion_tokens: nullish(z.int().min(1)),
  response_format: nullish(z.strictObject({ type: z.literal('text') })),
  ...SAMPLING,
});
export type ChatRequest = z.infer<typeof ChatRequestSchema>;

export const CompletionRequestSchema = z.strictObject({
  model: nullish(Text),
  prompt: z.union([Text, z.tuple([Text])]),
  max_tokens: nullish(z.int().min(1)),
  echo: nullish(z.literal(false)),
  best_of: nullish(z.literal(1)),
  ...SAMPLING,
});
export type CompletionRequest = z.infer<typeof CompletionRequestSchema>;

export const EmbeddingRequestSchema = z.strictObject({
  model: nullish(Text),
  input: z.union([Text.min(1), z.array(Text.min(1)).min(1).max(2048)]),
  encoding_format: nullish(z.enum(['float', 'base64'])),
  user: nullish(Text),
});

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number | null;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly repeatPenalty: number;
  readonly stop: readonly string[];
  readonly maxTokens: number | null;
  /** Goes on where the model would end, up to the limit. */
  readonly ignoreEnd: boolean;
}

/** The defaults of llama-server, so that a model answers alike on both. */
export function samplingOf(
  request: Omit<ChatRequest, 'messages'> | Omit<CompletionRequest, 'prompt'>,
): Sampling {
  const limit =
    'max_completion_tokens' in request
      ? (request.max_completion_tokens ?? request.max_tokens)
      : request.max_tokens;
  const { stop } = request;
  return {
    temperature: request.temperature ?? 0.8,
    topP: request.top_p ?? 0.95,
    topK: request.top_k ?? 40,
    minP: request.min_p ?? 0.05,
    seed: request.seed ?? null,
    frequencyPenalty: request.frequency_penalty ?? 0,
    presencePenalty: request.presence_penalty ?? 0,
    repeatPenalty: request.repeat_penalty ?? 1,
    stop: stop == null ? [] : [stop].flat(),
    maxTokens: limit ?? null,
    ignoreEnd: request.ignore_eos ?? false,
  };
}

/** The field a refusal is about, and a sentence. Pure. */
export function describeIssue(error: z.ZodError): { param: string; message: string } {
  const [issue] = error.issues;
  if (issue === undefined) return { param: 'body', message: 'The request is not valid.' };
  if (issue.code === 'unrecognized_keys') {
    const param = [...issue.path, issue.keys[0] ?? ''].join('.');
    return { param, message: `${param} cannot be honoured by the embedded runtime, so it is refused.` };
  }
  const param = issue.path.join('.') || 'body';
  return { param, message: `${param}: ${issue.message}` };
}
