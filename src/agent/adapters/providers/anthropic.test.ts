import { describe, expect, it } from 'vitest';
import { refusal } from '../../../../test/support/refusals.ts';
import { MessageReader, toCompletion } from './anthropic-answer.ts';
import { toMessages } from './anthropic-request.ts';
import { anthropicProtocol } from './anthropic.ts';

const ACCOUNT = {
  credentialId: 'c1',
  provider: 'anthropic' as const,
  baseUrl: 'https://api.example/v1',
  apiKey: 'sk-ant-0123456789',
  allowedRanges: [],
};
const user = (content: unknown) => ({ role: 'user', content });
const request = (body: Record<string, unknown>) =>
  toMessages('claude', { model: 'ours', messages: [user('Hi')], ...body });
const PNG = 'data:image/png;base64,iVBORw0KGgo=';

describe('a chat as a message', () => {
  it('has a limit, because Anthropic wants one', () => {
    expect(request({})).toEqual({
      model: 'claude',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    });
  });

  it.each([
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [{ max_completion_tokens: 6, max_tokens: 5 }, { max_tokens: 6 }],
    [
      { temperature: 0.3, top_p: 0.9, top_k: 4 },
      { temperature: 0.3, top_p: 0.9, top_k: 4 },
    ],
    [{ stop: 'END' }, { stop_sequences: ['END'] }],
    [{ stop: ['A', 'B'] }, { stop_sequences: ['A', 'B'] }],
    [{ stream: true, stream_options: { include_usage: true } }, { stream: true }],
    [{ user: 'u1' }, { metadata: { user_id: 'u1' } }],
    [{ temperature: null, stop: null, tools: null, tool_choice: null, seed: null }, {}],
    [{ n: 1, logprobs: false, presence_penalty: 0, logit_bias: {}, response_format: { type: 'text' } }, {}],
  ])('%j becomes %j', (body, expected) => {
    const { model: _model, messages: _messages, ...rest } = request(body);
    expect(rest).toEqual({ max_tokens: 4096, ...expected });
  });

  it.each([
    ['n', 2],
    ['logprobs', true],
    ['top_logprobs', 3],
    ['logit_bias', { 1: 2 }],
    ['response_format', { type: 'json_schema', json_schema: {} }],
    ['response_format', { type: 'json_object' }],
    ['seed', 7],
    ['presence_penalty', 0.5],
    ['frequency_penalty', -1],
    ['temperature', 1.5],
    ['reasoning_effort', 'high'],
    ['functions', []],
    ['modalities', ['text', 'audio']],
    ['service_tier', 'auto'],
    ['made_up', 1],
  ])('%s %j is refused by name', (name, value) => {
    expect(refusal(() => request({ [name]: value }))).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(name === 'temperature' ? 'temperature' : name),
      details: { fields: [name] },
    });
  });

  it('puts the system first and joins neighbours of one role', () => {
    expect(
      request({
        messages: [
          { role: 'system', content: 'One.' },
          { role: 'developer', content: [{ type: 'text', text: 'Two.' }] },
          user('a'),
          user('b'),
          { role: 'assistant', content: 'c', refusal: null, annotations: [] },
          user([{ type: 'text', text: 'd' }]),
        ],
      }),
    ).toMatchObject({
      system: 'One.\n\nTwo.',
      messages: [
        { role: 'user', content: [{ text: 'a' }, { text: 'b' }] },
        { role: 'assistant', content: [{ text: 'c' }] },
        { role: 'user', content: [{ text: 'd' }] },
      ],
    });
  });

  it('carries tools, calls and their answers', () => {
    const body = request({
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } },
        { type: 'function', function: { name: 'g' } },
      ],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      messages: [
        user('do'),
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 't1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 't2', type: 'function', function: { name: 'g', arguments: '' } },
          ],
        },
        { role: 'tool', tool_call_id: 't1', content: 'one' },
        { role: 'tool', tool_call_id: 't2', content: [{ type: 'text', text: 'two' }] },
        user('and?'),
      ],
    });
    expect(body).toMatchObject({
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object' } },
        { name: 'g', input_schema: { type: 'object', properties: {} } },
      ],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      messages: [
        { role: 'user' },
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 't1', name: 'f', input: { a: 1 } },
            { type: 'tool_use', id: 't2', name: 'g', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 't1', content: 'one' },
            { type: 'tool_result', tool_use_id: 't2', content: 'two' },
            { type: 'text', text: 'and?' },
          ],
        },
      ],
    });
  });

  it.each([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
    [
      { type: 'function', function: { name: 'f' } },
      { type: 'tool', name: 'f' },
    ],
  ])('the choice %j becomes %j', (choice, expected) => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(request({ tools, tool_choice: choice })['tool_choice']).toEqual(expected);
  });

  it('carries images', () => {
    const images = [PNG, 'https://host.example/cat.png'].map((url) => ({
      type: 'image_url',
      image_url: { url, detail: 'auto' },
    }));
    expect(request({ messages: [user([{ type: 'text', text: 'see' }, ...images])] })['messages']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { type: 'url', url: 'https://host.example/cat.png' } },
        ],
      },
    ]);
  });

  it.each([
    ['messages.1.role', { messages: [user('a'), { role: 'system', content: 'late' }] }],
    ['messages.0.role', { messages: [{ role: 'function', content: 'x' }] }],
    ['messages.0.name', { messages: [{ role: 'user', content: 'x', name: 'ann' }] }],
    ['messages.0.content.0', { messages: [user([{ type: 'input_audio' }])] }],
    ['messages.0.content', { messages: [user(7)] }],
    ['messages.0.tool_call_id', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages.0', { messages: ['x'] }],
    [
      'messages.0.tool_calls.0.function.arguments',
      {
        messages: [{ role: 'assistant', tool_calls: [{ id: 't', function: { name: 'f', arguments: '{' } }] }],
      },
    ],
    [
      'messages.0.content.0.image_url.url',
      { messages: [user([{ type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,AA==' } }])] },
    ],
    [
      'messages.0.content.0.image_url.detail',
      { messages: [user([{ type: 'image_url', image_url: { url: PNG, detail: 'high' } }])] },
    ],
    ['tools.0', { tools: [{ type: 'web_search' }] }],
    ['tools.0.function.strict', { tools: [{ type: 'function', function: { name: 'f', strict: true } }] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'some' }],
  ])('%s is refused by name', (field, body) => {
    expect(refusal(() => request(body))).toMatchObject({
      code: 'invalid_argument',
      details: { fields: [field] },
    });
  });
});

describe('a message as an answer', () => {
  const message = (more: Record<string, unknown>) => ({
    id: 'm1',
    model: 'claude',
    content: [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ],
    stop_reason: 'end_turn',
    usage: { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 4, cache_creation_input_tokens: 1 },
    ...more,
  });

  it('is a completion', () => {
    expect(toCompletion(ACCOUNT, message({}), 5)).toEqual({
      id: 'm1',
      object: 'chat.completion',
      created: 5,
      model: 'claude',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello' },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 8,
        completion_tokens: 2,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    });
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['something_new', 'stop'],
  ])('%s ends it with %s', (reason, finish) => {
    expect(toCompletion(ACCOUNT, message({ stop_reason: reason }), 5)['choices']).toMatchObject([
      { finish_reason: finish },
    ]);
  });

  it('carries calls of tools', () => {
    const content = [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }];
    expect(toCompletion(ACCOUNT, message({ content }), 5)['choices']).toMatchObject([
      {
        message: {
          content: null,
          tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        },
      },
    ]);
  });

  it.each([null, 'x', {}, { content: 'x' }])('%j is none', (body) => {
    expect(refusal(() => toCompletion(ACCOUNT, body, 5))).toMatchObject({
      code: 'upstream_failed',
      details: { reason: 'malformed' },
    });
  });
});

describe('a streamed message', () => {
  const read = (...events: object[]) => {
    const reader = new MessageReader(ACCOUNT, 5);
    const chunks = events.flatMap((event) =>
      reader.push({ id: null, name: 'x', data: JSON.stringify(event) }),
    );
    return { reader, chunks };
  };
  const start = {
    type: 'message_start',
    message: { id: 'm1', model: 'claude', usage: { input_tokens: 9, output_tokens: 1 } },
  };

  it('becomes chunks, with the usage at the end', () => {
    const { reader, chunks } = read(
      start,
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'ping' },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'brand_new_event' },
      { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 2 } },
      { type: 'message_stop' },
    );
    const base = { id: 'm1', object: 'chat.completion.chunk', created: 5, model: 'claude' };
    const choice = (delta: object, finish_reason: string | null = null) => ({
      ...base,
      choices: [{ index: 0, delta, finish_reason }],
    });
    expect(chunks).toEqual([
      choice({ role: 'assistant', content: '' }),
      choice({ content: 'Hel' }),
      choice({ content: 'lo' }),
      choice({}, 'length'),
      { ...base, choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 } },
    ]);
    expect(reader.complete).toBe(true);
  });

  it('numbers the calls of tools from nought', () => {
    const { chunks } = read(
      start,
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Let me. ' } },
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't1', name: 'f' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"a"' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: ':1}' } },
      { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 't2', name: 'g' } },
    );
    const deltas = chunks.map((chunk) => (chunk['choices'] as { delta: unknown }[])[0]?.delta);
    expect(deltas.slice(1)).toEqual([
      { content: 'Let me. ' },
      { tool_calls: [{ index: 0, id: 't1', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      { tool_calls: [{ index: 1, id: 't2', type: 'function', function: { name: 'g', arguments: '' } }] },
    ]);
  });

  it('is not complete before it says so', () => {
    expect(read(start).reader.complete).toBe(false);
  });

  it('breaks off with what went wrong', () => {
    expect(
      refusal(() => read({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })),
    ).toMatchObject({ code: 'upstream_failed', message: 'api.example broke off its answer: Overloaded' });
    expect(refusal(() => read({ type: 'message_start' }))).toMatchObject({
      details: { reason: 'malformed' },
    });
  });
});

