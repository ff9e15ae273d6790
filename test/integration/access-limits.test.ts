import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Key } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type RawAnswer, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

let directory: TemporaryDirectory;
let agent: TestAgent;
let model: string;
/** Noon UTC, so that no test runs into midnight by accident. */
let now = Math.floor(Date.now() / DAY) * DAY + DAY / 2;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), { clock: { now: () => now } });
  const made = await importModel(agent, await writeSpeakingModel(join(directory.path, 'a.gguf'), 'alpha'));
  await serveModel(agent, made.id, { config: { threads: 1, context_length: 256 } });
  model = made.id;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const make = (name: string, limits: { rate_limit_per_minute?: number; daily_token_budget?: number }) =>
  agent.call(ENDPOINTS.createKey, { body: { name, ...limits } });
const chat = (token: string, body: Record<string, unknown> = {}): Promise<RawAnswer> =>
  agent.request('POST', '/v1/chat/completions', {
    token,
    body: { model, messages: [{ role: 'user', content: 'Who are you?' }], max_tokens: 4, ...body },
  });
const callsOfModel = async (): Promise<number> =>
  (await agent.call(ENDPOINTS.getModel, { params: { id: model } })).model.usage_summary.total.calls;
const today = async ({ id }: Key): Promise<Key['today']> =>
  (await agent.call(ENDPOINTS.getKey, { params: { id } })).key.today;

describe('the rate limit of a key', () => {
  it('refuses the call above it before anything is looked up, with the time to wait', async () => {
    const { token } = await make('limited', { rate_limit_per_minute: 2 });
    const first = await chat(token);
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(first.headers.get('x-ratelimit-reset-requests')).toBe('1m0s');
    // A stream carries them as well, and so does a call that is refused for another reason.
    now += 10_000;
    const second = await chat(token, { model: 'nobody', stream: true });
    expect(second.status).toBe(404);
    expect(second.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    const before = await callsOfModel();
    expect(before).toBe(1);
    for (const body of [{}, { model: 'nobody' }, { messages: 7 }]) {
      const third = await chat(token, body);
      expect(third).toMatchObject({
        status: 429,
        body: {
          error: {
            code: 'rate_limited',
            type: 'rate_limit_error',
            details: { reason: 'rate_limit', retry_after_seconds: 50 },
          },
        },
      });
      expect(third.headers.get('retry-after')).toBe('50');
      expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    }
    expect(await callsOfModel()).toBe(before);
    now += 50_000;
    expect((await chat(token)).status).toBe(200);
    expect((await chat(token)).status).toBe(429);
  });

  it('holds on every gateway route, and leaves the control plane alone', async () => {
    const { token } = await make('everywhere', { rate_limit_per_minute: 1 });
    expect((await agent.request('GET', '/v1/models', { token })).status).toBe(200);
    for (const [method, path] of [
      ['GET', '/v1/models'],
      ['GET', '/v1/models/x'],
      ['POST', '/v1/chat/completions'],
      ['POST', '/v1/completions'],
      ['POST', '/v1/embeddings'],
      ['POST', '/v1/rerank'],
      ['POST', '/v1/models/generate'],
      ['POST', '/v1/models/inference'],
    ] as const)
      expect((await agent.request(method, path, { token })).status, path).toBe(429);
    expect((await agent.request('GET', '/v1/modelops/models', { token })).status).toBe(200);
    const { code } = await agent.as(token)(ENDPOINTS.createSessionCode, {});
    // A session is no way around the limit.
    const session = await agent.as(null)(ENDPOINTS.createSession, { body: { code } });
    expect((await agent.request('GET', '/v1/models', { token: session.token })).status).toBe(429);
  });

  it('lets exactly as many of many at once through', async () => {
    const { token } = await make('burst', { rate_limit_per_minute: 5 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => chat(token, { model: 'nobody' })));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 404)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(15);
  });

  it('is understood by OpenAI’s own client', async () => {
    const { token } = await make('sdk', { rate_limit_per_minute: 1 });
    const openai = new OpenAI({ apiKey: token, baseURL: `${agent.url}/v1`, maxRetries: 0 });
    await openai.models.list();
    await expect(openai.models.list()).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });
});

describe('the daily token budget of a key', () => {
  it('ends calls when it is spent, until midnight UTC', async () => {
    const { token, key } = await make('budget', { daily_token_budget: 1 });
    expect((await chat(token)).status).toBe(200);
    const spent = await today(key);
    expect(spent.calls).toBe(1);
    expect(spent.tokens).toBeGreaterThan(1);
    const before = await callsOfModel();
    const refused = await chat(token);
    expect(refused).toMatchObject({
      status: 429,
      body: { error: { code: 'rate_limited', details: { reason: 'token_budget' } } },
    });
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBe(Math.ceil((DAY - (now % DAY)) / 1000));
    expect(await callsOfModel()).toBe(before);
    // Looking costs no tokens.
    expect((await agent.request('GET', '/v1/models', { token })).status).toBe(200);
    now += wait * 1000;
    expect(await today(key)).toEqual({ calls: 0, tokens: 0 });
    expect((await chat(token)).status).toBe(200);
  });

  it('and the rate limit are shared by the keys of a rotation, and changed for both', async () => {
    const { token, key } = await make('pair', { daily_token_budget: 1, rate_limit_per_minute: 2 });
    expect((await chat(token)).status).toBe(200);
    const next = await agent.call(ENDPOINTS.rotateKey, { params: { id: key.id }, body: {} });
    expect(next.key).toMatchObject({ daily_token_budget: 1, rate_limit_per_minute: 2 });
    expect(next.key.today).toEqual(next.replaced.today);
    expect(next.key.today.calls).toBe(1);
    expect((await chat(next.token)).body).toMatchObject({ error: { details: { reason: 'token_budget' } } });
    await agent.call(ENDPOINTS.patchKey, {
      params: { id: next.key.id },
      body: { daily_token_budget: null },
    });
    expect(
      (await agent.call(ENDPOINTS.getKey, { params: { id: key.id } })).key.daily_token_budget,
    ).toBeNull();
    expect((await chat(next.token)).status).toBe(200);
    expect((await chat(token)).body).toMatchObject({ error: { details: { reason: 'rate_limit' } } });
    now += MINUTE;
    expect((await chat(token)).status).toBe(200);
  });
});
