import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { sentenceOf, writeEmbeddingModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
const config = { threads: 1, context_length: 256 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const bring = async (name: string, register = true): Promise<Model> =>
  importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name), { register });
const model = async (id: string): Promise<Model> =>
  (await agent.call(ENDPOINTS.getModel, { params: { id } })).model;
const post = (id: string, action: string, body?: unknown) =>
  agent.request('POST', `/v1/modelops/models/${id}/${action}`, body === undefined ? {} : { body });
const makeSlot = async (id: string, capability: 'llm_inference' | 'embeddings' = 'llm_inference') =>
  agent.call(ENDPOINTS.createSlot, { body: { id, capability, runtime_spec: 'embedded-llama', config } });
const load = async (slot: string, id: string) => {
  await agent.call(ENDPOINTS.loadSlot, { params: { id: slot }, body: { managed_model_id: id } });
  return agent.slot(slot, (now) => now.load_state === 'loaded' && now.loaded_managed_model_id === id);
};

describe('the way of a local model from a file to an answer', () => {
  it('goes step by step, each refusing what comes too early', async () => {
    const { id } = await bring('walker', false);
    expect(await post(id, 'activate')).toMatchObject({
      status: 409,
      body: { error: 'invalid_state_transition' },
    });
    expect(await post(id, 'test', { inputs: { prompt: 'hi' } })).toMatchObject({
      status: 409,
      body: { error: 'invalid_state_transition' },
    });
    await makeSlot('walk');
    expect(
      await agent.request('PUT', '/v1/modelops/slots/walk/model', { body: { managed_model_id: id } }),
    ).toMatchObject({ status: 409, body: { error: 'invalid_state_transition' } });

    expect(await post(id, 'register')).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'registered' } },
    });
    expect(await post(id, 'register')).toMatchObject({
      status: 409,
      body: { error: 'invalid_state_transition', details: { allowed_from: ['created', 'unregistered'] } },
    });
    expect(await post(id, 'validate', {})).toMatchObject({
      status: 409,
      body: { error: 'validation_test_required' },
    });
    expect(await post(id, 'validate', { test_run_id: 'nothing' })).toMatchObject({
      status: 404,
      body: { error: 'test_run_not_found' },
    });

    const early = await post(id, 'test', { inputs: { prompt: 'hi' } });
    expect(early).toMatchObject({
      status: 409,
      body: { error: 'local_model_not_served_by_runtime', details: { test_run: { result: 'failure' } } },
    });
    const { id: failedRun } = (early.body['details'] as { test_run: { id: string } }).test_run;
    expect(await post(id, 'validate', { test_run_id: failedRun })).toMatchObject({
      status: 409,
      body: { error: 'validation_test_failed' },
    });

    const slot = await load('walk', id);
    expect(slot).toMatchObject({
      context_length: 256,
      parallel: 1,
      load_error: null,
      isolation: expect.any(String),
      loaded_runtime_model_id: id,
      phase: 'ready',
    });
    expect(slot.milestones.every((milestone) => milestone.reached_at !== null)).toBe(true);
    expect(slot.effective_config?.origins).toMatchObject({
      context_length: { from: 'slot' },
      threads: { from: 'slot' },
      parallel: { from: 'default' },
    });

    expect(await post(id, 'test', { inputs: { text: 'x' } })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['inputs'] } },
    });
    const tested = await post(id, 'test', { inputs: { prompt: 'who?' } });
    expect(tested).toMatchObject({
      status: 200,
      body: {
        result: 'success',
        test_run: { slot_id: 'walk', output_payload: { text: sentenceOf('walker') } },
      },
    });
    const { id: run } = tested.body['test_run'] as { id: string };

    expect(
      await agent.request('POST', '/v1/chat/completions', {
        body: { model: id, messages: [{ role: 'user', content: 'x' }] },
      }),
    ).toMatchObject({ status: 409, body: { error: { code: 'invalid_state_transition' } } });
    expect(await post(id, 'validate', { test_run_id: run })).toMatchObject({
      status: 200,
      body: {
        model: { lifecycle_state: 'validated', is_validation_current: true },
        validation: { result: 'success', test_run_id: run },
      },
    });
    expect(await post(id, 'validate', { test_run_id: run })).toMatchObject({
      status: 409,
      body: { error: 'validation_already_current' },
    });
    expect(await post(id, 'activate')).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'active' } },
    });

    const answer = await agent.request('POST', '/v1/chat/completions', {
      body: { model: id, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: sentenceOf('walker') } }] },
    });
    expect(
      (
        await agent.call(ENDPOINTS.listModels, { query: { eligible: '1', capability: 'llm_inference' } })
      ).models.map((one) => one.id),
    ).toEqual([id]);
    const detail = await model(id);
    expect(detail.requirements?.every((requirement) => requirement.met)).toBe(true);
    expect(detail.loaded_in).toEqual(['walk']);

    // A newer test renews it while it is active.
    const again = await post(id, 'test', { inputs: { prompt: 'again' }, slot_id: 'walk' });
    expect(
      await post(id, 'validate', { test_run_id: (again.body['test_run'] as { id: string }).id }),
    ).toMatchObject({ status: 200, body: { model: { lifecycle_state: 'active' } } });

    const { tests } = await agent.call(ENDPOINTS.listTestRuns, { params: { id }, query: {} });
    expect(tests.map((one) => one.result)).toEqual(['success', 'success', 'failure']);
    const { validations } = await agent.call(ENDPOINTS.listValidations, {
      params: { id },
      query: { limit: 1 },
    });
    expect(validations).toHaveLength(1);
  });

  it('ends the same way: deactivate, unload, unregister, delete, with what each does told before', async () => {
    const { id } = await bring('leaver');
    await serveModel(agent, id, { config });
    const effects = async (action: string) =>
      (
        await agent.call(ENDPOINTS.previewEffects, { params: { id }, body: { action: action as 'delete' } })
      ).effects.map((effect) => effect.code);
    expect(await effects('deactivate')).toEqual(['calls_refused', 'stays_loaded', 'kept']);
    expect(await post(id, 'unregister')).toMatchObject({
      status: 409,
      body: { error: 'invalid_state_transition' },
    });
    expect(await post(id, 'deactivate')).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'inactive', is_validation_current: true } },
    });
    expect(
      await agent.request('POST', '/v1/chat/completions', {
        body: { model: id, messages: [{ role: 'user', content: 'x' }] },
      }),
    ).toMatchObject({ status: 409, body: { error: { code: 'invalid_state_transition' } } });
    const [slot] = (await model(id)).loaded_in;
    expect(await post(id, 'unregister')).toMatchObject({
      status: 409,
      body: { error: 'dependencies_unsatisfied', details: { slots: [slot] } },
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot ?? '' } });
    await agent.slot(slot ?? '', (now) => now.load_state === 'empty');
    expect(await post(id, 'unregister')).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'unregistered', is_validation_current: false } },
    });
    const { artifact } = await model(id);
    const freed = await agent.request('DELETE', `/v1/modelops/models/${id}`);
    expect(freed).toMatchObject({
      status: 200,
      body: { deleted: true, model_id: id, freed_bytes: artifact?.size_bytes },
    });
    expect((await agent.request('GET', `/v1/modelops/models/${id}`)).status).toBe(404);
    await expect(readdir(artifact?.storage_path ?? '')).rejects.toThrow('ENOENT');
    // The number and the id are gone for good; the same bytes come back as the next version.
    const back = await bring('leaver');
    expect(back).toMatchObject({ id: 'leaver-v2', seq: 2, lifecycle_state: 'registered' });
  });

  it('does all that is missing as one job, and nothing twice', async () => {
    const { id } = await bring('quick', false);
    const first = await serveModel(agent, id, { config });
    expect(await model(id)).toMatchObject({ lifecycle_state: 'active', loaded_in: [first.slot_id] });
    const { job } = await agent.call(ENDPOINTS.serveModel, { params: { id }, body: {} });
    const done = await agent.job(job.id);
    expect(
      (done.result as unknown as { steps: { skipped: boolean }[] }).steps.every((step) => step.skipped),
    ).toBe(true);
  });
});

