import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { FAULTS, goWrong, type Fault } from './faults.ts';
import { chat, completion, CREATED, embeddings, json, messages, rerank, type Talk } from './talk.ts';

export { parrotSays } from './talk.ts';

/**
 * A provider on loopback that speaks OpenAI's protocol and Anthropic's over HTTP, says in each answer which model it
 * is, records what it was asked, and can be told to go wrong. Also a program: `node provider.ts --port 0 --key KEY`
 * prints one line `{"event":"ready","url","base_url"}`; its control routes are under /control.
 */

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

// Looks like no key that is known by its form, so that only who knows it can black it out.
export const PROVIDER_KEY = 'parrot.0123456789.abcdef';
const MODELS = [
  'parrot-large',
  'parrot-small',
  'gpt-5-parrot',
  'o3-parrot',
  'text-embedding-parrot',
  'parrot-embed',
  'parrot-rerank',
];

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
    const named = /^faulty-(.*)$/.exec(nameOf(body))?.[1];
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
  const model = nameOf(request.body);
  const body = request.body ?? {};
  if (!setting.models.includes(model) && !model.startsWith('faulty-') && !model.startsWith('claude-'))
    return refuse(404, 'not_found_error', `The model \`${model}\` does not exist.`, {
      code: 'model_not_found',
    });
  return talkTo(asked, { response, model, body, fault }, request, refuse);
}

type Refuse = (status: number, type: string, message: string, more?: Record<string, unknown>) => void;

async function talkTo(asked: string, talk: Talk, request: RecordedRequest, refuse: Refuse): Promise<void> {
  const { model, body } = talk;
  switch (asked) {
    case 'POST /chat/completions': {
      const wrong = /^(o\d|gpt-5)/.test(model)
        ? ['max_tokens', 'temperature'].find((name) => name in body)
        : undefined;
      if (wrong === undefined) return chat(talk);
      return refuse(400, 'invalid_request_error', `Unsupported parameter: '${wrong}'.`, { param: wrong });
    }
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

function nameOf(body: RecordedRequest['body']): string {
  const name = body?.['model'];
  return typeof name === 'string' ? name : '';
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

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, key: { type: 'string' } } });
  const double = await startProvider({
    port: Number(values.port ?? 0),
    ...(values.key === undefined ? {} : { key: values.key }),
  });
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: double.url, base_url: double.baseUrl })}\n`);
  process.once('SIGTERM', () => void double.close().then(() => process.exit(0)));
}
