import { AppError } from '../../../shared/contract/index.ts';
import { isObject } from './protocol.ts';
import type { JsonBody } from './provider.ts';

/**
 * A chat request of OpenAI's as a request of Anthropic's Messages. Pure. What cannot be carried over is refused by name:
 * a parameter that is silently left out changes what an answer means.
 */

/** Anthropic wants a limit; OpenAI's chat has none. An answer that reaches it says `finish_reason: length`. */
const DEFAULT_MAX_TOKENS = 4096;

type Value = unknown;
type Fields = Record<string, unknown>;

/** Carried over, in the order in which they are looked at. Everything else has to be absent or say nothing. */
const CARRIED = new Set([
  'model',
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'user',
]);

/** Values that ask for nothing beyond what happens anyway. */
const HARMLESS: Record<string, (value: Value) => boolean> = {
  n: (value) => value === 1,
  logprobs: (value) => value === false,
  store: (value) => value === false,
  presence_penalty: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  logit_bias: (value) => isObject(value) && Object.keys(value).length === 0,
  response_format: (value) => isObject(value) && value['type'] === 'text',
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
};

/** @throws {AppError} `invalid_argument` naming the parameter. */
export function toMessages(providerModelId: string, body: Readonly<Fields>): JsonBody {
  for (const [name, value] of Object.entries(body)) {
    if (CARRIED.has(name) || value == null || HARMLESS[name]?.(value) === true) continue;
    throw refused(name, `${name} has no counterpart in Anthropic's protocol, so it is refused.`);
  }
  const { system, messages } = turns(body['messages']);
  const tools = toolsOf(body['tools']);
  const choice = choiceOf(body, tools !== undefined);
  const request: Fields = {
    model: providerModelId,
    max_tokens: body['max_completion_tokens'] ?? body['max_tokens'] ?? DEFAULT_MAX_TOKENS,
    messages,
  };
  const put = (name: string, value: Value): void => {
    if (value != null) request[name] = value;
  };
  put('system', system);
  put('temperature', temperatureOf(body['temperature']));
  put('top_p', body['top_p']);
  put('top_k', body['top_k']);
  put('stop_sequences', body['stop'] == null ? undefined : [body['stop']].flat());
  put('stream', body['stream'] === true ? true : undefined);
  put('tools', tools);
  put('tool_choice', choice);
  put('metadata', body['user'] == null ? undefined : { user_id: body['user'] });
  return request;
}

function temperatureOf(value: Value): Value {
  if (typeof value === 'number' && value > 1)
    throw refused('temperature', 'Anthropic takes a temperature from 0 to 1.');
  return value;
}

/** System messages come first and become one field; what follows keeps its order, neighbours of one role joined. */
function turns(list: Value): { system: string | undefined; messages: Fields[] } {
  if (!Array.isArray(list)) throw refused('messages', 'messages is a list.');
  const system: string[] = [];
  const messages: { role: string; content: Fields[] }[] = [];
  for (const [index, message] of (list as Value[]).entries()) {
    const at = `messages.${index}`;
    if (!isObject(message)) throw refused(at, `${at} is no message.`);
    refuseFields(message, at);
    const { role } = message;
    if (role === 'system' || role === 'developer') {
      if (messages.length > 0)
        throw refused(
          `${at}.role`,
          'Anthropic takes system messages only before the first other one, so one in between is refused.',
        );
      system.push(textOf(message['content'], `${at}.content`));
      continue;
    }
    const next = role === 'assistant' ? 'assistant' : 'user';
    const content = contentOf(message, at);
    const last = messages.at(-1);
    if (last?.role === next) last.content.push(...content);
    else messages.push({ role: next, content });
  }
  return { system: system.length === 0 ? undefined : system.join('\n\n'), messages };
}

const MESSAGE_FIELDS = new Set(['role', 'content', 'tool_calls', 'tool_call_id']);

function refuseFields(message: Fields, at: string): void {
  for (const [name, value] of Object.entries(message)) {
    if (MESSAGE_FIELDS.has(name) || value == null) continue;
    // An answer of ours carries these; sent back with nothing in them they say nothing.
    if (Array.isArray(value) && value.length === 0) continue;
    throw refused(
      `${at}.${name}`,
      `${name} of a message has no counterpart in Anthropic's protocol, so it is refused.`,
    );
  }
}

