import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ADD_CLOUD_MODEL,
  ENDPOINTS,
  type Call,
  type Credential,
  type Model,
} from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { activateCloudModel, addCredential, keyFor, testCloudModel } from '../support/cloud.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { refused } from '../support/refusals.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let provider: ProviderDouble;
let ann: Awaited<ReturnType<typeof keyFor>>;
let bob: typeof ann;
let zoe: typeof ann;
let chief: typeof ann;
/** Ann's own, and one of the platform. */
let hers: Credential;
let platform: Credential;

beforeAll(async () => {
  directory = await temporaryDirectory();
  provider = await startProvider();
  agent = await startTestAgent(join(directory.path, 'data'));
  ann = await keyFor(agent, 'ann', 'user');
  bob = await keyFor(agent, 'bob', 'user');
  zoe = await keyFor(agent, 'zoe', 'admin');
  chief = await keyFor(agent, 'chief', 'superadmin');
  hers = await addCredential(agent, provider, { call: ann.call });
  platform = await addCredential(agent, provider, { scope: 'platform' });
});
beforeEach(() => provider.forget());
afterAll(async () => {
  await agent.stop();
  await provider.close();
  await directory[Symbol.asyncDispose]();
});

let count = 0;
const fresh = (): string => `cloud-${(count += 1)}`;
const detail = (call: Call<AbortSignal>, id: string) =>
  call(ENDPOINTS.getModel, { params: { id } }).then(({ model }) => model);
const act = (token: string, id: string, action: string, body?: unknown) =>
  agent.request('POST', `/v1/modelops/models/${id}/${action}`, { token, body });
const add = (call: Call<AbortSignal>, more: object = {}) =>
  call(ADD_CLOUD_MODEL, {
    body: {
      backend: 'external_api',
      name: fresh(),
      provider: 'openai_compatible',
      provider_model_id: 'parrot-large',
      task_key: 'llm',
      credential_id: hers.id,
      ...more,
    },
  });
const prompt = { inputs: { prompt: 'Who are you?' } };
const offline = (profile: 'online' | 'offline') => agent.call(ENDPOINTS.putProfile, { body: { profile } });