describe('what makes a validation stale', () => {
  it('a changed configuration, with the reason, and registering again clears it', async () => {
    const { id } = await bring('stale');
    await serveModel(agent, id, { config });
    const before = await model(id);
    const patched = await agent.call(
      ENDPOINTS.patchModel,
      { params: { id }, body: { config: { context_length: 512 } } },
      { ifMatch: before.rev },
    );
    expect(patched.model).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      validation_error: { reason: 'config_changed' },
      config: {
        values: { context_length: 512 },
        origins: { context_length: { from: 'override', note: 'revision 1' } },
      },
    });
    expect(await post(id, 'activate')).toMatchObject({
      status: 409,
      body: { error: 'validation_failed', details: { reason: 'config_changed' } },
    });
    const { tests } = await agent.call(ENDPOINTS.listTestRuns, { params: { id }, query: {} });
    expect(await post(id, 'validate', { test_run_id: tests[0]?.id })).toMatchObject({
      status: 409,
      body: { error: 'validation_test_stale' },
    });
  });

  it('not a description or a tag, and the loser of a race is told', async () => {
    const { id } = await bring('described');
    const { rev } = await model(id);
    const changes = { description: 'Says its name.', tags: ['prod', 'tiny'], annotations: { team: 'ml' } };
    const { model: changed } = await agent.call(
      ENDPOINTS.patchModel,
      { params: { id }, body: changes },
      { ifMatch: rev },
    );
    expect(changed).toMatchObject({ ...changes, rev: rev + 1 });
    await expect(
      agent.call(ENDPOINTS.patchModel, { params: { id }, body: { description: 'late' } }, { ifMatch: rev }),
    ).rejects.toMatchObject({ code: 'conflict', details: { rev: rev + 1 } });
    await expect(
      agent.call(ENDPOINTS.patchModel, { params: { id }, body: { description: 'blind' } }),
    ).rejects.toMatchObject({ code: 'invalid_argument', details: { fields: ['if-match'] } });
    expect(
      (await agent.call(ENDPOINTS.listModels, { query: { tag: 'prod' } })).models.map((one) => one.id),
    ).toEqual([id]);
  });

  it('another runtime does not, but the model is not invoked there before it was tested there', async () => {
    const { id } = await bring('moved');
    const { slot_id: slot } = await serveModel(agent, id, { config });
    await agent.call(ENDPOINTS.patchSlot, {
      params: { id: slot },
      body: { config: { ...config, context_length: 512 } },
    });
    await agent.slot(slot, (now) => now.load_state === 'loaded' && now.context_length === 512);
    expect(await model(id)).toMatchObject({ lifecycle_state: 'active', is_validation_current: true });
    const chat = () =>
      agent.request('POST', '/v1/chat/completions', {
        body: { model: id, messages: [{ role: 'user', content: 'x' }] },
      });
    expect(await chat()).toMatchObject({
      status: 409,
      body: { error: { code: 'validation_failed', details: { reason: 'runtime_changed' } } },
    });
    await serveModel(agent, id, { slot_id: slot });
    expect((await chat()).status).toBe(200);
    // Back to the settings it was first validated on: that validation still holds.
    await agent.call(ENDPOINTS.patchSlot, { params: { id: slot }, body: { config } });
    await agent.slot(slot, (now) => now.load_state === 'loaded' && now.context_length === 256);
    expect((await chat()).status).toBe(200);
  });
});

