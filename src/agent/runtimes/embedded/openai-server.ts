import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { z } from 'zod';
import {
  NoChatTemplateError,
  PromptTooLongError,
  type EngineCounts,
  type Generation,
  type LlamaEngine,
} from './llama-engine.ts';
import {
  ChatRequestSchema,
  CompletionRequestSchema,
  describeIssue,
  EmbeddingRequestSchema,
  samplingOf,
  type ChatRequest,
} from './parameters.ts';

export interface ServerOptions {
  readonly servedName: string;
  readonly version: string;
  readonly embeddings: boolean;
  /** null while the model loads. */
  readonly engine: () => LlamaEngine | null;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

class RequestError extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;
  constructor(status: number, type: string, message: string, more: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.body = { error: { message, type, code: status, ...more } };
  }
}

/** The routes of llama-server that the agent uses, with its shapes and its errors. */
export function createOpenAiServer(options: ServerOptions): Server {
  return createServer((request, response) => {
    handle(request, response, options).catch((error: unknown) => {
      if (response.destroyed) return;
      const known = error instanceof RequestError ? error : translate(error);
      if (response.headersSent) {
        response.end(`data: ${JSON.stringify(known.body)}\n\n`);
        return;
      }
      json(response, known.status, known.body);
    });
  });
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  const engine = options.engine();
  if (engine === null) throw new RequestError(503, 'unavailable_error', 'Loading model');
  const route = `${request.method} ${path}`;
  switch (route) {
    case 'GET /health':
      return json(response, 200, { status: 'ok' });
    case 'GET /v1/models':
      return json(response, 200, models(engine, options));
    case 'GET /props':
      return json(response, 200, {
        default_generation_settings: { n_ctx: engine.facts.contextLength },
        total_slots: engine.facts.parallel,
        model_alias: options.servedName,
        build_info: options.version,
      });
    case 'GET /metrics':
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(metricsPage(engine.counts));
      return;
    case 'POST /v1/chat/completions':
      return chat(request, response, engine, options);
    case 'POST /v1/completions':
      return completion(request, response, engine, options);
    case 'POST /v1/embeddings':
      return embeddings(request, response, engine, options);
    default:
      throw new RequestError(404, 'not_found_error', `There is no ${route}.`);
  }
}

/** Figures under the names of llama-server, as far as they are known here. */
function metricsPage({ running, waiting, promptTokens, generatedTokens, cacheShare }: EngineCounts): string {
  const figures: [string, 'counter' | 'gauge', number | null][] = [
    ['prompt_tokens_total', 'counter', promptTokens],
    ['tokens_predicted_total', 'counter', generatedTokens],
    ['requests_processing', 'gauge', running],
    ['requests_deferred', 'gauge', waiting],
    ['kv_cache_usage_ratio', 'gauge', cacheShare],
  ];
  return figures
    .flatMap(([name, type, value]) =>
      value === null ? [] : [`# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`],
    )
    .join('');
}

function models(engine: LlamaEngine, { servedName }: ServerOptions): Record<string, unknown> {
  const meta = {
    n_ctx: engine.facts.contextLength,
    n_ctx_train: engine.facts.trainedContext,
    n_embd: engine.facts.embeddingLength,
    size: engine.facts.sizeBytes,
  };
  return {
    object: 'list',
    data: [{ id: servedName, object: 'model', created: now(), owned_by: 'node-llama-cpp', meta }],
  };
}

async function chat(
  request: IncomingMessage,
  response: ServerResponse,
  engine: LlamaEngine,
  options: ServerOptions,
): Promise<void> {
  refuseEmbeddingRuntime(options);
  const body = await readBody(request, ChatRequestSchema);
  const tokens = engine.chatTokens(
    body.messages.map((message) => ({ role: message.role, content: flatten(message.content) })),
  );
  const base = {
    id: `chatcmpl-${randomUUID()}`,
    created: now(),
    model: options.servedName,
    system_fingerprint: options.version,
  };
  const sampling = samplingOf(body);
  if (body.stream === true) {
    const chunk = (delta: Record<string, unknown>, finish: string | null): Record<string, unknown> => ({
      ...base,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    return stream(request, response, {
      first: chunk({ role: 'assistant', content: null }, null),
      piece: (text) => chunk({ content: text }, null),
      last: (generation) => ({ ...chunk({}, generation.finishReason), timings: timings(generation) }),
      usage: (generation) => ({
        ...base,
        object: 'chat.completion.chunk',
        choices: [],
        usage: usage(generation),
      }),
      includeUsage: body.stream_options?.include_usage === true,
      run: (onText, signal) => engine.generate(tokens, sampling, onText, signal),
    });
  }
  let content = '';
  const generation = await engine.generate(
    tokens,
    sampling,
    (text) => (content += text),
    goneSignal(response),
  );
  json(response, 200, {
    ...base,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: generation.finishReason }],
    usage: usage(generation),
  });
}

