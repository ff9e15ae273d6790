import { describe, expect, it } from 'vitest';
import type { ProviderSlug } from '../../../shared/contract/index.ts';
import { refusal } from '../../../../test/support/refusals.ts';
import { assertRanges, baseUrlOf } from './base-url.ts';
import { limitParameter, openaiProtocol, ownBody, taskOf } from './openai.ts';
import { errorOf, quotable, retryAfterSeconds, upstreamRefusal } from './refusals.ts';
import { retryWait } from './retry.ts';

const ACCOUNT = {
  credentialId: 'c1',
  provider: 'openai_compatible' as const,
  baseUrl: 'https://api.example/v1',
  apiKey: 'sk-secret-0123456789',
  allowedRanges: [],
};

describe('a base address', () => {
  it.each<[ProviderSlug, string | undefined, string]>([
    ['openai', undefined, 'https://api.openai.com/v1'],
    ['anthropic', undefined, 'https://api.anthropic.com/v1'],
    ['openai', 'https://proxy.example/openai/v1/', 'https://proxy.example/openai/v1'],
    ['openai_compatible', ' https://Host.Example:8443/v1// ', 'https://host.example:8443/v1'],
    ['openai_compatible', 'https://host.example:443', 'https://host.example'],
    ['openai_compatible', 'http://127.1:8000/v1', 'http://127.0.0.1:8000/v1'],
    ['openai_compatible', 'http://0x7f000001/v1', 'http://127.0.0.1/v1'],
    ['openai_compatible', 'http://[::1]:8000/v1', 'http://[::1]:8000/v1'],
    ['openai_compatible', 'https://host.example/a/../v1', 'https://host.example/v1'],
  ])('of %s given as %j is %s', (provider, given, expected) => {
    expect(baseUrlOf(provider, given)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    'host.example/v1',
    'ftp://host.example/v1',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://',
    'https://user:secret@host.example/v1',
    'https://host.example/v1?key=secret',
    'https://host.example/v1#part',
    'https://host.example/v1?',
  ])('%j is refused by name, and its secrets are not repeated', (given) => {
    const error = refusal(() => baseUrlOf('openai_compatible', given));
    expect(error).toMatchObject({ code: 'invalid_argument', details: { fields: ['api_base_url'] } });
    expect(error.message).not.toContain('secret');
  });

  it('goes with ranges of private addresses only', () => {
    expect(() => assertRanges(['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32'])).not.toThrow();
    for (const range of ['10.0.0.0', '0.0.0.0/0', '8.8.8.0/24', 'x'])
      expect(refusal(() => assertRanges(['10.0.0.0/8', range]))).toMatchObject({
        code: 'invalid_argument',
        details: { fields: ['allowed_ranges'] },
      });
  });
});

describe('trying again', () => {
  const answer = (status: number, after?: string) => ({
    answer: { status, headers: after === undefined ? {} : { 'retry-after': after } },
  });
  it.each([
    ['refused', { connect: 'ECONNREFUSED' }, 0, 150],
    ['refused a second time', { connect: 'ECONNREFUSED' }, 1, 300],
    ['refused a third time', { connect: 'ECONNREFUSED' }, 2, null],
    ['a reset while connecting', { connect: 'ECONNRESET' }, 0, 150],
    ['a connection that takes too long', { connect: 'ETIMEDOUT' }, 0, null],
    ['a name nobody knows', { connect: 'ENOTFOUND' }, 0, null],
    ['a certificate', { connect: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 0, null],
    ['429 with a wait', answer(429, '2'), 0, 2000],
    ['503 with a wait', answer(503, '0'), 1, 0],
    ['429 with a date', answer(429, new Date(4000).toUTCString()), 0, 3000],
    ['429 without a wait', answer(429), 0, null],
    ['429 with a long wait', answer(429, '6'), 0, null],
    ['429 with nonsense', answer(429, 'soon'), 0, null],
    ['429 for the third time', answer(429, '0'), 2, null],
    ['500', answer(500, '0'), 0, null],
    ['502', answer(502, '0'), 0, null],
    ['504', answer(504, '0'), 0, null],
    ['401', answer(401, '0'), 0, null],
  ])('%s', (_name, failure, attempt, wait) => {
    expect(retryWait(failure, attempt, 1000)).toBe(wait);
  });

  it('reads a wait as seconds or as a date', () => {
    expect(retryAfterSeconds({ 'retry-after': '1.5' }, 0)).toBe(1.5);
    expect(retryAfterSeconds({ 'retry-after': '-3' }, 0)).toBe(0);
    expect(retryAfterSeconds({ 'retry-after': new Date(0).toUTCString() }, 5000)).toBe(0);
    expect(retryAfterSeconds({}, 0)).toBeNull();
  });
});

describe('what a provider says', () => {
  it.each([
    ['{"error":{"message":"bad","param":"top_p"}}', { message: 'bad', param: 'top_p' }],
    ['{"error":"bad"}', { message: 'bad' }],
    ['{"message":"bad"}', { message: 'bad' }],
    ['{"detail":[{"msg":"bad"}]}', { message: '[{"msg":"bad"}]' }],
    ['<html>\nmore', { message: '<html>' }],
    ['', { message: 'no reason given' }],
    ['{}', { message: '{}' }],
  ])('%s', (text, expected) => {
    expect(errorOf(text)).toMatchObject(expected);
  });

  it('is quoted without keys, and in short', () => {
    expect(quotable('the key sk-secret-0123456789 is wrong', ACCOUNT.apiKey)).toBe('the key [key] is wrong');
    expect(quotable('Incorrect API key provided: sk-proj-****6789.', ACCOUNT.apiKey)).toBe(
      'Incorrect API key provided: [key].',
    );
    expect(quotable('sent Bearer abc.def', ACCOUNT.apiKey)).toBe('sent Bearer [key]');
    expect(quotable('a\r\nb\u0000c', ACCOUNT.apiKey)).toBe('a b c');
    expect(quotable('my own key 12 3', 'my own key 12')).toBe('[key] 3');
    expect(quotable('x'.repeat(9000), ACCOUNT.apiKey)).toHaveLength(500);
  });

  it.each([
    [401, '{"error":{"message":"key sk-secret-0123456789"}}', 'upstream_failed', 'credential_refused'],
    [403, '', 'upstream_failed', 'credential_refused'],
    [404, '{"error":{"message":"no such model"}}', 'upstream_failed', 'model_unknown'],
    [302, '', 'upstream_failed', 'redirected'],
    [400, '{"error":{"message":"bad"}}', 'invalid_argument', undefined],
    [413, '', 'invalid_argument', undefined],
    [422, '', 'invalid_argument', undefined],
    [429, '', 'rate_limited', undefined],
    [402, '', 'upstream_failed', 'status'],
    [500, '', 'upstream_failed', 'status'],
    [529, '', 'upstream_failed', 'status'],
  ])('%i %s is %s', (status, text, code, reason) => {
    const error = upstreamRefusal(ACCOUNT, 'm', { status, headers: {}, text }, 0);
    expect(error.code).toBe(code);
    expect(error.details?.['reason']).toBe(reason);
    expect(error.details?.['status_code']).toBe(status);
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('sk-secret');
  });

  it('names the field it refuses', () => {
    const text = '{"error":{"message":"bad","param":"top_p"}}';
    expect(upstreamRefusal(ACCOUNT, 'm', { status: 400, headers: {}, text }, 0).details).toMatchObject({
      fields: ['top_p'],
    });
  });
});

describe("OpenAI's models", () => {
  it.each([
    ['gpt-4o', 'llm'],
    ['text-embedding-3-small', 'embeddings'],
    ['BAAI/bge-Embed-large', 'embeddings'],
    ['jina-reranker-v2', 'rerank'],
    ['embed-rerank', 'rerank'],
  ])('%s is for %s', (id, task) => {
    expect(taskOf(id)).toBe(task);
  });

  it.each([
    ['o1', 'max_completion_tokens'],
    ['o3-mini', 'max_completion_tokens'],
    ['gpt-5', 'max_completion_tokens'],
    ['gpt-5.2-chat', 'max_completion_tokens'],
    ['openai/o4-mini', 'max_completion_tokens'],
    ['gpt-4o', 'max_tokens'],
    ['gpt-50', 'max_tokens'],
    ['o-one', 'max_tokens'],
    ['olmo-2', 'max_tokens'],
  ])('%s takes %s', (id, name) => {
    expect(limitParameter(id)).toBe(name);
    const own = ownBody({ task: 'llm', providerModelId: id, body: { max_tokens: 8, temperature: 0 } });
    expect(own).toEqual(name === 'max_tokens' ? { max_tokens: 8, temperature: 0 } : { [name]: 8 });
  });

  it('are listed with what is known of them', () => {
    const { models } = openaiProtocol.modelPage(ACCOUNT, {
      data: [
        { id: 'a', created: 1_700_000_000, owned_by: 'me', object: 'model', secret: 1 },
        { id: '', created: 1 },
        'nonsense',
        { id: 'b', created: 'yesterday' },
      ],
    });
    expect(models).toEqual([
      {
        provider_model_id: 'a',
        name: 'a',
        owned_by: 'me',
        created_at: '2023-11-14T22:13:20.000Z',
        task_key: 'llm',
        category: 'generative',
        metadata: { provider_model_id: 'a', owned_by: 'me', created: 1_700_000_000, object: 'model' },
      },
      {
        provider_model_id: 'b',
        name: 'b',
        owned_by: null,
        created_at: null,
        task_key: 'llm',
        category: 'generative',
        metadata: { provider_model_id: 'b' },
      },
    ]);
    expect(openaiProtocol.modelPage(ACCOUNT, [{ id: 'bare' }]).models).toHaveLength(1);
    for (const body of [{}, null, 'x', { data: {} }])
      expect(refusal(() => openaiProtocol.modelPage(ACCOUNT, body))).toMatchObject({
        code: 'upstream_failed',
        details: { reason: 'malformed' },
      });
  });

  it('are asked for the usage of a stream, and for nothing else that nobody wanted', () => {
    const request = (body: Record<string, unknown>) =>
      openaiProtocol.request({ route: 'chat', providerModelId: 'm', body }).body;
    expect(request({ model: 'ours', stream: true, stream_options: { x: 1 } })).toEqual({
      model: 'm',
      stream: true,
      stream_options: { x: 1, include_usage: true },
    });
    expect(request({ model: 'ours', stream: false, made_up: 1 })).toEqual({
      model: 'm',
      stream: false,
      made_up: 1,
    });
  });

  it.each([
    ['chat', { choices: [] }, null],
    ['embeddings', { data: [] }, null],
    ['rerank', { results: [] }, null],
    ['chat', { data: [] }, 'malformed'],
    ['chat', 'text', 'malformed'],
    ['chat', { error: { message: 'no credit for sk-secret-0123456789' } }, 'status'],
  ] as const)('answer a %s with %j: %s', (route, body, reason) => {
    const answer = () => openaiProtocol.answer(ACCOUNT, { route, providerModelId: 'm', body: {} }, body);
    if (reason === null) expect(answer()).toBe(body);
    else {
      const error = refusal(answer);
      expect(error).toMatchObject({ code: 'upstream_failed', details: { reason } });
      expect(error.message).not.toContain('sk-secret');
    }
  });

  it('end a stream by saying so, or by having said why', () => {
    const reader = openaiProtocol.reader(ACCOUNT, { route: 'chat', providerModelId: 'm', body: {} });
    const push = (value: unknown) =>
      reader.push({
        id: null,
        name: 'message',
        data: typeof value === 'string' ? value : JSON.stringify(value),
      });
    expect(push({ choices: [{ delta: { content: 'a' }, finish_reason: null }] })).toHaveLength(1);
    expect(reader.complete).toBe(false);
    push({ choices: [{ delta: {}, finish_reason: 'stop' }] });
    expect([reader.complete, reader.ended]).toEqual([true, false]);
    expect(push('[DONE]')).toEqual([]);
    expect(reader.ended).toBe(true);
    expect(refusal(() => push('{"choi'))).toMatchObject({ details: { reason: 'malformed' } });
    expect(refusal(() => push('[]'))).toMatchObject({ details: { reason: 'malformed' } });
    expect(refusal(() => push({ error: { message: `no ${ACCOUNT.apiKey}` } }))).toMatchObject({
      code: 'upstream_failed',
      message: 'api.example broke off its answer: no [key]',
    });
  });
});
