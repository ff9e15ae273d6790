import type { ServerResponse } from 'node:http';
import { AppError, toAppError } from '../../shared/contract/index.ts';
import { openaiProblem } from '../../server/errors.ts';
import type { JsonBody, ProviderAnswer } from '../adapters/providers/index.ts';
import { NO_TOKENS, type ForwardResult } from './forward.ts';
import type { TokenCounts } from './usage.ts';

export interface RelayRequest {
  readonly answer: ProviderAnswer;
  /** Our own id of the model: the provider's name of it stays between us and the provider. */
  readonly modelId: string;
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** The client asked for the tokens at the end of the stream; the provider is always asked. */
  readonly wantsUsage: boolean;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** Writes a provider's answer to the client, under our id of the model. Never throws: the status is out. */
export async function relayAnswer(request: RelayRequest): Promise<ForwardResult> {
  const { answer, modelId, response, headers } = request;
  if (answer.streaming) return relayStream(request, answer.chunks);
  const body = JSON.stringify({ ...answer.body, model: modelId });
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
  return { ok: true, tokens: tokensOf(answer.body) ?? NO_TOKENS, firstByteAt: performance.now() };
}

async function relayStream(
  { modelId, response, headers, requestId, wantsUsage, signal }: RelayRequest,
  chunks: AsyncGenerator<JsonBody, void>,
): Promise<ForwardResult> {
  let tokens = NO_TOKENS;
  const firstByteAt = performance.now();
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    ...headers,
  });
  try {
    for await (const chunk of chunks) {
      tokens = tokensOf(chunk) ?? tokens;
      const shown = wantsUsage ? chunk : withoutUsage(chunk);
      if (shown === null) continue;
      if (!response.write(`data: ${JSON.stringify({ ...shown, model: modelId })}\n\n`))
        await drained(response, signal);
    }
    response.end('data: [DONE]\n\n');
    return { ok: true, tokens, firstByteAt };
  } catch (error) {
    // Who went away needs no answer, and it was not the provider who failed.
    if (signal.aborted) return { ok: true, tokens, firstByteAt };
    const failure = toAppError(error);
    response.end(`data: ${JSON.stringify(openaiProblem(failure, requestId))}\n\n`);
    return { ok: false, tokens, firstByteAt, error: failure };
  }
}

/** A chunk as the client sees it that did not ask for usage: null for the one that carries nothing else. */
function withoutUsage(chunk: JsonBody): JsonBody | null {
  if (!('usage' in chunk)) return chunk;
  const { usage: _usage, ...rest } = chunk;
  return Array.isArray(rest['choices']) && rest['choices'].length === 0 ? null : rest;
}

/** A slow client slows the provider down instead of filling our memory. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      response.off('drain', ready);
      reject(new AppError('shutting_down', 'The client went away.'));
    };
    const ready = (): void => {
      signal.removeEventListener('abort', gone);
      resolve();
    };
    if (signal.aborted) gone();
    else {
      response.once('drain', ready);
      signal.addEventListener('abort', gone, { once: true });
    }
  });
}

/** The tokens that an answer or a chunk tells; null when it tells none. Pure. */
export function tokensOf(body: JsonBody): TokenCounts | null {
  const { usage } = body;
  if (typeof usage !== 'object' || usage === null) return null;
  const number = (name: string): number => {
    const value = (usage as Record<string, unknown>)[name];
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.round(value) : 0;
  };
  const completion = number('completion_tokens');
  return { prompt: number('prompt_tokens') || Math.max(0, number('total_tokens') - completion), completion };
}
