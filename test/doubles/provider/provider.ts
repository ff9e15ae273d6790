import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * A provider on loopback that speaks OpenAI's protocol and Anthropic's over HTTP, says in each answer which model it
 * is, records what it was asked, and can be told to go wrong. Also a program: `node provider.ts --port 0 --key sk-test`
 * prints one line `{"event":"ready","url","base_url"}`; its control routes are under /control.
 */

/** What can go wrong with a call. A model `faulty-<fault>` always does it; the control route does it for any model. */
export const FAULTS = [
  '401',
  '403',
  '404',
  '429',
  '429-long',
  '422',
  '500',
  '503',
  'stall-before',
  'stall-after',
  'malformed',
  'cut',
  'hangup',
  'slow',
  'endless',
  'redirect',
  'huge-error',
  'error-event',
  'no-usage',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | null;
  /** The client left before the answer was complete. */
  aborted: boolean;
}

export interface ProviderOptions {
  readonly key?: string;
  readonly port?: number;
  /** What /models lists besides the models that go wrong. */
  readonly models?: readonly string[];
  /** Where the fault `redirect` leads to. */
  readonly redirectTo?: string;
}

export interface ProviderDouble extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Base address of both protocols: `<url>/v1`. */
  readonly baseUrl: string;
  readonly key: string;
  /** What it offers now. */
  models: readonly string[];
  /** Oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Lets the next `times` calls go wrong, whatever model they name. */
  fail(fault: Fault, times?: number): void;
  /** Takes another key from now on; the old one is refused. */
  rotate(key: string): void;
  /** Resolves when a recorded request fulfils a condition, at once if one does. */
  until(reached: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  forget(): void;
  close(): Promise<void>;
}

export const PROVIDER_KEY = 'sk-double-0123456789abcdef';
const MODELS = [
  'parrot-large',
  'parrot-small',
  'gpt-5-parrot',
  'o3-parrot',
  'text-embedding-parrot',
  'parrot-embed',
  'parrot-rerank',
];
const CREATED = 1_700_000_000;

/** What a model of the double says to a text. */
export function parrotSays(model: string, text: string): string {
  return `I am ${model} and you said: ${text}`;
}

export async function startProvider(options: ProviderOptions = {}): Promise<ProviderDouble> {
  const double = new Double(options);
  await double.listen(options.port ?? 0);
  return double;
}

class Double implements ProviderDouble {
  readonly requests: RecordedRequest[] = [];
  models: readonly string[];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #waiting = new Set<() => void>();
  readonly #faults: Fault[] = [];
  readonly #redirectTo: string;
  key: string;