async function completion(
  request: IncomingMessage,
  response: ServerResponse,
  engine: LlamaEngine,
  options: ServerOptions,
): Promise<void> {
  refuseEmbeddingRuntime(options);
  const body = await readBody(request, CompletionRequestSchema);
  const tokens = engine.promptTokens([body.prompt].flat()[0] ?? '');
  const base = {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: now(),
    model: options.servedName,
  };
  const sampling = samplingOf(body);
  const choice = (text: string, finish: string | null): Record<string, unknown> => ({
    ...base,
    choices: [{ index: 0, text, finish_reason: finish }],
  });
  if (body.stream === true) {
    return stream(request, response, {
      first: null,
      piece: (text) => choice(text, null),
      last: (generation) => ({ ...choice('', generation.finishReason), timings: timings(generation) }),
      usage: (generation) => ({ ...base, choices: [], usage: usage(generation) }),
      includeUsage: body.stream_options?.include_usage === true,
      run: (onText, signal) => engine.generate(tokens, sampling, onText, signal),
    });
  }
  let text = '';
  const generation = await engine.generate(
    tokens,
    sampling,
    (piece) => (text += piece),
    goneSignal(response),
  );
  json(response, 200, { ...choice(text, generation.finishReason), usage: usage(generation) });
}

async function embeddings(
  request: IncomingMessage,
  response: ServerResponse,
  engine: LlamaEngine,
  options: ServerOptions,
): Promise<void> {
  if (!options.embeddings)
    throw new RequestError(
      501,
      'not_supported_error',
      'This runtime was started for text generation, not for embeddings.',
    );
  const body = await readBody(request, EmbeddingRequestSchema);
  let promptTokens = 0;
  const data: Record<string, unknown>[] = [];
  for (const [index, text] of [body.input].flat().entries()) {
    const { vector, tokens } = await engine.embed(text);
    promptTokens += tokens;
    const embedding =
      body.encoding_format === 'base64'
        ? Buffer.from(new Float32Array(vector).buffer).toString('base64')
        : vector;
    data.push({ object: 'embedding', index, embedding });
  }
  json(response, 200, {
    object: 'list',
    data,
    model: options.servedName,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
}

interface Streaming {
  readonly first: Record<string, unknown> | null;
  readonly piece: (text: string) => Record<string, unknown>;
  readonly last: (generation: Generation) => Record<string, unknown>;
  readonly usage: (generation: Generation) => Record<string, unknown>;
  readonly includeUsage: boolean;
  readonly run: (onText: (text: string) => void, signal: AbortSignal) => Promise<Generation>;
}

async function stream(
  _request: IncomingMessage,
  response: ServerResponse,
  streaming: Streaming,
): Promise<void> {
  const signal = goneSignal(response);
  const send = (value: Record<string, unknown>): void => {
    // Headers wait for the first token, so that a prompt that is too long is still a 400.
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      });
      if (streaming.first !== null && value !== streaming.first) send(streaming.first);
    }
    response.write(`data: ${JSON.stringify(value)}\n\n`);
  };
  const generation = await streaming.run((text) => send(streaming.piece(text)), signal);
  send(streaming.last(generation));
  if (streaming.includeUsage) send(streaming.usage(generation));
  response.end('data: [DONE]\n\n');
}

function usage({ promptTokens, completionTokens }: Generation): Record<string, number> {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** As llama-server ends its streams, so that tokens can be counted without asking for usage. */
function timings({ promptTokens, completionTokens }: Generation): Record<string, number> {
  return { prompt_n: promptTokens, predicted_n: completionTokens };
}

function flatten(content: ChatRequest['messages'][number]['content']): string {
  return typeof content === 'string' ? content : content.map((part) => part.text).join('');
}

function refuseEmbeddingRuntime({ embeddings: only }: ServerOptions): void {
  if (only)
    throw new RequestError(
      501,
      'not_supported_error',
      'This runtime was started for embeddings, not for text generation.',
    );
}

async function readBody<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RequestError(413, 'invalid_request_error', 'The body is too large.');
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw new RequestError(400, 'invalid_request_error', `The body is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { param, message } = describeIssue(parsed.error);
  throw new RequestError(400, 'invalid_request_error', message, { param });
}

function translate(error: unknown): RequestError {
  if (error instanceof PromptTooLongError) {
    return new RequestError(400, 'exceed_context_size_error', error.message, {
      n_prompt_tokens: error.promptTokens,
      n_ctx: error.contextLength,
    });
  }
  if (error instanceof NoChatTemplateError) {
    return new RequestError(
      400,
      'invalid_request_error',
      `${error.message} Use /v1/completions, or give the model a template.`,
      { param: 'messages' },
    );
  }
  process.stderr.write(
    `embedded-llama: request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return new RequestError(500, 'server_error', 'The embedded runtime failed to answer.');
}

function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client went away'));
  });
  return controller.signal;
}

function json(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