describe('two at once', () => {
  it('give one winner and one refusal', async () => {
    const { id } = await bring('raced', false);
    const { rev } = await model(id);
    const answers = await Promise.all(
      [1, 2].map(() =>
        agent.request('POST', `/v1/modelops/models/${id}/register`, { headers: { 'if-match': String(rev) } }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(expect.arrayContaining([200, 409]));
    expect(answers.find((answer) => answer.status === 409)?.body['error']).toBe('conflict');
  });
});

describe('embeddings', () => {
  it('are tested, validated and served on their own slot', async () => {
    const { id } = await importModel(
      agent,
      await writeEmbeddingModel(join(directory.path, 'vec.gguf'), 'vec'),
    );
    await serveModel(agent, id, { config: { threads: 1 } });
    const answer = await agent.request('POST', '/v1/embeddings', {
      body: { model: id, input: ['one', 'two'] },
    });
    expect(answer.status).toBe(200);
    const { data } = answer.body as { data: { embedding: number[] }[] };
    expect(data).toHaveLength(2);
    expect(data[0]?.embedding).toHaveLength(64);
    expect(data[0]?.embedding).not.toEqual(data[1]?.embedding);
    expect(
      await agent.request('POST', '/v1/chat/completions', {
        body: { model: id, messages: [{ role: 'user', content: 'x' }] },
      }),
    ).toMatchObject({ status: 422, body: { error: { code: 'unsupported_format' } } });
  });

  it('do not fit a slot for text', async () => {
    await makeSlot('text-only');
    const { models } = await agent.call(ENDPOINTS.listModels, { query: { task_key: 'embeddings' } });
    expect(
      await agent.request('PUT', '/v1/modelops/slots/text-only/model', {
        body: { managed_model_id: models[0]?.id },
      }),
    ).toMatchObject({ status: 422, body: { error: 'unsupported_format' } });
  });
});

describe('a test on a slot that serves another model', () => {
  it('fails, is recorded, and asks nobody else', async () => {
    const right = await bring('right');
    const wrong = await bring('wrong');
    const { slot_id: slot } = await serveModel(agent, wrong.id, {
      config: { ...config, context_length: 128 },
    });
    const answer = await post(right.id, 'test', { inputs: { prompt: 'x' }, slot_id: slot });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        error: 'local_model_not_served_by_runtime',
        message: expect.stringContaining(`serves ${wrong.id}, not ${right.id}`),
      },
    });
    const { runtimes } = await agent.call(ENDPOINTS.listTestRuntimes, { params: { id: right.id } });
    expect(runtimes.find((runtime) => runtime.slot_id === slot)).toMatchObject({
      matches_model: false,
      loaded_managed_model_id: wrong.id,
    });
    expect(
      await agent.request('POST', `/v1/modelops/models/${right.id}/test`, {
        body: { inputs: { prompt: 'x' }, slot_id: 'nowhere' },
      }),
    ).toMatchObject({ status: 404 });
  });
});

