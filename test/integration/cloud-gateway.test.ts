import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Credential, type Model } from '../../src/shared/contract/index.ts';
import { parrotSays, startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential, keyFor, LOOPBACK } from '../support/cloud.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import { TestTime } from '../support/time.ts';

const TIMING = { firstByteMs: 600, stallMs: 400 };

let directory: TemporaryDirectory;
let agent: TestAgent;
let provider: ProviderDouble;
let credential: Credential;
let parrot: Model;
let claude: Model;
let vectors: Model;
let ranker: Model;
let openai: OpenAI;
let application: string;

/** An active model on the given credential; its test and validation are asked of the double as well. */
const bring = async (
  name: string,
  providerModelId: string,
  credentialId: string,
  more: {
    provider?: 'openai' | 'anthropic' | 'openai_compatible';
    task_key?: 'llm' | 'embeddings' | 'rerank';
  } = {},
): Promise<Model> => {
  const { id } = await addCloudModel(agent.call, credentialId, {
    name,
    provider_model_id: providerModelId,
    ...more,
  });
  if (more.task_key === undefined) return activateCloudModel(agent.call, id);
  const inputs = more.task_key === 'embeddings' ? { text: 'hello' } : { query: 'a', documents: ['a', 'b'] };
  const { test_run: run } = await agent.call(ENDPOINTS.testModel, { params: { id }, body: { inputs } });
  await agent.call(ENDPOINTS.validateModel, { params: { id }, body: { test_run_id: run.id } });
  return (await agent.call(ENDPOINTS.activateModel, { params: { id } })).model;
};

