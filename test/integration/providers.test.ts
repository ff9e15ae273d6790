import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createProviders,
  PROVIDER_TIMING,
  type ProviderAccount,
  type Providers,
} from '../../src/agent/adapters/providers/index.ts';
import { systemClock } from '../../src/agent/kernel/clock.ts';
import { Egress } from '../../src/agent/kernel/egress.ts';
import {
  PROVIDER_KEY,
  parrotSays,
  startProvider,
  type ProviderDouble,
} from '../doubles/provider/provider.ts';
import { startProviderProgram } from '../doubles/provider/program.ts';
import { refused } from '../support/refusals.ts';

let provider: ProviderDouble;
let egress: Egress;
let providers: Providers;
const reported: [string, number][] = [];

beforeAll(async () => {
  provider = await startProvider();
  egress = new Egress(() => ({ profile: 'online', allowedPeers: [] }), systemClock);
  providers = createProviders(egress, {
    clock: systemClock,
    timing: PROVIDER_TIMING,
    reports: { reportRefused: (id, status) => void reported.push([id, status]) },
  });
});
afterEach(() => {
  provider.forget();
  reported.length = 0;
});
afterAll(async () => {
  await egress.close();
  await provider.close();
});

const account = (more: Partial<ProviderAccount> = {}): ProviderAccount => ({
  credentialId: 'c1',
  provider: 'openai_compatible',
  baseUrl: provider.baseUrl,
  apiKey: provider.key,
  allowedRanges: ['127.0.0.0/8'],
  ...more,
});
const never = (): AbortSignal => new AbortController().signal;
const prompt = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5, temperature: 0 };

describe('the models of a provider', () => {
  it('are listed in order, with what they seem to be for', async () => {
    const models = await providers.listModels(account(), never());
    expect(models.map((model) => [model.provider_model_id, model.task_key])).toEqual([
      ['gpt-5-parrot', 'llm'],
      ['o3-parrot', 'llm'],
      ['parrot-embed', 'embeddings'],
      ['parrot-large', 'llm'],
      ['parrot-rerank', 'rerank'],
      ['parrot-small', 'llm'],
      ['text-embedding-parrot', 'embeddings'],
    ]);
  });

  it('are listed over all pages of Anthropic', async () => {
    const models = await providers.listModels(account({ provider: 'anthropic' }), never());
    expect(models).toHaveLength(provider.models.length);
    expect(models[0]).toMatchObject({ provider_model_id: 'claude-gpt-5-parrot', owned_by: 'anthropic' });
    expect(provider.requests.map(({ path }) => path)).toEqual([
      '/v1/models?limit=1000',
      '/v1/models?limit=1000&after_id=claude-parrot-small',
      '/v1/models?limit=1000&after_id=claude-o3-parrot',
      '/v1/models?limit=1000&after_id=claude-parrot-embed',
    ]);
  });

  it('are not listed to a key that is refused, which is reported', async () => {
    const error = await refused(providers.listModels(account({ apiKey: 'wrong.0123456789' }), never()));
    expect(error).toMatchObject({
      code: 'upstream_failed',
      details: { reason: 'credential_refused', status_code: 401 },
    });
    expect(error.message).not.toContain('wrong.');
    expect(reported).toEqual([['c1', 401]]);
  });

  it('are nowhere at a wrong address', async () => {
    const error = await refused(
      providers.listModels(account({ baseUrl: `${provider.url}/elsewhere` }), never()),
    );
    expect(error).toMatchObject({
      code: 'upstream_failed',
      details: { reason: 'model_unknown' },
      message: expect.stringContaining('no list of models'),
    });
  });
});

describe('a call of our own', () => {
  it.each(['parrot-large', 'gpt-5-parrot', 'o3-parrot'])('is put the way %s takes it', async (model) => {
    const answer = await providers.call(
      account(),
      { task: 'llm', providerModelId: model, body: prompt },
      never(),
    );
    expect(answer).toMatchObject({ choices: [{ message: { content: parrotSays(model, 'Hi') } }] });
  });

  it('embeds and ranks', async () => {
    const vectors = await providers.call(
      account(),
      { task: 'embeddings', providerModelId: 'parrot-embed', body: { input: 'Hi' } },
      never(),
    );
    expect(vectors['data']).toHaveLength(1);
    const ranks = await providers.call(
      account(),
      { task: 'rerank', providerModelId: 'parrot-rerank', body: { query: 'a', documents: ['a', 'b'] } },
      never(),
    );
    expect(ranks['results']).toHaveLength(2);
  });

  it('has no route for other tasks', async () => {
    const call = { task: 'ocr' as const, providerModelId: 'm', body: {} };
    expect(await refused(providers.call(account(), call, never()))).toMatchObject({
      code: 'unsupported_format',
    });
  });
});

describe('whoever waits for an answer and leaves', () => {
  it.each([false, true])('ends the call at once, streamed: %s', async (stream) => {
    provider.fail('stall-before');
    const controller = new AbortController();
    const call = providers.invoke(
      account(),
      { route: 'chat', providerModelId: 'parrot-large', body: { ...prompt, stream } },
      controller.signal,
    );
    await provider.until(() => true);
    controller.abort(new Error('left'));
    expect(await refused(call)).toMatchObject({ message: 'left' });
    await provider.until(({ aborted }) => aborted);
  });

  it('ends a stream that he leaves in the middle', async () => {
    provider.fail('endless');
    const answer = await providers.invoke(
      account(),
      { route: 'chat', providerModelId: 'parrot-large', body: { ...prompt, stream: true } },
      never(),
    );
    if (!answer.streaming) throw new Error('no stream');
    for await (const chunk of answer.chunks) if (chunk['choices'] !== undefined) break;
    expect((await provider.until(({ aborted }) => aborted)).path).toBe('/v1/chat/completions');
  });

  it('leaves while he would ask again', async () => {
    provider.fail('503', 5);
    const controller = new AbortController();
    const call = providers.invoke(
      account(),
      { route: 'chat', providerModelId: 'parrot-large', body: prompt },
      controller.signal,
    );
    controller.abort(new Error('left'));
    expect(await refused(call)).toMatchObject({ message: 'left' });
  });
});

describe('the double as a program', () => {
  it('answers, goes wrong when it is told to, and shows what it was asked', async () => {
    await using program = await startProviderProgram();
    const own = account({ baseUrl: program.baseUrl, apiKey: PROVIDER_KEY });
    const control = (method: string, path: string, body?: object) =>
      fetch(`${program.url}/control/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const invocation = { route: 'chat' as const, providerModelId: 'parrot-large', body: prompt };
    expect((await providers.invoke(own, invocation, never())).streaming).toBe(false);
    await control('POST', 'fail', { fault: '500' });
    expect(await refused(providers.invoke(own, invocation, never()))).toMatchObject({
      details: { status_code: 500 },
    });
    const { requests } = (await (await control('GET', 'requests')).json()) as { requests: unknown[] };
    expect(requests).toHaveLength(2);
    await control('POST', 'key', { key: 'another.0123456789' });
    expect(await refused(providers.invoke(own, invocation, never()))).toMatchObject({
      details: { reason: 'credential_refused' },
    });
  });
});