describe('a person and a cloud model of her own', () => {
  it('goes the whole way with a plain user key', async () => {
    const discovered = await ann.call(ENDPOINTS.discoverCloud, {
      query: { credential_id: hers.id, q: 'parrot-large' },
    });
    const [offered] = discovered.models;
    const { model } = await add(ann.call, {
      name: 'my-parrot',
      provider_model_id: offered?.provider_model_id,
    });
    const canonical = `{"kind":"remote","model":"parrot-large","origin":"${provider.baseUrl}","schema":"modelops.remote.v1"}`;
    expect(model).toMatchObject({
      id: 'my-parrot-v1',
      name: 'my-parrot',
      seq: 1,
      global_model_id: `urn:modelops:content:sha256:${createHash('sha256').update(canonical).digest('hex')}`,
      backend: 'external_api',
      hosting: 'cloud',
      provider: 'openai_compatible',
      provider_model_id: 'parrot-large',
      source: 'provider',
      source_id: 'parrot-large',
      category: 'generative',
      runtime_mode_policy: 'online_only',
      visibility_scope: 'private',
      owner_type: 'user',
      owner_user_id: ann.principalId,
      lifecycle_state: 'registered',
      artifact: null,
      is_validation_current: false,
      credential: {
        status: 'active',
        id: hers.id,
        provider: 'openai_compatible',
        display_name: hers.display_name,
        credential_scope: 'personal',
        api_base_url: provider.baseUrl,
        api_key_last4: provider.key.slice(-4),
      },
    });
    const missing = (one: Model) =>
      (one.requirements ?? []).filter((step) => !step.met).map((step) => step.code);
    expect(missing(model)).toEqual(['tested', 'validated', 'active']);

    const run = await testCloudModel(ann.call, model.id);
    expect(run).toMatchObject({ result: 'success', slot_id: null, tested_by: ann.principalId });
    expect(run.summary).toContain('I am parrot-large');
    expect(run.runtime_identity).toBe(`remote:${model.checksum}`);
    const sent = provider.requests.find((one) => one.path === '/v1/chat/completions');
    expect(sent?.body).toMatchObject({
      model: 'parrot-large',
      messages: [{ role: 'user', content: 'Who are you?' }],
      max_tokens: 64,
      temperature: 0,
    });

    const before = Date.now();
    const validated = await ann.call(ENDPOINTS.validateModel, {
      params: { id: model.id },
      body: { test_run_id: run.id },
    });
    expect(validated.validation).toMatchObject({ result: 'success', test_run_id: run.id });
    expect(validated.validation.checks).toMatchObject([
      { validator_kind: 'endpoint_probe', required: true, result: 'success' },
    ]);
    const day = Date.parse(validated.validation.expires_at ?? '') - before;
    expect(Math.round(day / 60_000)).toBe(24 * 60);
    expect(validated.model).toMatchObject({
      lifecycle_state: 'validated',
      validation_expires_at: validated.validation.expires_at,
    });

    const { model: active } = await ann.call(ENDPOINTS.activateModel, { params: { id: model.id } });
    expect(active.lifecycle_state).toBe('active');
    expect(missing(active)).toEqual([]);
    const eligible = await ann.call(ENDPOINTS.listModels, { query: { eligible: '1' } });
    expect(eligible.models.map((one) => one.id)).toEqual([model.id]);

    const asked = { model: model.id, messages: [{ role: 'user', content: 'Hello' }] };
    const called = await agent.request('POST', '/v1/chat/completions', { token: ann.token, body: asked });
    expect(called).toMatchObject({ status: 200 });
    expect(called.text).toContain('I am parrot-large and you said: Hello');
    expect(called.headers.get('x-modelops-global-model-id')).toBe(model.global_model_id);
    const served = await agent.request('GET', '/v1/models', { token: ann.token });
    expect(served.body['data']).toMatchObject([{ id: model.id }]);
    // It is hers alone in the gateway as well.
    for (const stranger of [bob, zoe])
      expect(
        await agent.request('POST', '/v1/chat/completions', { token: stranger.token, body: asked }),
      ).toMatchObject({ status: 404 });

    for (const [action, state] of [
      ['deactivate', 'inactive'],
      ['activate', 'active'],
      ['deactivate', 'inactive'],
      ['unregister', 'unregistered'],
      ['register', 'registered'],
      ['unregister', 'unregistered'],
    ] as const)
      expect(await act(ann.token, model.id, action)).toMatchObject({
        status: 200,
        body: { model: { lifecycle_state: state } },
      });
    const { deleted } = await ann.call(ENDPOINTS.deleteModel, { params: { id: model.id } });
    expect(deleted).toBe(true);
    expect(await refused(detail(ann.call, model.id))).toMatchObject({ code: 'not_found' });
  });

  it('is nobody else’s: to other users and to administrators it is not there', async () => {
    const { model } = await add(ann.call);
    const run = await testCloudModel(ann.call, model.id);
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['PATCH', '', { description: 'mine now' }],
      ['DELETE', ''],
      ['POST', '/register'],
      ['POST', '/test', prompt],
      ['POST', '/validate', { test_run_id: run.id }],
      ['POST', '/activate'],
      ['POST', '/deactivate'],
      ['POST', '/unregister'],
      ['POST', '/effects', { action: 'activate' }],
      ['POST', '/checks'],
      ['GET', '/tests'],
      ['GET', '/validations'],
      ['GET', '/test-runtimes'],
    ];
    for (const stranger of [bob, zoe]) {
      for (const [method, tail, body] of routes) {
        const answer = await agent.request(method, `/v1/modelops/models/${model.id}${tail}`, {
          token: stranger.token,
          body,
          headers: { 'if-match': String(model.rev) },
        });
        expect(answer, `${method} ${tail}`).toMatchObject({ status: 404, body: { error: 'not_found' } });
      }
      expect((await stranger.call(ENDPOINTS.listModels, { query: { limit: 200 } })).models).toEqual([]);
    }
    // Nor does the journal tell, of the model or of the credential.
    const subjects = async ({ call }: typeof ann): Promise<(string | null)[]> =>
      (await call(ENDPOINTS.listAudit, { query: { limit: 200 } })).audit.map((row) => row.subject);
    const told = [`model:${model.id}`, `credential:${hers.id}`];
    for (const reader of [ann, chief]) expect(await subjects(reader)).toEqual(expect.arrayContaining(told));
    for (const stranger of [bob, zoe])
      for (const subject of told) expect(await subjects(stranger)).not.toContain(subject);
    expect((await detail(chief.call, model.id)).id).toBe(model.id);
    expect((await detail(ann.call, model.id)).rev).toBe((await detail(chief.call, model.id)).rev);
  });
});

