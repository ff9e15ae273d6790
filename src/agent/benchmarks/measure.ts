import type { Dispatcher } from 'undici';
import { AppError, SseParser } from '../../shared/contract/index.ts';
import type { SlotEndpoint } from '../runtimes/index.ts';
import type { Answered } from './rules.ts';

/** One request to a runtime, timed. Tokens are those that the engine counted, never guessed from pieces of text. */

export interface CompletionRequest {
  readonly prompt: string;
  readonly maxTokens: number;
  /** Goes on where the model would end, so that all answers are as long as each other. */
  readonly ignoreEnd: boolean;
}

/** Nothing for so long is an engine that hangs. */
const FIRST_BYTE_MS = 15 * 60_000;
const NEXT_BYTE_MS = 120_000;
const MAX_REFUSAL_BYTES = 64 * 1024;

/** The connection broke: the engine may be gone, which its slot knows. */
export class ConnectionBroken extends Error {}

/**
 * Asks for a completion as a stream.
 * @throws {AppError} `upstream_failed` for what the engine refuses, {ConnectionBroken}, the reason of `signal`.
 */
export async function measureCompletion(
  endpoint: SlotEndpoint,
  { prompt, maxTokens, ignoreEnd }: CompletionRequest,
  signal: AbortSignal,
): Promise<Answered> {
  const started = performance.now();
  const body = {
    model: endpoint.runtimeModelId,
    prompt,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ...(ignoreEnd ? { ignore_eos: true } : {}),
  };
  const seen: StreamSeen = { firstTokenAt: null, promptTokens: null, outputTokens: null };
  await post(endpoint, '/v1/completions', body, signal, async (answer) => {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    for await (const chunk of answer as AsyncIterable<Buffer>)
      for (const { data } of parser.push(decoder.decode(chunk, { stream: true }))) takeEvent(data, seen);
  });
  const ended = performance.now();
  const { firstTokenAt, promptTokens, outputTokens } = seen;
  if (promptTokens === null || outputTokens === null)
    throw new AppError('upstream_failed', 'The runtime did not say how many tokens it generated.');
  return {
    promptTokens,
    outputTokens,
    firstTokenMs: firstTokenAt === null ? null : firstTokenAt - started,
    latencyMs: ended - started,
  };
}

/** Asks for the embedding of one text. @throws as `measureCompletion`. */
export async function measureEmbedding(
  endpoint: SlotEndpoint,
  input: string,
  signal: AbortSignal,
): Promise<Answered> {
  const started = performance.now();
  let text = '';
  await post(
    endpoint,
    '/v1/embeddings',
    { model: endpoint.runtimeModelId, input },
    signal,
    async (answer) => {
      text = await answer.text();
    },
  );
  const latencyMs = performance.now() - started;
  const promptTokens = countsOf(parsed(text)).promptTokens;
  if (promptTokens === null)
    throw new AppError('upstream_failed', 'The runtime did not say how many tokens it read.');
  return { promptTokens, outputTokens: 0, firstTokenMs: null, latencyMs };
}

interface StreamSeen {
  firstTokenAt: number | null;
  promptTokens: number | null;
  outputTokens: number | null;
}

/** One event of the stream: a token, the counts at its end, or what went wrong. */
function takeEvent(data: string, seen: StreamSeen): void {
  if (data === '[DONE]') return;
  const event = parsed(data);
  if (event === null) return;
  if (event['error'] !== undefined)
    throw new AppError('upstream_failed', `The runtime broke off: ${messageOf(event)}`);
  const choices = event['choices'];
  if (Array.isArray(choices) && choices.length > 0) seen.firstTokenAt ??= performance.now();
  const { promptTokens, outputTokens } = countsOf(event);
  seen.promptTokens = promptTokens ?? seen.promptTokens;
  seen.outputTokens = outputTokens ?? seen.outputTokens;
}

/** As OpenAI tells them, or llama-server's timings, whose `prompt_n` leaves out what was cached. */
function countsOf(body: Record<string, unknown> | null): {
  promptTokens: number | null;
  outputTokens: number | null;
} {
  const usage = record(body?.['usage']);
  const timings = record(body?.['timings']);
  return {
    promptTokens: count(usage?.['prompt_tokens']) ?? count(timings?.['prompt_n']),
    outputTokens: count(usage?.['completion_tokens']) ?? count(timings?.['predicted_n']),
  };
}

async function post(
  endpoint: SlotEndpoint,
  path: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
  read: (answer: Dispatcher.ResponseData['body']) => Promise<void>,
): Promise<void> {
  endpoint.enter();
  try {
    const response = await endpoint.pool.request({
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      headersTimeout: FIRST_BYTE_MS,
      bodyTimeout: NEXT_BYTE_MS,
      signal,
    });
    if (response.statusCode === 200) {
      await read(response.body);
      return;
    }
    const text = (await response.body.text()).slice(0, MAX_REFUSAL_BYTES);
    throw new AppError(
      'upstream_failed',
      `The runtime answered with ${response.statusCode}: ${messageOf(parsed(text)) || text.slice(0, 300)}`,
      { details: { status: response.statusCode } },
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw new ConnectionBroken('the runtime broke the connection', { cause: error });
  } finally {
    endpoint.leave();
  }
}

function messageOf(body: Record<string, unknown> | null): string {
  const error = body?.['error'];
  const message = typeof error === 'string' ? error : (record(error)?.['message'] ?? body?.['message']);
  return typeof message === 'string' ? message.slice(0, 300) : '';
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return record(JSON.parse(text));
  } catch {
    // Not JSON: whoever reads it says what is missing.
    return null;
  }
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}
