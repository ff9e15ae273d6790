import { AppError, SseParser, type ProviderSlug } from '../../../shared/contract/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Egress } from '../../kernel/egress.ts';
import { anthropicProtocol } from './anthropic.ts';
import { cut, Exchange, malformed, type ProviderTiming } from './exchange.ts';
import { openaiProtocol, ownBody } from './openai.ts';
import type { ChunkReader, Protocol } from './protocol.ts';
import type {
  CredentialReports,
  Invocation,
  JsonBody,
  ListedModel,
  ProviderAccount,
  ProviderAnswer,
  ProviderCall,
  ProviderRoute,
  Providers,
} from './provider.ts';

export { assertRanges, baseUrlOf } from './base-url.ts';
export { PROVIDER_TIMING, type ProviderTiming } from './exchange.ts';
export { limitParameter } from './openai.ts';
export type {
  AccountSource,
  CredentialReports,
  JsonBody,
  ListedModel,
  ProviderAccount,
  ProviderAnswer,
  ProviderRoute,
  Providers,
} from './provider.ts';

export interface ProviderOptions {
  readonly clock: Clock;
  readonly timing: ProviderTiming;
  /** Told when a provider refuses the credential of a call. */
  readonly reports?: CredentialReports;
}

const MAX_PAGES = 20;
const ROUTES: Partial<Record<string, ProviderRoute>> = {
  llm: 'chat',
  embeddings: 'embeddings',
  rerank: 'rerank',
};

/** The providers this node can speak to. Every connection goes through `egress`, under the account's ranges. */
export function createProviders(egress: Egress, options: ProviderOptions): Providers {
  return new HttpProviders(egress, options);
}

class HttpProviders implements Providers {
  readonly #exchange: Exchange;
  readonly #reports: CredentialReports | undefined;
  readonly #protocols: Record<ProviderSlug, Protocol>;

  constructor(egress: Egress, { clock, timing, reports }: ProviderOptions) {
    this.#exchange = new Exchange(egress, clock, timing);
    this.#reports = reports;
    this.#protocols = {
      openai: openaiProtocol,
      openai_compatible: openaiProtocol,
      anthropic: anthropicProtocol(clock),
    };
  }

  async listModels(account: ProviderAccount, signal: AbortSignal): Promise<ListedModel[]> {
    const protocol = this.#protocols[account.provider];
    const models: ListedModel[] = [];
    let after: string | null = null;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const request = {
        method: 'GET' as const,
        path: protocol.modelsPath(after),
        headers: protocol.headers(account.apiKey),
        providerModelId: null,
      };
      const body = await this.#reported(account, this.#exchange.json(account, request, signal));
      const found = protocol.modelPage(account, body);
      models.push(...found.models);
      after = found.next;
      if (after === null) break;
    }
    return models.toSorted((a, b) => (a.provider_model_id < b.provider_model_id ? -1 : 1));
  }

  async call(account: ProviderAccount, call: ProviderCall, signal: AbortSignal): Promise<JsonBody> {
    const route = ROUTES[call.task];
    if (route === undefined)
      throw new AppError('unsupported_format', `No provider has a route for ${call.task} yet.`);
    const { stream: _stream, ...body } = ownBody(call);
    const answer = await this.invoke(account, { route, providerModelId: call.providerModelId, body }, signal);
    return answer.streaming ? {} : answer.body;
  }

  async invoke(
    account: ProviderAccount,
    invocation: Invocation,
    signal: AbortSignal,
  ): Promise<ProviderAnswer> {
    const protocol = this.#protocols[account.provider];
    const { path, body } = protocol.request(invocation);
    const request = {
      method: 'POST' as const,
      path,
      headers: protocol.headers(account.apiKey),
      body,
      providerModelId: invocation.providerModelId,
    };
    if (body['stream'] !== true) {
      const answer = await this.#reported(account, this.#exchange.json(account, request, signal));
      return { streaming: false, body: protocol.answer(account, invocation, answer) };
    }
    const response = await this.#reported(account, this.#exchange.send(account, request, signal));
    if (!response.contentType.startsWith('text/event-stream')) {
      await response.chunks.return();
      throw malformed(account, 'no stream, though one was asked for');
    }
    const chunks = read(account, protocol.reader(account, invocation), response.chunks);
    const first = await chunks.next();
    return { streaming: true, chunks: first.done === true ? chunks : following(first.value, chunks) };
  }

  async #reported<T>(account: ProviderAccount, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      const { reason, status_code: status } = (error instanceof AppError ? error.details : null) ?? {};
      if (reason === 'credential_refused' && typeof status === 'number')
        this.#reports?.reportRefused(account.credentialId, status);
      throw error;
    }
  }
}

/** Most that one event of a stream may hold. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

async function* read(
  account: ProviderAccount,
  reader: ChunkReader,
  bytes: AsyncGenerator<Buffer, void>,
): AsyncGenerator<JsonBody, void> {
  const parser = new SseParser();
  const decoder = new TextDecoder();
  let waiting = 0;
  for await (const chunk of bytes) {
    const events = parser.push(decoder.decode(chunk, { stream: true }));
    waiting = events.length === 0 ? waiting + chunk.length : 0;
    if (waiting > MAX_EVENT_BYTES) throw malformed(account, 'a stream with an event of over 16 MiB');
    for (const event of events) yield* reader.push(event);
    if (reader.ended) return;
  }
  if (!reader.complete) throw cut(account);
}

async function* following(
  first: JsonBody,
  rest: AsyncGenerator<JsonBody, void>,
): AsyncGenerator<JsonBody, void> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}