describe('lists', () => {
  it('page with a cursor that loses nothing, in both orders', async () => {
    const all: Record<string, string[]> = {};
    for (const sort of ['name', 'created'] as const) {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { models: Model[]; next_cursor: string | null } = await agent.call(ENDPOINTS.listModels, {
          query: { limit: 3, sort, ...(cursor === null ? {} : { cursor }) },
        });
        ids.push(...page.models.map((one) => one.id));
        cursor = page.next_cursor;
      } while (cursor !== null);
      all[sort] = ids;
    }
    expect(new Set(all['name']).size).toBe(all['name']?.length);
    expect(all['created']?.toSorted()).toEqual(all['name']?.toSorted());
    const { counts } = await agent.call(ENDPOINTS.listModels, { query: { limit: 1 } });
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(all['name']?.length);
  });

  it('find by state, text and digest', async () => {
    const { models } = await agent.call(ENDPOINTS.listModels, {
      query: { lifecycle_state: 'active,inactive', q: 'walk' },
    });
    expect(models.map((one) => one.id)).toEqual(['walker-v1']);
    const byDigest = await agent.call(ENDPOINTS.listModels, {
      query: { q: models[0]?.checksum?.slice(0, 20) ?? '' },
    });
    expect(byDigest.models.map((one) => one.id)).toEqual(['walker-v1']);
    expect((await agent.call(ENDPOINTS.listModels, { query: { q: '100%_' } })).models).toEqual([]);
  });
});

describe('the journal', () => {
  it('has told it all, and verifies', async () => {
    const { audit } = await agent.call(ENDPOINTS.listAudit, {
      query: { subject: 'model:walker-v1', limit: 200 },
    });
    expect(audit.map((row) => row.action).toReversed()).toEqual([
      'model.created',
      'model.registered',
      'model.tested',
      'model.tested',
      'model.validated',
      'model.activated',
      'model.tested',
      'model.validated',
    ]);
    expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true, problem: null });
  });
});