describe('adding a cloud model', () => {
  it('is a success that changes nothing when it is there already', async () => {
    const name = fresh();
    const first = await add(ann.call, { name });
    const again = await add(ann.call, { name });
    expect(again).toMatchObject({
      already_present: true,
      model: { id: first.model.id, rev: first.model.rev },
    });
    const other = await add(ann.call, { name, provider_model_id: 'parrot-small' });
    expect(other.model).toMatchObject({ id: `${name}-v2`, seq: 2 });
  });

  it('gives the same name to one owner only, without telling whose it is', async () => {
    const name = fresh();
    await add(ann.call, { name });
    const bobs = await addCredential(agent, provider, { call: bob.call, name });
    for (const more of [{}, { provider_model_id: 'parrot-small' }]) {
      const error = await refused(add(bob.call, { name, credential_id: bobs.id, ...more }));
      expect(error).toMatchObject({ code: 'already_exists', details: { fields: ['name'] } });
      expect(JSON.stringify([error.message, error.details])).not.toContain(ann.principalId);
    }
    // Nor does a file of that name become a version of hers.
    const path = await writeSpeakingModel(join(directory.path, `${name}.gguf`), name);
    const imported = await agent.request('POST', '/v1/modelops/models', { body: { path, name } });
    expect(imported).toMatchObject({ status: 409, body: { error: 'already_exists' } });
  });

  it('refuses an id that is taken and names a free one', async () => {
    const { model } = await add(ann.call);
    expect(await refused(add(ann.call, { id: model.id }))).toMatchObject({
      code: 'already_exists',
      details: { id: model.id, next_free_id: expect.any(String) as string },
    });
    const own = fresh();
    expect((await add(ann.call, { id: own })).model.id).toBe(own);
  });

  it.each([
    ['a credential that is not there', { credential_id: 'nowhere' }, 404, 'not_found'],
    ['a credential of another provider', { provider: 'anthropic' }, 400, 'invalid_argument'],
    ['a category that is not the task’s', { category: 'predictive' }, 400, 'invalid_argument'],
    ['a task that does not exist', { task_key: 'divination' }, 400, 'invalid_argument'],
    ['a name that is none', { name: 'Not A Name' }, 400, 'invalid_argument'],
    ['no name of the provider', { provider_model_id: '' }, 400, 'invalid_argument'],
    ['a platform owner for a user', { owner_type: 'platform' }, 403, 'forbidden'],
    ['a field that is none', { visibility_scope: 'platform' }, 400, 'invalid_argument'],
  ])('refuses %s and keeps nothing', async (_what, wrong, status, error) => {
    const before = await ann.call(ENDPOINTS.listModels, { query: { limit: 200 } });
    const body = {
      backend: 'external_api',
      name: fresh(),
      provider: 'openai_compatible',
      provider_model_id: 'parrot-large',
      task_key: 'llm',
      credential_id: hers.id,
      ...wrong,
    };
    const answer = await agent.request('POST', '/v1/modelops/models', { token: ann.token, body });
    expect(answer).toMatchObject({ status, body: { error } });
    const after = await ann.call(ENDPOINTS.listModels, { query: { limit: 200 } });
    expect(after.models).toHaveLength(before.models.length);
    expect(provider.requests).toHaveLength(0);
  });

  it('lets nobody use a credential that is not his', async () => {
    expect(await refused(add(bob.call))).toMatchObject({ code: 'not_found' });
    expect(await refused(add(ann.call, { credential_id: platform.id }))).toMatchObject({ code: 'not_found' });
    // A superadmin sees it, and still it is hers.
    expect(await refused(add(chief.call))).toMatchObject({ code: 'forbidden' });
    expect(await refused(add(chief.call, { owner_type: 'platform' }))).toMatchObject({
      code: 'invalid_argument',
    });
    expect(await refused(add(chief.call, { owner_type: 'user', credential_id: platform.id }))).toMatchObject({
      code: 'invalid_argument',
    });
    const gone = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    await ann.call(ENDPOINTS.revokeCredential, { params: { id: gone.id } });
    expect(await refused(add(ann.call, { credential_id: gone.id }))).toMatchObject({
      code: 'credential_unavailable',
    });
  });

  it('makes a platform model of a platform credential; others see no address and no key of it', async () => {
    const { model } = await add(chief.call, { credential_id: platform.id });
    expect(model).toMatchObject({
      owner_type: 'platform',
      owner_user_id: null,
      visibility_scope: 'platform',
      credential: { credential_scope: 'platform', api_base_url: provider.baseUrl },
    });
    for (const reader of [ann, zoe]) {
      const seen = await detail(reader.call, model.id);
      expect(seen.credential).toEqual({
        status: 'active',
        id: platform.id,
        provider: 'openai_compatible',
        display_name: platform.display_name,
        credential_scope: 'platform',
      });
      const { models } = await reader.call(ENDPOINTS.listModels, { query: { name: model.name } });
      expect(models[0]?.credential).toEqual(seen.credential);
    }
    // A user sees it, and it is not his to change.
    for (const action of ['test', 'validate', 'activate', 'deactivate', 'unregister', 'effects']) {
      const body = { test: prompt, validate: {}, effects: { action: 'activate' } }[action];
      expect(await act(ann.token, model.id, action, body), action).toMatchObject({
        status: 403,
        body: { error: 'insufficient_role', details: { needed: 'admin' } },
      });
    }
    expect(provider.requests).toHaveLength(0);
    expect(await activateCloudModel(zoe.call, model.id)).toMatchObject({ lifecycle_state: 'active' });
    expect(await act(zoe.token, model.id, 'deactivate')).toMatchObject({ status: 200 });
    await act(zoe.token, model.id, 'unregister');
    const remove = await agent.request('DELETE', `/v1/modelops/models/${model.id}`, { token: zoe.token });
    expect(remove).toMatchObject({ status: 403, body: { details: { needed: 'superadmin' } } });
  });

  it('leaves importing files to superadmins', async () => {
    const answer = await agent.request('POST', '/v1/modelops/models', {
      token: ann.token,
      body: { path: '/etc/hostname' },
    });
    expect(answer).toMatchObject({ status: 403, body: { error: 'insufficient_role' } });
  });
});