function contentOf(message: Fields, at: string): Fields[] {
  const { role, content } = message;
  switch (role) {
    case 'user':
      return partsOf(content, `${at}.content`);
    case 'tool':
      if (typeof message['tool_call_id'] !== 'string')
        throw refused(`${at}.tool_call_id`, 'The answer of a tool names the call it answers.');
      return [
        {
          type: 'tool_result',
          tool_use_id: message['tool_call_id'],
          content: textOf(content, `${at}.content`),
        },
      ];
    case 'assistant': {
      const said = content == null || content === '' ? [] : partsOf(content, `${at}.content`);
      return [...said, ...callsOf(message['tool_calls'], `${at}.tool_calls`)];
    }
    default:
      throw refused(`${at}.role`, `Anthropic has no role ${JSON.stringify(role)}.`);
  }
}

function callsOf(calls: Value, at: string): Fields[] {
  if (calls == null) return [];
  if (!Array.isArray(calls)) throw refused(at, `${at} is a list.`);
  return (calls as Value[]).map((call, index) => {
    const fn = isObject(call) && isObject(call['function']) ? call['function'] : null;
    if (!isObject(call) || fn === null) throw refused(`${at}.${index}`, 'Only calls of functions are known.');
    try {
      const input = JSON.parse(fn['arguments'] === '' ? '{}' : String(fn['arguments'])) as Value;
      return { type: 'tool_use', id: call['id'], name: fn['name'], input };
    } catch {
      throw refused(`${at}.${index}.function.arguments`, 'The arguments of a call are JSON.');
    }
  });
}

function textOf(content: Value, at: string): string {
  if (typeof content === 'string') return content;
  return partsOf(content, at)
    .map((part) => {
      if (part['type'] !== 'text') throw refused(at, `${at} holds text only.`);
      return String(part['text']);
    })
    .join('');
}

function partsOf(content: Value, at: string): Fields[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) throw refused(at, `${at} is a text or a list of parts.`);
  return (content as Value[]).map((part, index) => partOf(part, `${at}.${index}`));
}

const DATA_URL = /^data:(image\/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/=\s]+)$/;

function partOf(part: Value, at: string): Fields {
  if (isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string')
    return { type: 'text', text: part['text'] };
  if (!isObject(part) || part['type'] !== 'image_url' || !isObject(part['image_url']))
    throw refused(at, "Anthropic's protocol takes text and images as the parts of a message.");
  const { url, detail } = part['image_url'];
  if (detail != null && detail !== 'auto')
    throw refused(`${at}.image_url.detail`, 'Anthropic has no choice of detail, so it is refused.');
  const [, type, data] = DATA_URL.exec(String(url)) ?? [];
  if (type !== undefined) return { type: 'image', source: { type: 'base64', media_type: type, data } };
  if (typeof url === 'string' && url.startsWith('https://'))
    return { type: 'image', source: { type: 'url', url } };
  throw refused(
    `${at}.image_url.url`,
    'An image is a data URL of a PNG, JPEG, GIF or WebP, or an https address.',
  );
}

function toolsOf(tools: Value): Fields[] | undefined {
  if (tools == null) return undefined;
  if (!Array.isArray(tools)) throw refused('tools', 'tools is a list.');
  if (tools.length === 0) return undefined;
  return (tools as Value[]).map((tool, index) => {
    const at = `tools.${index}`;
    const fn = isObject(tool) && tool['type'] === 'function' ? tool['function'] : null;
    if (!isObject(fn)) throw refused(at, 'Only functions can be carried over as tools.');
    if (fn['strict'] === true)
      throw refused(`${at}.function.strict`, 'strict cannot be carried over to Anthropic, so it is refused.');
    return {
      name: fn['name'],
      ...(fn['description'] == null ? {} : { description: fn['description'] }),
      input_schema: fn['parameters'] ?? { type: 'object', properties: {} },
    };
  });
}

function choiceOf(body: Readonly<Fields>, hasTools: boolean): Fields | undefined {
  const { tool_choice: choice, parallel_tool_calls: parallel } = body;
  const chosen = choice == null ? undefined : namedChoice(choice);
  if (!hasTools) {
    if (chosen !== undefined && chosen['type'] !== 'none' && chosen['type'] !== 'auto')
      throw refused('tool_choice', 'tool_choice asks for a tool, and there are no tools.');
    return undefined;
  }
  if (parallel !== false || chosen?.['type'] === 'none') return chosen;
  return { ...(chosen ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function namedChoice(choice: Value): Fields {
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  if (isObject(choice) && choice['type'] === 'function' && isObject(choice['function']))
    return { type: 'tool', name: choice['function']['name'] };
  throw refused('tool_choice', 'tool_choice is auto, none, required, or a function by name.');
}

function refused(field: string, message: string): AppError {
  return new AppError('invalid_argument', message, {
    hint: 'Leave it out, or use a model whose provider takes it.',
    details: { fields: [field] },
  });
}