  constructor({
    key = PROVIDER_KEY,
    models = MODELS,
    redirectTo = 'http://127.0.0.1:9/v1',
  }: ProviderOptions) {
    this.key = key;
    this.models = models;
    this.#redirectTo = redirectTo;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get baseUrl(): string {
    return `${this.url}/v1`;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  fail(fault: Fault, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#faults.push(fault);
  }

  rotate(key: string): void {
    this.key = key;
  }

  until(reached: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.requests.find(reached);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  forget(): void {
    this.requests.length = 0;
    this.#faults.length = 0;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const body = text === '' ? null : (JSON.parse(text) as Record<string, unknown>);
    if (path.startsWith('/control/')) return this.#control(request.method ?? '', path, body, response);
    const recorded: RecordedRequest = {
      method: request.method ?? '',
      path,
      headers: request.headers as Record<string, string>,
      body,
      aborted: false,
    };
    this.requests.push(recorded);
    response.once('close', () => {
      recorded.aborted = !response.writableFinished;
      for (const look of this.#waiting) look();
    });
    for (const look of this.#waiting) look();
    return answer(recorded, response, this.#faultOf(recorded), {
      key: this.key,
      models: this.models,
      redirectTo: this.#redirectTo,
    });
  }

  #faultOf({ body }: RecordedRequest): Fault | null {
    const next = this.#faults.shift();
    if (next !== undefined) return next;
    const named = /^faulty-(.*)$/.exec(String(body?.['model'] ?? ''))?.[1];
    return FAULTS.find((fault) => fault === named) ?? null;
  }

  #control(
    method: string,
    path: string,
    body: Record<string, unknown> | null,
    response: ServerResponse,
  ): void {
    switch (`${method} ${path}`) {
      case 'GET /control/requests':
        return json(response, 200, { requests: this.requests });
      case 'DELETE /control/requests':
        this.forget();
        return json(response, 200, {});
      case 'POST /control/fail':
        this.fail(body?.['fault'] as Fault, Number(body?.['times'] ?? 1));
        return json(response, 200, {});
      case 'POST /control/key':
        this.rotate(String(body?.['key']));
        return json(response, 200, {});
      default:
        return json(response, 404, { error: { message: 'no such control' } });
    }
  }
}

interface Setting {
  readonly key: string;
  readonly models: readonly string[];
  readonly redirectTo: string;
}

async function answer(
  request: RecordedRequest,
  response: ServerResponse,
  fault: Fault | null,
  setting: Setting,
): Promise<void> {
  const isAnthropic = request.headers['x-api-key'] !== undefined;
  const given = isAnthropic
    ? request.headers['x-api-key']
    : /^Bearer (.*)$/.exec(request.headers['authorization'] ?? '')?.[1];
  const refuse = (status: number, type: string, message: string, more: Record<string, unknown> = {}): void =>
    json(
      response,
      status,
      isAnthropic
        ? { type: 'error', error: { type, message }, request_id: 'req_double' }
        : { error: { message, type, param: null, code: null, ...more } },
    );
  if (given !== setting.key) return refuse(401, 'authentication_error', `Incorrect key provided: ${given}.`);
  if (fault !== null && goWrong(fault, response, refuse, setting)) return;
  const [path = ''] = request.path.split('?');
  const asked = `${request.method} ${path.replace(/^\/v\d+/, '')}`;
  if (asked === 'GET /models') return json(response, 200, modelPage(request.path, isAnthropic, setting));
  const model = String(request.body?.['model'] ?? '');
  const body = request.body ?? {};
  if (!setting.models.includes(model) && !model.startsWith('faulty-') && !model.startsWith('claude-'))
    return refuse(404, 'not_found_error', `The model \`${model}\` does not exist.`, {
      code: 'model_not_found',
    });
  const talk: Talk = { response, model, body, fault };
  switch (asked) {
    case 'POST /chat/completions':
      if (/^(o\d|gpt-5)/.test(model) && 'max_tokens' in body)
        return refuse(
          400,
          'invalid_request_error',
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
          { param: 'max_tokens' },
        );
      if (/^(o\d|gpt-5)/.test(model) && 'temperature' in body)
        return refuse(400, 'invalid_request_error', "Unsupported value: 'temperature'.", {
          param: 'temperature',
        });
      return chat(talk);
    case 'POST /completions':
      return completion(talk);
    case 'POST /embeddings':
      return embeddings(talk);
    case 'POST /rerank':
      return rerank(talk);
    case 'POST /messages':
      if (typeof body['max_tokens'] !== 'number' || request.headers['anthropic-version'] !== '2023-06-01')
        return refuse(400, 'invalid_request_error', 'max_tokens: Field required');
      return messages(talk);
    default:
      return refuse(404, 'not_found_error', `There is no ${asked}.`);
  }
}

/** @returns true when that was the answer. */
function goWrong(
  fault: Fault,
  response: ServerResponse,
  refuse: (status: number, type: string, message: string) => void,
  { key, redirectTo }: Setting,
): boolean {
  switch (fault) {
    case '401':
      refuse(401, 'authentication_error', `Incorrect API key provided: ${key}.`);
      return true;
    case '403':
      refuse(403, 'permission_error', `The key ${key} may not use this model.`);
      return true;
    case '404':
      refuse(404, 'not_found_error', 'The model does not exist.');
      return true;
    case '422':
      refuse(422, 'invalid_request_error', `top_p: must be below 1 (asked with ${key})`);
      return true;
    case '429':
      response.setHeader('retry-after', '0');
      refuse(429, 'rate_limit_error', 'Slow down.');
      return true;
    case '429-long':
      response.setHeader('retry-after', '30');
      refuse(429, 'rate_limit_error', 'Slow down for long.');
      return true;
    case '500':
      refuse(500, 'api_error', 'The server had an error.');
      return true;
    case '503':
      response.setHeader('retry-after', '0');
      refuse(503, 'overloaded_error', 'Overloaded.');
      return true;
    case 'stall-before':
      // Neither a head nor a byte, until the client gives up.
      return true;
    case 'malformed':
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices": [{"mess');
      return true;
    case 'hangup':
      response.destroy();
      return true;
    case 'redirect':
      response.writeHead(307, { location: redirectTo }).end();
      return true;
    case 'huge-error': {
      const text = `key ${key} failed `.repeat(200_000);
      response.writeHead(500, { 'content-type': 'text/plain' }).end(text);
      return true;
    }
    default:
      return false;
  }
}

function modelPage(path: string, isAnthropic: boolean, { models }: Setting): Record<string, unknown> {
  if (!isAnthropic)
    return {
      object: 'list',
      data: models.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'double' })),
    };
  // Two a page, so that whoever lists has to turn pages.
  const all = models.map((id) => `claude-${id}`);
  const after = new URL(path, 'http://double').searchParams.get('after_id');
  const start = after === null ? 0 : all.indexOf(after) + 1;
  const page = all.slice(start, start + 2);
  return {
    data: page.map((id) => ({
      type: 'model',
      id,
      display_name: id.toUpperCase(),
      created_at: '2025-02-19T00:00:00Z',
    })),
    has_more: start + 2 < all.length,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  };
}