describe('the lifecycle of a cloud model', () => {
  /** Written by hand from the table of the design: what each action answers in each state. */
  const TABLE: Record<string, Record<string, string>> = {
    registered: {
      register: 'invalid_state_transition',
      assign: 'unsupported_format',
      test: 'ok',
      validate: 'validation_test_required',
      activate: 'invalid_state_transition',
      deactivate: 'invalid_state_transition',
      unregister: 'ok',
      delete: 'invalid_state_transition',
    },
    validated: {
      register: 'invalid_state_transition',
      assign: 'unsupported_format',
      test: 'ok',
      validate: 'validation_already_current',
      activate: 'ok',
      deactivate: 'invalid_state_transition',
      unregister: 'ok',
      delete: 'invalid_state_transition',
    },
    active: {
      register: 'invalid_state_transition',
      assign: 'unsupported_format',
      test: 'ok',
      validate: 'validation_already_current',
      activate: 'invalid_state_transition',
      deactivate: 'ok',
      unregister: 'invalid_state_transition',
      delete: 'invalid_state_transition',
    },
    inactive: {
      register: 'invalid_state_transition',
      assign: 'unsupported_format',
      test: 'ok',
      validate: 'validation_already_current',
      activate: 'ok',
      deactivate: 'invalid_state_transition',
      unregister: 'ok',
      delete: 'invalid_state_transition',
    },
    unregistered: {
      register: 'ok',
      assign: 'invalid_state_transition',
      test: 'invalid_state_transition',
      validate: 'invalid_state_transition',
      activate: 'invalid_state_transition',
      deactivate: 'invalid_state_transition',
      unregister: 'invalid_state_transition',
      delete: 'ok',
    },
    deleted: {
      register: 'not_found',
      assign: 'not_found',
      test: 'not_found',
      validate: 'not_found',
      activate: 'not_found',
      deactivate: 'not_found',
      unregister: 'not_found',
      delete: 'not_found',
    },
  };

  const inState = async (state: string): Promise<string> => {
    const { model } = await add(chief.call, { credential_id: platform.id });
    const { id } = model;
    if (state === 'registered') return id;
    if (state === 'unregistered' || state === 'deleted') {
      await act(chief.token, id, 'unregister');
      if (state === 'deleted') await chief.call(ENDPOINTS.deleteModel, { params: { id } });
      return id;
    }
    const run = await testCloudModel(chief.call, id);
    await chief.call(ENDPOINTS.validateModel, { params: { id }, body: { test_run_id: run.id } });
    if (state !== 'validated') await act(chief.token, id, 'activate');
    if (state === 'inactive') await act(chief.token, id, 'deactivate');
    return id;
  };

  it.each(Object.keys(TABLE))('answers from %s as the table says', async (state) => {
    await agent
      .call(ENDPOINTS.createSlot, {
        body: { id: 'bench', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
      })
      .catch(() => null);
    const ask = (id: string, action: string) => {
      if (action === 'delete')
        return agent.request('DELETE', `/v1/modelops/models/${id}`, { token: chief.token });
      if (action === 'assign')
        return agent.request('PUT', '/v1/modelops/slots/bench/model', { body: { managed_model_id: id } });
      return act(chief.token, id, action, action === 'test' ? prompt : undefined);
    };
    const answered: Record<string, string> = {};
    for (const action of Object.keys(TABLE[state] ?? {})) {
      const answer = await ask(await inState(state), action);
      answered[action] = answer.status === 200 ? 'ok' : String(answer.body['error']);
    }
    expect(answered).toEqual(TABLE[state]);
  });

  it('tells the same in the actions of the model', async () => {
    for (const state of ['registered', 'validated', 'active', 'inactive', 'unregistered']) {
      const model = await detail(chief.call, await inState(state));
      const told = Object.entries(model.actions ?? {}).map(([action, verdict]) => [
        action,
        verdict.ok ? 'ok' : verdict.code,
      ]);
      // A slot and a request are judged when they are named.
      const { assign: _assign, ...expected } = TABLE[state] ?? {};
      expect(Object.fromEntries(told.filter(([action]) => action !== 'assign')), state).toEqual({
        ...expected,
      });
    }
  });

  it('says what an action does without files and slots', async () => {
    const id = await inState('validated');
    const sentences = async (action: string) =>
      ((await act(chief.token, id, 'effects', { action })).body['effects'] as { sentence: string }[]).map(
        (effect) => effect.sentence,
      );
    for (const action of ['activate', 'deactivate', 'unregister', 'delete'])
      expect((await sentences(action)).join(' '), action).not.toMatch(/file|loaded|slot|bytes/i);
    // No slot is a place to test it, whatever stands there.
    const places = await chief.call(ENDPOINTS.listTestRuntimes, { params: { id } });
    expect(places).toMatchObject({ runtimes: [], default_slot_id: null });
  });
});

describe('a test of a cloud model', () => {
  const recorded = async (id: string) => (await ann.call(ENDPOINTS.listTestRuns, { params: { id } })).tests;

  it.each([
    ['llm', 'parrot-large', { prompt: 'Hello' }],
    ['embeddings', 'parrot-embed', { text: 'Hello' }],
    ['rerank', 'parrot-rerank', { query: 'Hello', documents: ['Hello you', 'Good bye'] }],
  ] as const)('of %s asks what the task asks', async (task_key, provider_model_id, inputs) => {
    const { model } = await add(ann.call, { task_key, provider_model_id });
    const answer = await act(ann.token, model.id, 'test', { inputs });
    expect(answer).toMatchObject({ status: 200, body: { result: 'success' } });
  });

  it('refuses what does not suit it before anything is sent or recorded', async () => {
    const { model } = await add(ann.call);
    for (const [body, fields] of [
      [{ inputs: { text: 'not a prompt' } }, 'inputs'],
      [{ inputs: {} }, 'inputs'],
      [{ ...prompt, slot_id: 'bench' }, 'slot_id'],
    ] as const) {
      const answer = await act(ann.token, model.id, 'test', body);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_argument' } });
      expect(JSON.stringify(answer.body['details'])).toContain(fields);
    }
    const { model: vision } = await add(ann.call, { task_key: 'vision' });
    expect(await act(ann.token, vision.id, 'test', prompt)).toMatchObject({
      status: 422,
      body: { error: 'unsupported_format' },
    });
    expect(await recorded(model.id)).toEqual([]);
    expect(provider.requests).toEqual([]);
  });

  it.each(['401', '404', '422', '500', 'malformed', 'cut', 'hangup', 'redirect', 'huge-error'] as const)(
    'that the provider answers with %s is a recorded failure without the key',
    async (fault) => {
      const { model } = await add(ann.call, { provider_model_id: `faulty-${fault}` });
      const answer = await act(ann.token, model.id, 'test', prompt);
      if (fault === 'cut') {
        // A whole answer cannot be cut: the double does this to streams.
        expect(answer.status).toBe(200);
        return;
      }
      expect(answer).toMatchObject({ status: 409, body: { error: 'model_test_failed' } });
      const [run] = await recorded(model.id);
      expect(run).toMatchObject({ result: 'failure', slot_id: null });
      expect((answer.body['details'] as { test_run: unknown }).test_run).toEqual(run);
      expect(answer.text).not.toContain(provider.key);
      expect(answer.text.length).toBeLessThan(6000);
      // And it validates nothing.
      expect(await act(ann.token, model.id, 'validate', { test_run_id: run?.id })).toMatchObject({
        status: 409,
        body: { error: 'validation_test_failed' },
      });
    },
  );

  it('needs a credential that is active: a recorded failure', async () => {
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { model } = await add(ann.call, { credential_id: credential.id });
    await ann.call(ENDPOINTS.revokeCredential, { params: { id: credential.id } });
    provider.forget();
    expect(await act(ann.token, model.id, 'test', prompt)).toMatchObject({
      status: 409,
      body: { error: 'credential_unavailable' },
    });
    expect(await recorded(model.id)).toMatchObject([{ result: 'failure', runtime_identity: null }]);
    expect(provider.requests).toEqual([]);
  });

  it('asks at the address the model stands for, and nowhere else', async () => {
    await using elsewhere = await startProvider();
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { model } = await add(ann.call, { credential_id: credential.id });
    await activateCloudModel(ann.call, model.id);
    await agent.call(
      ENDPOINTS.patchCredential,
      { params: { id: credential.id }, body: { api_base_url: elsewhere.baseUrl } },
      { ifMatch: credential.rev },
    );
    expect(await detail(ann.call, model.id)).toMatchObject({
      lifecycle_state: 'inactive',
      validation_error: { reason: 'credential_changed' },
    });
    expect(await act(ann.token, model.id, 'test', prompt)).toMatchObject({
      status: 409,
      body: { error: 'credential_unavailable' },
    });
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('the validation of a cloud model', () => {
  it('fails, and is recorded, when the provider does not take the credential', async () => {
    const { model } = await add(ann.call);
    const run = await testCloudModel(ann.call, model.id);
    provider.fail('401', 10);
    const answer = await act(ann.token, model.id, 'validate', { test_run_id: run.id });
    expect(answer).toMatchObject({ status: 409, body: { error: 'validation_failed' } });
    expect(answer.text).not.toContain(provider.key);
    const { validations } = await ann.call(ENDPOINTS.listValidations, { params: { id: model.id } });
    expect(validations).toMatchObject([
      { validator_kind: 'endpoint_probe', result: 'failure', expires_at: null },
    ]);
    expect(await detail(ann.call, model.id)).toMatchObject({
      lifecycle_state: 'registered',
      is_validation_current: false,
      last_validation_status: 'failure',
    });
    provider.forget();
    const again = await act(ann.token, model.id, 'validate', { test_run_id: run.id });
    expect(again).toMatchObject({ status: 200 });
  });

  it('refuses the guards in their order before the provider is asked', async () => {
    const { model } = await add(ann.call);
    const { model: other } = await add(ann.call, { provider_model_id: 'parrot-small' });
    const run = await testCloudModel(ann.call, model.id);
    provider.forget();
    for (const [id, body, error] of [
      [model.id, {}, 'validation_test_required'],
      [model.id, { test_run_id: 'none' }, 'test_run_not_found'],
      [other.id, { test_run_id: run.id }, 'test_run_mismatch'],
    ] as const)
      expect(await act(ann.token, id, 'validate', body)).toMatchObject({ body: { error } });
    expect(provider.requests).toEqual([]);
  });

  it('does not come back with an old test after the secret was replaced', async () => {
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { model } = await add(ann.call, { credential_id: credential.id });
    const run = await testCloudModel(ann.call, model.id);
    await ann.call(ENDPOINTS.validateModel, { params: { id: model.id }, body: { test_run_id: run.id } });
    await act(ann.token, model.id, 'activate');
    const { credential: replaced } = await ann.call(
      ENDPOINTS.patchCredential,
      { params: { id: credential.id }, body: { api_key: provider.key } },
      { ifMatch: credential.rev },
    );
    expect(replaced.version).toBe(2);
    expect(await detail(ann.call, model.id)).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      validation_error: { reason: 'credential_changed' },
    });
    expect(await act(ann.token, model.id, 'validate', { test_run_id: run.id })).toMatchObject({
      body: { error: 'validation_test_stale' },
    });
    expect(await act(ann.token, model.id, 'activate')).toMatchObject({
      body: { error: 'validation_failed' },
    });
    expect((await activateCloudModel(ann.call, model.id)).lifecycle_state).toBe('active');
  });
});

describe('another credential for a model', () => {
  const change = (token: string, model: Model, credential_id: string) =>
    agent.request('PATCH', `/v1/modelops/models/${model.id}`, {
      token,
      body: { credential_id },
      headers: { 'if-match': String(model.rev) },
    });

  it('takes its place: the model is inactive until it is proved again', async () => {
    const { model } = await add(ann.call);
    const active = await activateCloudModel(ann.call, model.id);
    const second = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const answer = await change(ann.token, active, second.id);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        model: {
          lifecycle_state: 'inactive',
          is_validation_current: false,
          validation_error: { reason: 'credential_changed' },
          credential: { status: 'active', id: second.id },
        },
      },
    });
    // The same one again is no change.
    const now = await detail(ann.call, model.id);
    const proved = await activateCloudModel(ann.call, model.id);
    expect(await change(ann.token, proved, second.id)).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'active' } },
    });
    expect(await change(ann.token, now, hers.id)).toMatchObject({ status: 409, body: { error: 'conflict' } });
  });

  it('has to be of the same provider and address, usable, and for a cloud model', async () => {
    const { model } = await add(ann.call);
    const { credential: anthropic } = await ann.call(ENDPOINTS.createCredential, {
      body: { provider: 'anthropic', display_name: fresh(), api_key: 'sk-ant-000000000000' },
    });
    const { credential: elsewhere } = await ann.call(ENDPOINTS.createCredential, {
      body: {
        provider: 'openai_compatible',
        display_name: fresh(),
        api_base_url: 'https://elsewhere.example/v1',
        api_key: 'sk-000000000000',
      },
    });
    const revoked = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    await ann.call(ENDPOINTS.revokeCredential, { params: { id: revoked.id } });
    for (const [id, status, error] of [
      [anthropic.id, 400, 'invalid_argument'],
      [elsewhere.id, 400, 'invalid_argument'],
      [revoked.id, 409, 'credential_unavailable'],
      [platform.id, 404, 'not_found'],
      ['nowhere', 404, 'not_found'],
    ] as const)
      expect(await change(ann.token, model, id), id).toMatchObject({ status, body: { error } });
    expect(await change(chief.token, model, platform.id)).toMatchObject({ status: 400 });
    expect((await detail(ann.call, model.id)).rev).toBe(model.rev);
    const config = await agent.request('PATCH', `/v1/modelops/models/${model.id}`, {
      token: ann.token,
      body: { config: { context_length: 512 } },
      headers: { 'if-match': String(model.rev) },
    });
    expect(config).toMatchObject({ status: 400, body: { details: { fields: ['config'] } } });

    const local = await importModel(
      agent,
      await writeSpeakingModel(join(directory.path, 'local.gguf'), 'local'),
    );
    expect(await change(agent.token, local, platform.id)).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument' },
    });
    expect(await change(ann.token, local, hers.id)).toMatchObject({
      status: 403,
      body: { error: 'insufficient_role' },
    });
  });
});

