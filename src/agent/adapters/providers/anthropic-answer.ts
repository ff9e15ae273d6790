import type { SseEvent } from '../../../shared/contract/index.ts';
import { malformed } from './exchange.ts';
import { parseChunk, streamError } from './openai.ts';
import { isObject, type ChunkReader } from './protocol.ts';
import type { JsonBody, ProviderAccount } from './provider.ts';

/** An answer of Anthropic's Messages as OpenAI's chat completion, whole or chunk by chunk. Pure. */

type Fields = Record<string, unknown>;

const FINISH: Record<string, string> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** @throws {AppError} `upstream_failed`, reason `malformed`. */
export function toCompletion(account: ProviderAccount, body: unknown, createdAt: number): JsonBody {
  const content = isObject(body) ? body['content'] : null;
  if (!isObject(body) || !Array.isArray(content)) throw malformed(account, 'none: it has no content');
  const blocks = content.filter(isObject);
  const texts = blocks.filter((block) => block['type'] === 'text').map((block) => String(block['text']));
  const calls = blocks.filter((block) => block['type'] === 'tool_use').map((block) => callOf(block));
  return {
    id: body['id'],
    object: 'chat.completion',
    created: createdAt,
    model: body['model'],
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: texts.length === 0 ? null : texts.join(''),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: finishOf(body['stop_reason']),
      },
    ],
    usage: usageOf(isObject(body['usage']) ? body['usage'] : {}),
  };
}

function callOf(block: Fields): Fields {
  const { id, name, input } = block;
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } };
}

function finishOf(reason: unknown): string | null {
  return typeof reason === 'string' ? (FINISH[reason] ?? 'stop') : null;
}

/** What was written into and read from the provider's cache is part of the prompt too. */
function usageOf(usage: Fields): JsonBody {
  const number = (name: string): number => (typeof usage[name] === 'number' ? usage[name] : 0);
  const cached = number('cache_read_input_tokens');
  const prompt = number('input_tokens') + number('cache_creation_input_tokens') + cached;
  const completion = number('output_tokens');
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(cached === 0 ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
  };
}

/** Reads the events of a streamed message. */
export class MessageReader implements ChunkReader {
  readonly #account: ProviderAccount;
  readonly #created: number;
  /** Numbers of the tool calls by the index of their block. */
  readonly #calls = new Map<unknown, number>();
  #id: unknown = null;
  #model: unknown = null;
  #usage: Fields = {};
  ended = false;

  constructor(account: ProviderAccount, createdAt: number) {
    this.#account = account;
    this.#created = createdAt;
  }

  get complete(): boolean {
    return this.ended;
  }

  push({ data }: SseEvent): JsonBody[] {
    const event = parseChunk(this.#account, data);
    switch (event['type']) {
      case 'message_start':
        return this.#start(event['message']);
      case 'content_block_start':
        return this.#block(event['index'], event['content_block']);
      case 'content_block_delta':
        return this.#delta(event['index'], event['delta']);
      case 'message_delta':
        return this.#ending(event);
      case 'message_stop':
        this.ended = true;
        return [this.#chunk([], { usage: usageOf(this.#usage) })];
      case 'error':
        throw streamError(this.#account, data);
      default:
        // ping, content_block_stop, and events of versions to come: Anthropic asks to pass over unknown ones.
        return [];
    }
  }

  #start(message: unknown): JsonBody[] {
    if (!isObject(message)) throw malformed(this.#account, 'a stream without a message');
    this.#id = message['id'];
    this.#model = message['model'];
    this.#count(message['usage']);
    return [this.#choice({ role: 'assistant', content: '' }, null)];
  }

  #block(index: unknown, block: unknown): JsonBody[] {
    if (!isObject(block)) return [];
    if (block['type'] === 'text' && typeof block['text'] === 'string' && block['text'] !== '')
      return [this.#choice({ content: block['text'] }, null)];
    if (block['type'] !== 'tool_use') return [];
    const number = this.#calls.size;
    this.#calls.set(index, number);
    const call = {
      index: number,
      id: block['id'],
      type: 'function',
      function: { name: block['name'], arguments: '' },
    };
    return [this.#choice({ tool_calls: [call] }, null)];
  }

  #delta(index: unknown, delta: unknown): JsonBody[] {
    if (!isObject(delta)) return [];
    if (delta['type'] === 'text_delta') return [this.#choice({ content: delta['text'] }, null)];
    const number = this.#calls.get(index);
    if (delta['type'] !== 'input_json_delta' || number === undefined) return [];
    const call = { index: number, function: { arguments: delta['partial_json'] } };
    return [this.#choice({ tool_calls: [call] }, null)];
  }

  #ending(event: Fields): JsonBody[] {
    this.#count(event['usage']);
    const reason = isObject(event['delta']) ? event['delta']['stop_reason'] : null;
    return reason == null ? [] : [this.#choice({}, finishOf(reason))];
  }

  /** Later figures replace earlier ones. */
  #count(usage: unknown): void {
    if (!isObject(usage)) return;
    this.#usage = {
      ...this.#usage,
      ...Object.fromEntries(Object.entries(usage).filter(([, value]) => typeof value === 'number')),
    };
  }

  #choice(delta: Fields, finish: string | null): JsonBody {
    return this.#chunk([{ index: 0, delta, finish_reason: finish }], {});
  }

  #chunk(choices: readonly Fields[], more: Fields): JsonBody {
    return {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#created,
      model: this.#model,
      choices,
      ...more,
    };
  }
}