beforeAll(async () => {
  directory = await temporaryDirectory();
  provider = await startProvider();
  agent = await startTestAgent(join(directory.path, 'data'), { providerTiming: TIMING });
  credential = await addCredential(agent, provider, { scope: 'platform' });
  const { credential: other } = await agent.call(ENDPOINTS.createCredential, {
    body: {
      provider: 'anthropic',
      display_name: 'double',
      credential_scope: 'platform',
      api_base_url: provider.baseUrl,
      api_key: provider.key,
      allowed_ranges: LOOPBACK,
    },
  });
  parrot = await bring('parrot', 'parrot-large', credential.id);
  vectors = await bring('vectors', 'parrot-embed', credential.id, { task_key: 'embeddings' });
  ranker = await bring('ranker', 'parrot-rerank', credential.id, { task_key: 'rerank' });
  claude = await bring('claude', 'claude-parrot', other.id, { provider: 'anthropic' });
  application = (await keyFor(agent, 'application', 'user')).token;
  openai = new OpenAI({ apiKey: application, baseURL: `${agent.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await agent.stop();
  await provider.close();
  await directory[Symbol.asyncDispose]();
});
beforeEach(() => provider.forget());

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'Who are you?' }];
const chat = (body: Record<string, unknown> = {}) =>
  agent.request('POST', '/v1/chat/completions', {
    token: application,
    body: { model: parrot.id, messages, ...body },
  });
const totals = async (model: Model) =>
  (await agent.call(ENDPOINTS.getModel, { params: { id: model.id } })).model.usage_summary.total;

describe('a model at a provider', () => {
  it('is listed among those that can be called', async () => {
    const { data } = await openai.models.list();
    expect(data.map(({ id }) => id)).toEqual([claude.id, parrot.id, ranker.id, vectors.id].toSorted());
    expect(await openai.models.retrieve(parrot.id)).toMatchObject({
      object: 'model',
      global_model_id: parrot.global_model_id,
    });
  });

  it('answers under our id, asked by its own, with our key kept here', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: parrot.id, messages, temperature: 0.5, seed: 7 })
      .withResponse();
    expect(data).toMatchObject({
      model: parrot.id,
      choices: [{ message: { content: parrotSays('parrot-large', 'Who are you?') }, finish_reason: 'stop' }],
      usage: { completion_tokens: 9 },
    });
    expect(response.headers.get('x-modelops-model-id')).toBe(parrot.id);
    expect(response.headers.get('x-modelops-global-model-id')).toBe(parrot.global_model_id);
    const [asked] = provider.requests;
    expect(asked).toMatchObject({
      path: '/v1/chat/completions',
      body: { model: 'parrot-large', messages, temperature: 0.5, seed: 7 },
      headers: { authorization: `Bearer ${provider.key}` },
    });
    expect(JSON.stringify(asked)).not.toContain(application);
  });

  it.each([
    ['OpenAI', () => parrot, 'parrot-large'],
    ['Anthropic', () => claude, 'claude-parrot'],
  ])('streams piece by piece, from %s', async (_name, model, says) => {
    const before = await totals(model());
    const stream = await openai.chat.completions.create({
      model: model().id,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    let usage: { prompt_tokens: number; completion_tokens: number } | undefined;
    let finish: unknown;
    const models = new Set<string>();
    for await (const chunk of stream) {
      models.add(chunk.model);
      const content = chunk.choices[0]?.delta.content;
      if (content != null && content !== '') pieces.push(content);
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(parrotSays(says, 'Who are you?'));
    expect([...models]).toEqual([model().id]);
    expect(finish).toBe('stop');
    expect(usage).toMatchObject({ completion_tokens: pieces.length });
    const after = await totals(model());
    expect(after.calls - before.calls).toBe(1);
    expect(after.completion_tokens - before.completion_tokens).toBe(pieces.length);
    expect(after.prompt_tokens - before.prompt_tokens).toBe(usage?.prompt_tokens);
  });

  it('counts the tokens of a stream that nobody asked for usage, and leaves the usage out', async () => {
    const before = await totals(parrot);
    const { text, headers } = await chat({ stream: true });
    expect(headers.get('content-type')).toContain('text/event-stream');
    expect(text).not.toContain('"usage"');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(provider.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    const after = await totals(parrot);
    expect(after.completion_tokens - before.completion_tokens).toBe(9);
  });

  it('completes text and embeds', async () => {
    const completion = await openai.completions.create({ model: parrot.id, prompt: 'x' });
    expect(completion).toMatchObject({
      model: parrot.id,
      choices: [{ text: parrotSays('parrot-large', 'x') }],
    });
    const { data, model, usage } = await openai.embeddings.create({
      model: vectors.id,
      input: ['a', 'b'],
      encoding_format: 'float',
    });
    expect(data).toHaveLength(2);
    expect(model).toBe(vectors.id);
    expect(usage.prompt_tokens).toBe(2);
  });

  it('is refused on the route of another task, and where the provider has none', async () => {
    expect(
      await agent.request('POST', '/v1/embeddings', { body: { model: parrot.id, input: 'x' } }),
    ).toMatchObject({ status: 422, body: { error: { code: 'unsupported_format', param: 'model' } } });
    expect(
      await agent.request('POST', '/v1/completions', { body: { model: claude.id, prompt: 'x' } }),
    ).toMatchObject({ status: 422, body: { error: { code: 'unsupported_format', param: 'model' } } });
    expect(provider.requests).toEqual([]);
  });

  it("speaks Anthropic's protocol to Anthropic, and refuses what it cannot carry over", async () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'weather', parameters: { type: 'object', properties: {} } },
      },
    ];
    const answer = await openai.chat.completions.create({
      model: claude.id,
      messages: [{ role: 'system', content: 'Be brief.' }, ...messages],
      tools,
      tool_choice: 'required',
      max_tokens: 50,
    });
    expect(answer).toMatchObject({
      model: claude.id,
      choices: [
        {
          finish_reason: 'tool_calls',
          message: { tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Bern"}' } }] },
        },
      ],
    });
    expect(provider.requests[0]).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': provider.key, 'anthropic-version': '2023-06-01' },
      body: { model: 'claude-parrot', system: 'Be brief.', max_tokens: 50, tool_choice: { type: 'any' } },
    });
    provider.forget();
    expect(await chat({ model: claude.id, logprobs: true })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument', param: 'logprobs' } },
    });
    expect(provider.requests).toEqual([]);
  });
});

describe('what goes wrong at a provider', () => {
  it.each([
    ['401', 502, 'upstream_failed', { reason: 'credential_refused', status_code: 401 }],
    ['403', 502, 'upstream_failed', { reason: 'credential_refused', status_code: 403 }],
    ['404', 502, 'upstream_failed', { reason: 'model_unknown', status_code: 404 }],
    ['422', 400, 'invalid_argument', { status_code: 422 }],
    ['429-long', 429, 'rate_limited', { retry_after_seconds: 30, status_code: 429 }],
    ['500', 502, 'upstream_failed', { reason: 'status', status_code: 500 }],
    ['malformed', 502, 'upstream_failed', { reason: 'malformed' }],
    ['hangup', 502, 'upstream_failed', { reason: 'cut' }],
    ['stall-before', 502, 'upstream_failed', { reason: 'stalled' }],
    ['redirect', 502, 'upstream_failed', { reason: 'redirected', status_code: 307 }],
    ['huge-error', 502, 'upstream_failed', { reason: 'status', status_code: 500 }],
  ] as const)('%s is told as %i %s', async (fault, status, code, details) => {
    for (const stream of [false, true]) {
      provider.forget();
      const before = await totals(parrot);
      provider.fail(fault);
      const answer = await chat({ stream });
      expect(answer).toMatchObject({ status, body: { error: { code, details, hint: expect.any(String) } } });
      expect(answer.text).not.toContain(provider.key);
      expect(answer.text.length).toBeLessThan(2000);
      expect(provider.requests).toHaveLength(1);
      const after = await totals(parrot);
      expect(after.calls - before.calls).toBe(1);
      expect(after.errors - before.errors).toBe(1);
    }
  });

  it('passes on how long to wait', async () => {
    provider.fail('429-long');
    expect((await chat()).headers.get('retry-after')).toBe('30');
  });

  it('asks again when the provider did not take the call on, and only so often', async () => {
    provider.fail('503', 2);
    expect((await chat()).status).toBe(200);
    expect(provider.requests).toHaveLength(3);
    provider.forget();
    provider.fail('429', 3);
    expect(await chat()).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } });
    expect(provider.requests).toHaveLength(3);
  });

  it('shows at the credential that it was refused', async () => {
    provider.fail('401');
    await chat();
    const { credential: now } = await agent.call(ENDPOINTS.getCredential, { params: { id: credential.id } });
    expect(now.last_probe).toMatchObject({ ok: false, status_code: 401 });
  });

  it.each([
    ['stall-after', 'stalled'],
    ['cut', 'cut'],
    ['error-event', 'status'],
  ] as const)(
    '%s in the middle of a stream is told in the stream, which then ends',
    async (fault, reason) => {
      for (const model of [parrot, claude]) {
        const before = await totals(model);
        provider.fail(fault);
        const { status, text } = await chat({ model: model.id, stream: true });
        expect(status).toBe(200);
        const events = text.trim().split('\n\n');
        const last = JSON.parse(events.at(-1)?.replace(/^data: /, '') ?? '') as unknown;
        expect(last).toMatchObject({ error: { code: 'upstream_failed', details: { reason } } });
        expect(text).not.toContain('[DONE]');
        expect(text).toContain('"I "');
        const after = await totals(model);
        expect(after.errors - before.errors).toBe(1);
      }
    },
  );

  it('a stream that is slow, but not silent, is waited for', async () => {
    provider.fail('slow');
    expect((await chat({ stream: true })).text).toContain('[DONE]');
  });

  it('a provider that is not there cannot be reached', async () => {
    const gone = await startProvider();
    const own = await addCredential(agent, gone, { scope: 'platform', name: 'gone' });
    const model = await bring('gone', 'parrot-small', own.id);
    await gone.close();
    expect(await chat({ model: model.id })).toMatchObject({
      status: 502,
      body: { error: { code: 'upstream_failed', details: { reason: 'unreachable' } } },
    });
  });
});

describe('a client that goes away', () => {
  it('ends the work of the provider, and is no error', async () => {
    const before = await totals(parrot);
    provider.fail('endless');
    const controller = new AbortController();
    const response = await fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${application}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: parrot.id, messages, stream: true }),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    await provider.until(({ aborted }) => aborted);
    const after = await totals(parrot);
    expect(after.errors - before.errors).toBe(0);
  });

  it('before the answer ends it as well', async () => {
    provider.fail('stall-before');
    const controller = new AbortController();
    const call = fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${application}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: parrot.id, messages }),
      signal: controller.signal,
    });
    await provider.until(() => true);
    controller.abort();
    await expect(call).rejects.toThrow('abort');
    await provider.until(({ aborted }) => aborted);
    expect((await chat()).status).toBe(200);
  });
});

describe('a validation whose time is over', () => {
  it('ends the calls at that moment, whether or not somebody woke up to end it', async () => {
    // Its own timers, which nobody wakes: only the clock tells.
    const time = new TestTime();
    await using other = await startTestAgent(join(directory.path, 'expiring'), { clock: time });
    const { id: credentialId } = await addCredential(other, provider, { scope: 'platform' });
    const { id } = await addCloudModel(other.call, credentialId);
    await activateCloudModel(other.call, id);
    const call = () => other.request('POST', '/v1/chat/completions', { body: { model: id, messages } });
    expect((await call()).status).toBe(200);
    time.wakeAfter(24 * 3_600_000);
    provider.forget();
    expect(await call()).toMatchObject({
      status: 409,
      body: { error: { code: 'validation_failed', details: { reason: 'validation_stale' } } },
    });
    expect(await other.request('GET', '/v1/models')).toMatchObject({ body: { data: [] } });
    expect(provider.requests).toEqual([]);
  });
});

describe('rerank', () => {
  const documents = ['a cat sat', 'dogs bark', { text: 'the cat and the cat' }];
  const rerank = (body: Record<string, unknown>) =>
    agent.request('POST', '/v1/rerank', { body: { model: ranker.id, query: 'the cat', documents, ...body } });

  it('orders documents, the best first', async () => {
    const { status, body, headers } = await rerank({});
    expect(status).toBe(200);
    expect(headers.get('x-modelops-model-id')).toBe(ranker.id);
    expect(body).toMatchObject({ model: ranker.id, usage: { prompt_tokens: 7, total_tokens: 7 } });
    expect((body['results'] as { index: number }[]).map(({ index }) => index)).toEqual([2, 0, 1]);
    expect(provider.requests[0]?.body).toEqual({
      model: 'parrot-rerank',
      query: 'the cat',
      documents: ['a cat sat', 'dogs bark', 'the cat and the cat'],
      top_n: 3,
    });
  });

  it('gives back so many, with what they were', async () => {
    const { body } = await rerank({ top_n: 1, return_documents: true });
    expect(body['results']).toEqual([
      { index: 2, relevance_score: 1 * (4 / 5), document: { text: 'the cat and the cat' } },
    ]);
  });

  it('refuses a parameter that it does not know', async () => {
    expect(await rerank({ max_chunks_per_doc: 3 })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument', param: 'max_chunks_per_doc' } },
    });
    expect(await rerank({ model: parrot.id })).toMatchObject({ status: 422 });
  });
});

describe('generate and inference', () => {
  it('answer a prompt with the same text twice', async () => {
    const { status, body } = await agent.request('POST', '/v1/models/generate', {
      token: application,
      body: { model_id: parrot.id, prompt: 'Hello', max_tokens: 20, temperature: 0 },
    });
    const text = parrotSays('parrot-large', 'Hello');
    expect(status).toBe(200);
    expect(body).toEqual({
      output: text,
      response: text,
      model_id: parrot.id,
      finish_reason: 'stop',
      usage: { prompt_tokens: 1, completion_tokens: 7 },
    });
    expect(provider.requests[0]?.body).toEqual({
      model: 'parrot-large',
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 20,
      temperature: 0,
    });
  });

  it('put the history before the prompt', async () => {
    const history = [
      { role: 'system' as const, content: 'Be kind.' },
      { role: 'user' as const, content: 'Hi' },
      { role: 'assistant' as const, content: 'Hello' },
    ];
    const answer = await agent.call(ENDPOINTS.inferText, {
      body: { model: claude.id, prompt: 'And you?', history },
    });
    expect(answer.output).toBe(parrotSays('claude-parrot', 'And you?'));
    expect(provider.requests[0]?.body).toMatchObject({
      system: 'Be kind.',
      messages: [{ role: 'user' }, { role: 'assistant' }, { role: 'user' }],
    });
  });

  it('are refused in the ordinary envelope, with the field that named the model', async () => {
    const generate = (body: object) => agent.request('POST', '/v1/models/generate', { body });
    expect(await generate({ model_id: 'nobody', prompt: 'x' })).toMatchObject({
      status: 404,
      body: { error: 'not_found', details: { fields: ['model_id'] } },
    });
    expect(await generate({ model_id: parrot.id })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['prompt'] } },
    });
    expect(await generate({ model_id: vectors.id, prompt: 'x' })).toMatchObject({
      status: 422,
      body: { error: 'unsupported_format' },
    });
    provider.fail('500');
    expect(await generate({ model_id: parrot.id, prompt: 'x' })).toMatchObject({
      status: 502,
      body: { error: 'upstream_failed', details: { status_code: 500 } },
    });
  });

  it('limit a reasoning model by the name it knows', async () => {
    const model = await bring('reasons', 'gpt-5-parrot', credential.id);
    provider.forget();
    await agent.call(ENDPOINTS.generateText, { body: { model_id: model.id, prompt: 'x', max_tokens: 9 } });
    expect(provider.requests[0]?.body).toMatchObject({ max_completion_tokens: 9 });
    expect(provider.requests[0]?.body).not.toHaveProperty('max_tokens');
  });
});

describe('who may not be called', () => {
  it('is at an address that is not allowed any more: nothing is sent', async () => {
    const own = await addCredential(agent, provider, { scope: 'platform', name: 'narrowed' });
    const model = await bring('narrowed', 'o3-parrot', own.id);
    expect((await chat({ model: model.id })).status).toBe(200);
    await agent.call(
      ENDPOINTS.patchCredential,
      { params: { id: own.id }, body: { allowed_ranges: ['10.0.0.0/8'] } },
      { ifMatch: own.rev },
    );
    provider.forget();
    expect(await chat({ model: model.id })).toMatchObject({
      status: 403,
      body: { error: { code: 'forbidden', details: { range: '127.0.0.0/8' }, type: 'permission_error' } },
    });
    expect(provider.requests).toEqual([]);
  });

  it('is refused by the first reason', async () => {
    const { id } = await addCloudModel(agent.call, credential.id, {
      name: 'fresh',
      provider_model_id: 'parrot-small',
    });
    expect(await chat({ model: id })).toMatchObject({
      status: 409,
      body: { error: { code: 'invalid_state_transition', details: { reason: 'not_active' } } },
    });
    const own = await addCredential(agent, provider, { scope: 'platform', name: 'ending' });
    const model = await bring('ending', 'text-embedding-parrot', own.id, { task_key: 'embeddings' });
    await agent.call(ENDPOINTS.revokeCredential, { params: { id: own.id } });
    provider.forget();
    const embed = () => agent.request('POST', '/v1/embeddings', { body: { model: model.id, input: 'x' } });
    expect((await embed()).status).toBe(409);
    expect(provider.requests).toEqual([]);
  });

  it('offline answers nobody and sends nothing, and the attempt is counted', async () => {
    const { refused_count: before } = await agent.call(ENDPOINTS.listRefusedAttempts, {});
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    expect(await chat()).toMatchObject({
      status: 409,
      body: { error: { code: 'offline_not_allowed', details: { reason: 'offline_not_allowed' } } },
    });
    expect((await openai.models.list()).data).toEqual([]);
    expect(provider.requests).toEqual([]);
    const { refused_count: after } = await agent.call(ENDPOINTS.listRefusedAttempts, {});
    expect(after).toBe(before + 1);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'online' } });
    expect((await chat()).status).toBe(200);
  });

  it('going offline cuts a stream that runs', async () => {
    provider.fail('endless');
    const response = await fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${application}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: parrot.id, messages, stream: true }),
    });
    await provider.until(() => true);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    const text = await response.text();
    expect(text).toContain('runtime_profile_blocks_internet');
    await provider.until(({ aborted }) => aborted);
    const { events } = await agent.call(ENDPOINTS.listUsageEvents, { query: { limit: 1 } });
    expect(events).toMatchObject([
      {
        model_id: parrot.id,
        route: '/v1/chat/completions',
        ok: false,
        streamed: true,
        error: 'runtime_profile_blocks_internet',
        first_byte_ms: expect.any(Number),
      },
    ]);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'online' } });
  });
});