describe('offline', () => {
  it('refuses every way to a provider by code, sends nothing, counts what was tried and hides nothing', async () => {
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { model: active } = await add(ann.call, { credential_id: credential.id });
    await activateCloudModel(ann.call, active.id);
    const { model: idle } = await add(ann.call, { provider_model_id: 'parrot-small' });
    await activateCloudModel(ann.call, idle.id);
    await act(ann.token, idle.id, 'deactivate');
    const { model: tested } = await add(ann.call, { provider_model_id: 'parrot-small' });
    const run = await testCloudModel(ann.call, tested.id);
    provider.forget();
    await offline('offline');
    try {
      const { refused_count: before } = await agent.call(ENDPOINTS.getProfile, {});
      expect(await act(ann.token, idle.id, 'activate')).toMatchObject({
        status: 409,
        body: { error: 'offline_not_allowed' },
      });
      expect(await act(ann.token, active.id, 'test', prompt)).toMatchObject({
        status: 409,
        body: {
          error: 'offline_not_allowed',
          details: { test_run: { result: 'failure', error_details: { error: 'offline_not_allowed' } } },
        },
      });
      expect(await act(ann.token, tested.id, 'validate', { test_run_id: run.id })).toMatchObject({
        status: 409,
        body: { error: 'validation_failed' },
      });
      for (const path of [
        `/v1/modelops/discovery/cloud?credential_id=${credential.id}`,
        `/v1/modelops/credentials/${credential.id}/probe`,
        '/v1/modelops/credentials/test',
      ]) {
        const sent = { provider: 'openai_compatible', api_base_url: provider.baseUrl, api_key: 'sk-0' };
        const answer = path.includes('discovery')
          ? await agent.request('GET', path, { token: ann.token })
          : await agent.request('POST', path, {
              token: ann.token,
              body: path.endsWith('/test') ? sent : undefined,
            });
        expect(answer, path).toMatchObject({
          status: 403,
          body: { error: 'runtime_profile_blocks_internet' },
        });
      }
      const { refused_count: after } = await agent.call(ENDPOINTS.getProfile, {});
      // Each of the six was counted, whether it was stopped by the model or at the door.
      expect(after - before).toBe(6);
      expect(provider.requests).toEqual([]);
      // Nothing ended, nothing is hidden, and nothing cloud may be picked.
      expect(await detail(ann.call, active.id)).toMatchObject({
        lifecycle_state: 'active',
        is_validation_current: true,
      });
      const { models } = await chief.call(ENDPOINTS.listModels, { query: { limit: 200 } });
      expect(models.map((one) => one.id)).toEqual(expect.arrayContaining([active.id, idle.id, tested.id]));
      const eligible = await ann.call(ENDPOINTS.listModels, { query: { eligible: '1' } });
      expect(eligible.models).toEqual([]);
      // What needs no provider goes on.
      expect(await act(ann.token, active.id, 'deactivate')).toMatchObject({ status: 200 });
      await ann.call(ENDPOINTS.revokeCredential, { params: { id: credential.id } });
    } finally {
      await offline('online');
    }
    expect(await act(ann.token, idle.id, 'activate')).toMatchObject({ status: 200 });
  });
});

