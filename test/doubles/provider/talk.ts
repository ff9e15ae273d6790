import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

/** What the models of the double answer, in both protocols. */

export const CREATED = 1_700_000_000;

/** What a model of the double says to a text. */
export function parrotSays(model: string, text: string): string {
  return `I am ${model} and you said: ${text}`;
}

export interface Talk {
  readonly response: ServerResponse;
  readonly model: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly fault: Fault | null;
}

export async function chat({ response, model, body, fault }: Talk): Promise<void> {
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

export async function completion({ response, model, body, fault }: Talk): Promise<void> {
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

export function embeddings({ response, model, body }: Talk): void {
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

export function rerank({ response, model, body }: Talk): void {
  const query = new Set(wordsOf(String(body['query'])).map((word) => word.trim()));
  const results = (body['documents'] as string[]).map((document, index) => {
    const words = wordsOf(document).map((word) => word.trim());
    const shared = words.filter((word) => query.has(word)).length;
    return { index, relevance_score: shared / Math.max(1, words.length) };
  });
  json(response, 200, { model, results, usage: { total_tokens: 7 }, meta: { answered_by: model } });
}

export async function messages({ response, model, body, fault }: Talk): Promise<void> {
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
  if (fault === 'endless') await untilClosed(response, () => piece('and on '));
  response.end(last.join(''));
}

async function untilClosed(response: ServerResponse, next: () => string): Promise<void> {
  while (!response.destroyed) {
    response.write(next());
    await new Promise((resolve) => setTimeout(resolve, ENDLESS_MS));
  }
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

export function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