describe("Anthropic's models", () => {
  const protocol = anthropicProtocol({ now: () => 5000 });

  it('are listed page by page', () => {
    expect(protocol.modelsPath(null)).toBe('/models?limit=1000');
    expect(protocol.modelsPath('a&b')).toBe('/models?limit=1000&after_id=a%26b');
    const page = protocol.modelPage(ACCOUNT, {
      data: [{ type: 'model', id: 'claude', display_name: 'Claude', created_at: '2025-02-19T00:00:00Z' }],
      has_more: true,
      last_id: 'claude',
    });
    expect(page).toEqual({
      next: 'claude',
      models: [
        {
          provider_model_id: 'claude',
          name: 'Claude',
          owned_by: 'anthropic',
          created_at: '2025-02-19T00:00:00.000Z',
          task_key: 'llm',
          category: 'generative',
          metadata: { provider_model_id: 'claude', object: 'model' },
        },
      ],
    });
    expect(protocol.modelPage(ACCOUNT, { data: [], has_more: false, last_id: null }).next).toBeNull();
  });

  it.each(['embeddings', 'rerank', 'completion'] as const)('have no route for %s', (route) => {
    expect(refusal(() => protocol.request({ route, providerModelId: 'm', body: {} }))).toMatchObject({
      code: 'unsupported_format',
      details: { fields: ['model'] },
    });
  });
});
