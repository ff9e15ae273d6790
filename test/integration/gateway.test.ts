import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { sentenceOf, writeEmbeddingModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let openai: OpenAI;
let alpha: Model;
let beta: Model;
let vectors: Model;
let slots: { alpha: string };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  const bring = async (name: string) =>
    importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name));
  [alpha, beta] = [await bring('alpha'), await bring('beta')];
  vectors = await importModel(
    agent,
    await writeEmbeddingModel(join(directory.path, 'vectors.gguf'), 'vectors'),
  );
  const served = await serveModel(agent, alpha.id, {
    config: { threads: 1, context_length: 256, parallel: 2 },
  });
  slots = { alpha: served.slot_id };
  await serveModel(agent, vectors.id, { config: { threads: 1 } });
  const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'application', role: 'user' } });
  openai = new OpenAI({ apiKey: token, baseURL: `${agent.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'Who are you?' }];
const chat = (body: Record<string, unknown>) =>
  agent.request('POST', '/v1/chat/completions', { body: { model: alpha.id, messages, ...body } });

describe("OpenAI's own client", () => {
  it('lists what can be called now, and nothing else', async () => {
    const { data } = await openai.models.list();
    expect(data.map((model) => model.id)).toEqual([alpha.id, vectors.id].toSorted());
    expect(await openai.models.retrieve(alpha.id)).toMatchObject({
      object: 'model',
      owned_by: 'modelops',
      global_model_id: alpha.global_model_id,
    });
    await expect(openai.models.retrieve(beta.id)).rejects.toMatchObject({ status: 404 });
  });

  it('chats, and sees who answered', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model: alpha.id, messages })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(sentenceOf('alpha'));
    expect(data.usage).toMatchObject({
      prompt_tokens: expect.any(Number),
      completion_tokens: expect.any(Number),
    });
    expect(response.headers.get('x-modelops-model-id')).toBe(alpha.id);
    expect(response.headers.get('x-modelops-global-model-id')).toBe(alpha.global_model_id);
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
  });

  it('streams piece by piece', async () => {
    const stream = await openai.chat.completions.create({
      model: alpha.id,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    let usage: unknown;
    let finish: unknown;
    for await (const chunk of stream) {
      const [choice] = chunk.choices;
      if (choice?.delta.content != null) pieces.push(choice.delta.content);
      finish = choice?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(sentenceOf('alpha'));
    expect(finish).toBe('stop');
    expect(usage).toMatchObject({ completion_tokens: pieces.length });
  });

  it('completes text, and embeds', async () => {
    const completion = await openai.completions.create({ model: alpha.id, prompt: 'x', max_tokens: 3 });
    expect(completion.choices[0]).toMatchObject({ text: 'I am alpha,', finish_reason: 'length' });
    const { data } = await openai.embeddings.create({ model: vectors.id, input: 'hello' });
    expect(data[0]?.embedding).toHaveLength(64);
  });

  it('gets refusals it understands', async () => {
    await expect(openai.chat.completions.create({ model: beta.id, messages })).rejects.toMatchObject({
      status: 409,
      code: 'invalid_state_transition',
    });
    await expect(openai.chat.completions.create({ model: 'gpt-4', messages })).rejects.toMatchObject({
      status: 404,
      code: 'not_found',
      param: 'model',
    });
  });
});

describe('the named model or nothing', () => {
  it.each(['alpha', 'ALPHA-V1', 'alpha-v1 ', 'alpha-v2', ''])('%j is not alpha-v1', async (name) => {
    const answer = await chat({ model: name });
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ error: { code: 'not_found' } });
  });

  it('an active model that is not loaded is not answered by the one that is', async () => {
    const { slot_id: slot } = await serveModel(agent, beta.id, {
      config: { threads: 1, context_length: 128 },
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
    expect(await chat({ model: beta.id })).toMatchObject({
      status: 503,
      body: {
        error: {
          code: 'model_not_loaded',
          message: expect.stringContaining('no other model answers for it'),
          hint: expect.any(String),
        },
      },
    });
  });

  it('a prompt that is too long is refused with both numbers, streamed or not', async () => {
    for (const stream of [false, true]) {
      const answer = await chat({ messages: [{ role: 'user', content: 'x'.repeat(1000) }], stream });
      expect(answer).toMatchObject({
        status: 400,
        body: {
          error: {
            code: 'invalid_argument',
            message: expect.stringMatching(/^\d+ tokens; this slot takes 256\. Nothing was cut\.$/),
          },
        },
      });
    }
  });

  it('a parameter that cannot be honoured is refused by name', async () => {
    expect(await chat({ logprobs: true })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument', param: 'logprobs' } },
    });
    expect(await chat({ tools: [{ type: 'function' }] })).toMatchObject({
      status: 400,
      body: { error: { param: 'tools' } },
    });
  });

  it('the routes of another task are refused', async () => {
    expect(
      await agent.request('POST', '/v1/embeddings', { body: { model: alpha.id, input: 'x' } }),
    ).toMatchObject({ status: 422, body: { error: { code: 'unsupported_format' } } });
  });
});

describe('a client that goes away', () => {
  it('in the middle of a stream ends the work of the runtime', async () => {
    const controller = new AbortController();
    // The speaking model would end by itself at once; a penalty-free endless one would not, so many streams are opened and left.
    const response = await fetch(`${agent.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: alpha.id, messages, stream: true }),
      signal: controller.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort();
    await agent.slot(slots.alpha, (now) => now.requests_in_flight === 0);
    expect((await chat({})).status).toBe(200);
  });

  it('before the answer leaves nothing in flight', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const controller = new AbortController();
        const request = fetch(`${agent.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model: alpha.id, messages, stream: i % 2 === 0 }),
          signal: controller.signal,
        });
        setImmediate(() => controller.abort());
        await request.then(
          (response) => response.body?.cancel(),
          () => undefined,
        );
      }),
    );
    await agent.slot(slots.alpha, (now) => now.requests_in_flight === 0);
    expect((await chat({})).status).toBe(200);
  });
});

describe('usage', () => {
  it('is counted with its tokens, streams and errors included', async () => {
    const before = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } })).model.usage_summary
      .total;
    const whole = (await chat({})).body as { usage: { prompt_tokens: number; completion_tokens: number } };
    await chat({ stream: true });
    await chat({ logprobs: true });
    const { total, last_used_at: at } = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } }))
      .model.usage_summary;
    expect(total.calls - before.calls).toBe(3);
    expect(total.errors - before.errors).toBe(1);
    expect(total.prompt_tokens - before.prompt_tokens).toBe(2 * whole.usage.prompt_tokens);
    expect(total.completion_tokens - before.completion_tokens).toBe(2 * whole.usage.completion_tokens);
    expect(at).not.toBeNull();
  });
});

describe('generate and inference', () => {
  it('answer from the local model that is named, and count as its calls', async () => {
    const before = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } })).model.usage_summary;
    const generated = await agent.call(ENDPOINTS.generateText, {
      body: { model_id: alpha.id, prompt: 'Who are you?', max_tokens: 4, temperature: 0 },
    });
    expect(generated).toMatchObject({
      output: 'I am alpha, a',
      response: 'I am alpha, a',
      model_id: alpha.id,
      finish_reason: 'length',
      usage: { completion_tokens: 4 },
    });
    const history = [{ role: 'user' as const, content: 'Hello' }];
    const inferred = await agent.call(ENDPOINTS.inferText, {
      body: { model: alpha.id, prompt: 'x', history },
    });
    expect(inferred.output).toBe(sentenceOf('alpha'));
    const { total } = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } })).model
      .usage_summary;
    expect(total.calls - before.total.calls).toBe(2);
    expect(total.completion_tokens - before.total.completion_tokens).toBe(
      (generated.usage?.completion_tokens ?? 0) + (inferred.usage?.completion_tokens ?? 0),
    );
    await agent.slot(slots.alpha, (now) => now.requests_in_flight === 0);
  });

  it('are refused as any other call is, in the ordinary envelope', async () => {
    const generate = (model_id: string, prompt = 'x') =>
      agent.request('POST', '/v1/models/generate', { body: { model_id, prompt } });
    expect(await generate(vectors.id)).toMatchObject({ status: 422, body: { error: 'unsupported_format' } });
    expect(await generate('gpt-4')).toMatchObject({
      status: 404,
      body: { error: 'not_found', details: { fields: ['model_id'] } },
    });
    expect(await generate(alpha.id, 'x'.repeat(1000))).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', message: expect.stringContaining('Nothing was cut.') },
    });
  });

  it('rerank has no runtime here, and is refused for another task', async () => {
    expect(
      await agent.request('POST', '/v1/rerank', { body: { model: alpha.id, query: 'x', documents: ['y'] } }),
    ).toMatchObject({ status: 422, body: { error: { code: 'unsupported_format' } } });
  });
});

describe('many at once', () => {
  it('are all answered, each by the model it named', async () => {
    await serveModel(agent, beta.id, { config: { threads: 1, context_length: 128 } });
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const model = i % 2 === 0 ? alpha : beta;
        const { body } = await chat({ model: model.id, stream: false });
        return [
          (body as { choices: { message: { content: string } }[] }).choices?.[0]?.message.content,
          sentenceOf(model.name),
        ] as const;
      }),
    );
    for (const [said, expected] of answers) expect(said).toBe(expected);
  });
});