interface Talk {
  readonly response: ServerResponse;
  readonly model: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly fault: Fault | null;
}

async function chat({ response, model, body, fault }: Talk): Promise<void> {
  const said = parrotSays(model, lastText(body['messages']));
  const base = { id: 'chatcmpl-double', created: CREATED, model };
  const usage = usageOf(JSON.stringify(body['messages']), said);
  const tools = body['tools'] as { function: { name: string } }[] | undefined;
  const calls =
    tools !== undefined && body['tool_choice'] === 'required'
      ? [
          {
            id: 'call_1',
            type: 'function',
            function: { name: tools[0]?.function.name, arguments: '{"city":"Bern"}' },
          },
        ]
      : undefined;
  if (body['stream'] !== true) {
    const message = { role: 'assistant', content: calls === undefined ? said : null, tool_calls: calls };
    const finish = calls === undefined ? 'stop' : 'tool_calls';
    return json(response, 200, {
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: finish }],
      ...(fault === 'no-usage' ? {} : { usage }),
    });
  }
  const chunk = (delta: object, finish: string | null): string =>
    frame({
      ...base,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
  const wantsUsage = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage;
  return stream(response, fault, {
    first: chunk({ role: 'assistant', content: '' }, null),
    piece: (word) => chunk({ content: word }, null),
    pieces: wordsOf(said),
    last: [
      chunk({}, 'stop'),
      ...(wantsUsage === true && fault !== 'no-usage'
        ? [frame({ ...base, object: 'chat.completion.chunk', choices: [], usage })]
        : []),
      'data: [DONE]\n\n',
    ],
    error: frame({ error: { message: 'The server broke down.', type: 'server_error' } }),
  });
}

async function completion({ response, model, body, fault }: Talk): Promise<void> {
  const prompt = String([body['prompt']].flat()[0]);
  const said = parrotSays(model, prompt);
  const base = { id: 'cmpl-double', object: 'text_completion', created: CREATED, model };
  const usage = usageOf(prompt, said);
  if (body['stream'] !== true)
    return json(response, 200, {
      ...base,
      choices: [{ index: 0, text: said, finish_reason: 'stop' }],
      usage,
    });
  const chunk = (text: string, finish: string | null): string =>
    frame({ ...base, choices: [{ index: 0, text, finish_reason: finish }] });
  return stream(response, fault, {
    first: chunk('', null),
    piece: (word) => chunk(word, null),
    pieces: wordsOf(said),
    last: [chunk('', 'stop'), frame({ ...base, choices: [], usage }), 'data: [DONE]\n\n'],
    error: frame({ error: { message: 'The server broke down.', type: 'server_error' } }),
  });
}

function embeddings({ response, model, body }: Talk): void {
  const inputs = [body['input']].flat().map(String);
  const data = inputs.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }));
  const tokens = inputs.reduce((sum, text) => sum + wordsOf(text).length, 0);
  json(response, 200, {
    object: 'list',
    data,
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function rerank({ response, model, body }: Talk): void {
  const query = new Set(wordsOf(String(body['query'])).map((word) => word.trim()));
  const results = (body['documents'] as string[]).map((document, index) => {
    const words = wordsOf(document).map((word) => word.trim());
    const shared = words.filter((word) => query.has(word)).length;
    return { index, relevance_score: shared / Math.max(1, words.length) };
  });
  json(response, 200, { model, results, usage: { total_tokens: 7 }, meta: { answered_by: model } });
}

async function messages({ response, model, body, fault }: Talk): Promise<void> {
  const said = parrotSays(model, lastText(body['messages']));
  const usage = { input_tokens: 11, output_tokens: wordsOf(said).length };
  const tools = body['tools'] as { name: string }[] | undefined;
  const choice = (body['tool_choice'] as { type?: string } | undefined)?.type;
  const usesTool = tools !== undefined && (choice === 'any' || choice === 'tool');
  const reason = usesTool ? 'tool_use' : 'end_turn';
  const block = usesTool
    ? { type: 'tool_use', id: 'toolu_1', name: tools[0]?.name, input: { city: 'Bern' } }
    : { type: 'text', text: said };
  const message = { id: 'msg_double', type: 'message', role: 'assistant', model, stop_sequence: null };
  if (body['stream'] !== true)
    return json(response, 200, { ...message, content: [block], stop_reason: reason, usage });
  const event = (type: string, more: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const delta = (word: string): object =>
    usesTool ? { type: 'input_json_delta', partial_json: word } : { type: 'text_delta', text: word };
  const start = usesTool ? { ...block, input: {} } : { type: 'text', text: '' };
  return stream(response, fault, {
    first:
      event('message_start', {
        message: {
          ...message,
          content: [],
          stop_reason: null,
          usage: { input_tokens: usage.input_tokens, output_tokens: 1 },
        },
      }) +
      event('content_block_start', { index: 0, content_block: start }) +
      event('ping', {}),
    piece: (word) => event('content_block_delta', { index: 0, delta: delta(word) }),
    pieces: usesTool ? ['{"city"', ':"Bern"}'] : wordsOf(said),
    last: [
      event('content_block_stop', { index: 0 }),
      event('message_delta', {
        delta: { stop_reason: reason, stop_sequence: null },
        usage: { output_tokens: usage.output_tokens },
      }),
      event('message_stop', {}),
    ],
    error: event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  });
}

interface Pieces {
  readonly first: string;
  readonly piece: (word: string) => string;
  readonly pieces: readonly string[];
  readonly last: readonly string[];
  readonly error: string;
}

const SLOW_MS = 30;
const ENDLESS_MS = 5;

async function stream(
  response: ServerResponse,
  fault: Fault | null,
  { first, piece, pieces, last, error }: Pieces,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(first);
  const half = Math.ceil(pieces.length / 2);
  for (const [index, word] of pieces.entries()) {
    if (index === half && fault === 'stall-after') return;
    if (index === half && fault === 'error-event') {
      response.end(error);
      return;
    }
    if (index === half && fault === 'cut') {
      // The connection breaks off in the middle of an event.
      response.write(piece(word).slice(0, 20), () => response.destroy());
      return;
    }
    response.write(piece(word));
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  }
  while (fault === 'endless' && !response.destroyed) {
    response.write(piece('and on '));
    await new Promise((resolve) => setTimeout(resolve, ENDLESS_MS));
  }
  response.end(last.join(''));
}

function lastText(list: unknown): string {
  const last = (list as { content?: unknown }[]).at(-1)?.content;
  if (typeof last === 'string') return last;
  if (!Array.isArray(last)) return '';
  return (last as { text?: string; content?: string; type: string }[])
    .map((part) => part.text ?? part.content ?? `<${part.type}>`)
    .join('');
}

function wordsOf(text: string): string[] {
  return text.split(/(?<= )/);
}

function usageOf(prompt: string, said: string): Record<string, number> {
  const [prompt_tokens, completion_tokens] = [wordsOf(prompt).length, wordsOf(said).length];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function vectorOf(text: string): number[] {
  return Array.from(
    { length: 8 },
    (_, i) => ((text.codePointAt(i % Math.max(1, text.length)) ?? 1) % 97) / 97,
  );
}

function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, key: { type: 'string' } } });
  const double = await startProvider({
    port: Number(values.port ?? 0),
    ...(values.key === undefined ? {} : { key: values.key }),
  });
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: double.url, base_url: double.baseUrl })}\n`);
  process.once('SIGTERM', () => void double.close().then(() => process.exit(0)));
}
