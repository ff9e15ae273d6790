import { TASKS, type AppError, type SseEvent } from '../../../shared/contract/index.ts';
import { toIso } from '../../kernel/clock.ts';
import { malformed } from './exchange.ts';
import { isObject, type ChunkReader, type ModelPage, type Protocol } from './protocol.ts';
import type {
  Invocation,
  JsonBody,
  ListedModel,
  ProviderAccount,
  ProviderCall,
  ProviderRoute,
} from './provider.ts';
import { errorOf, quotable, transportFailure } from './refusals.ts';

const PATHS: Record<ProviderRoute, string> = {
  chat: '/chat/completions',
  completion: '/completions',
  embeddings: '/embeddings',
  rerank: '/rerank',
};
/** What an answer has to hold to be one. */
const CONTENT: Record<ProviderRoute, string> = {
  chat: 'choices',
  completion: 'choices',
  embeddings: 'data',
  rerank: 'results',
};

/** OpenAI and everything that speaks like it; rerank as Cohere and Jina have it. */
export const openaiProtocol: Protocol = {
  headers: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),

  request: ({ route, providerModelId, body }) => ({
    path: PATHS[route],
    body: { ...body, model: providerModelId, ...(body['stream'] === true ? withUsage(body) : {}) },
  }),

  answer(account, { route }, body): JsonBody {
    if (isObject(body) && Array.isArray(body[CONTENT[route]])) return body;
    // Some servers say with a success that it was none.
    if (isObject(body) && body['error'] != null) throw streamError(account, JSON.stringify(body));
    throw malformed(account, `none: it has no ${CONTENT[route]}`);
  },

  reader: (account) => new OpenAiReader(account),

  modelsPath: () => '/models',

  modelPage(account, body): ModelPage {
    // Some servers send the bare list.
    const data = Array.isArray(body) ? body : isObject(body) ? body['data'] : null;
    if (!Array.isArray(data)) throw malformed(account, 'no list of models');
    return { models: data.flatMap(listed), next: null };
  },
};

/** The last chunk of a stream tells the tokens only when it is asked to. */
function withUsage(body: Invocation['body']): JsonBody {
  const given = isObject(body['stream_options']) ? body['stream_options'] : {};
  return { stream_options: { ...given, include_usage: true } };
}

class OpenAiReader implements ChunkReader {
  readonly #account: ProviderAccount;
  #finished = false;
  ended = false;

  constructor(account: ProviderAccount) {
    this.#account = account;
  }

  /** Some servers leave out the last line; then every choice has to have said why it ended. */
  get complete(): boolean {
    return this.ended || this.#finished;
  }

  push({ data }: SseEvent): JsonBody[] {
    if (data.trim() === '[DONE]') {
      this.ended = true;
      return [];
    }
    const chunk = parseChunk(this.#account, data);
    if (chunk['error'] != null) throw streamError(this.#account, data);
    const choices = chunk['choices'];
    if (
      Array.isArray(choices) &&
      choices.some((choice) => isObject(choice) && choice['finish_reason'] != null)
    )
      this.#finished = true;
    return [chunk];
  }
}

/** @throws {AppError} `upstream_failed`, reason `malformed`. */
export function parseChunk(account: ProviderAccount, data: string): Record<string, unknown> {
  try {
    const chunk = JSON.parse(data) as unknown;
    if (isObject(chunk)) return chunk;
  } catch {
    // Told below, like any other thing that is no chunk.
  }
  throw malformed(account, 'a stream with an event that is no JSON object');
}

/** What a provider reports after it began to answer. */
export function streamError(account: ProviderAccount, data: string): AppError {
  const said = quotable(errorOf(data).message, account.apiKey);
  return transportFailure('status', `${new URL(account.baseUrl).host} broke off its answer: ${said}`);
}

function listed(value: unknown): ListedModel[] {
  if (!isObject(value) || typeof value['id'] !== 'string' || value['id'] === '') return [];
  const { id, created, owned_by: owner, object } = value;
  const ownedBy = typeof owner === 'string' ? owner : null;
  const task = taskOf(id);
  const isTime = typeof created === 'number' && created > 0 && created < 1e11;
  return [
    {
      provider_model_id: id,
      name: id,
      owned_by: ownedBy,
      created_at: isTime ? toIso(created * 1000) : null,
      task_key: task,
      category: TASKS[task].category,
      metadata: {
        provider_model_id: id,
        ...(ownedBy === null ? {} : { owned_by: ownedBy }),
        ...(isTime ? { created } : {}),
        ...(typeof object === 'string' ? { object } : {}),
      },
    },
  ];
}

/** A provider does not say what its models are for; their names do. */
export function taskOf(id: string): ListedModel['task_key'] {
  const name = id.toLowerCase();
  if (name.includes('rerank')) return 'rerank';
  return name.startsWith('text-embedding') || name.includes('embed') ? 'embeddings' : 'llm';
}

/** Reasoning models of OpenAI: `max_completion_tokens` instead of `max_tokens`, and only their own temperature. */
const REASONING = /^(?:.*\/)?(?:o\d+|gpt-5)(?:[-.]|$)/i;

/** The body of a call of our own, in the words that the model takes. Pure. */
export function ownBody({ task, providerModelId, body }: ProviderCall): JsonBody {
  if (task !== 'llm' || !REASONING.test(providerModelId)) return { ...body };
  const { max_tokens: limit, temperature: _fixed, ...rest } = body;
  return { ...rest, ...(limit === undefined ? {} : { max_completion_tokens: limit }) };
}

/** The parameter that limits an answer, by the model's name. */
export function limitParameter(providerModelId: string): 'max_tokens' | 'max_completion_tokens' {
  return REASONING.test(providerModelId) ? 'max_completion_tokens' : 'max_tokens';
}