describe('two at once on one cloud model', () => {
  it('have one winner, and the other hears of it', async () => {
    const { model } = await add(ann.call);
    const run = await testCloudModel(ann.call, model.id);
    await ann.call(ENDPOINTS.validateModel, { params: { id: model.id }, body: { test_run_id: run.id } });
    const { rev } = await detail(ann.call, model.id);
    const answers = await Promise.all(
      [ann.token, chief.token].map((token) =>
        agent.request('POST', `/v1/modelops/models/${model.id}/activate`, {
          token,
          headers: { 'if-match': String(rev) },
        }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(1);
    expect(answers.find((answer) => answer.status === 409)?.body['error']).toMatch(
      /^(conflict|invalid_state_transition)$/,
    );
  });
});

describe('all that is missing, as one job', () => {
  it('tests, validates and activates a model that needs no slot, for an administrator', async () => {
    const { model } = await add(chief.call, {
      name: 'all-at-once',
      credential_id: platform.id,
      owner_type: 'platform',
    });
    expect(await act(zoe.token, model.id, 'serve', { slot_id: 'somewhere' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['slot_id'] } },
    });
    const { job } = await zoe.call(ENDPOINTS.serveModel, { params: { id: model.id }, body: {} });
    const done = await agent.job(job.id);
    expect(done).toMatchObject({ state: 'succeeded', result: { model_id: model.id, slot_id: null } });
    const steps = ((done.result?.['steps'] ?? []) as { name: string; skipped: boolean }[]).map(
      ({ name, skipped }) => `${name}${skipped ? ' skipped' : ''}`,
    );
    expect(steps).toEqual(['register skipped', 'test', 'validate', 'activate']);
    expect(await detail(zoe.call, model.id)).toMatchObject({
      lifecycle_state: 'active',
      is_validation_current: true,
    });
  });

  it('stays with a superadmin where a slot is needed', async () => {
    const file = await writeSpeakingModel(join(directory.path, 'needs-slot.gguf'), 'needs-slot');
    const local = await importModel(agent, file);
    expect(await act(zoe.token, local.id, 'serve', {})).toMatchObject({
      status: 403,
      body: { error: 'insufficient_role', details: { needed: 'superadmin', held: 'admin' } },
    });
  });
});
