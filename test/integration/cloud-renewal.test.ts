import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Credential, type Model, type Validation } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../support/cloud.ts';
import { startGate } from '../support/gate.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import { TestTime } from '../support/time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let directory: TemporaryDirectory;
let time: TestTime;
let agent: TestAgent;
let provider: ProviderDouble;
let credential: Credential;
let model: Model;

const start = () => startTestAgent(join(directory.path, 'data'), { clock: time, timers: time });

beforeEach(async () => {
  directory = await temporaryDirectory();
  provider = await startProvider();
  time = new TestTime();
  agent = await start();
  credential = await addCredential(agent, provider, { scope: 'platform' });
  const { id } = await addCloudModel(agent.call, credential.id);
  model = await activateCloudModel(agent.call, id);
  provider.forget();
});
afterEach(async () => {
  await agent.stop();
  await provider.close();
  await directory[Symbol.asyncDispose]();
});

const validations = async (): Promise<Validation[]> =>
  (await agent.call(ENDPOINTS.listValidations, { params: { id: model.id }, query: { limit: 200 } }))
    .validations;
const now = async (): Promise<Model> =>
  (await agent.call(ENDPOINTS.getModel, { params: { id: model.id } })).model;
const expiry = (one: Model): number => Date.parse(one.validation_expires_at ?? '') - time.now();
const offline = (profile: 'online' | 'offline') => agent.call(ENDPOINTS.putProfile, { body: { profile } });
describe('a validation of a cloud model', () => {
  it('is renewed from half of its time on with the shortest call there is', async () => {
    const first = model.validation_expires_at;
    expect(expiry(model)).toBe(24 * HOUR);
    await time.pass(11 * HOUR);
    expect((await now()).validation_expires_at).toBe(first);
    expect(provider.requests).toEqual([]);

    await time.pass(2 * HOUR);
    const renewed = await now();
    expect(expiry(renewed)).toBe(24 * HOUR);
    expect(renewed).toMatchObject({ lifecycle_state: 'active', last_validation_status: 'success' });
    expect(provider.requests.map((one) => one.path)).toEqual(['/v1/models', '/v1/chat/completions']);
    expect(provider.requests[1]?.body).toMatchObject({ model: 'parrot-large', max_tokens: 1 });
    expect(await validations()).toMatchObject([
      {
        trigger_reason: 'renewal',
        result: 'success',
        expires_at: renewed.validation_expires_at,
        validated_by: null,
        checks: [{ validator_kind: 'endpoint_probe' }, { validator_kind: 'endpoint_test' }],
      },
      { trigger_reason: 'manual_after_test', result: 'success' },
    ]);
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 1 } });
    expect(audit).toMatchObject([{ action: 'model.validation_renewed', actor_id: null }]);
  });

  it('fails to be renewed with longer and longer pauses, and ends only when its time is over', async () => {
    provider.rotate('sk-another-key-000000');
    await time.pass(12 * HOUR);
    const [failure] = await validations();
    expect(failure).toMatchObject({
      trigger_reason: 'renewal',
      result: 'failure',
      validator_kind: 'endpoint_probe',
      expires_at: null,
    });
    expect(JSON.stringify(failure)).not.toContain(provider.key);
    expect(await now()).toMatchObject({
      lifecycle_state: 'active',
      is_validation_current: true,
      last_validation_status: 'failure',
    });
    // 5, 10, 20, 40 minutes, then every hour; never sooner.
    let count = 2;
    for (const minutes of [5, 10, 20, 40, 60, 60]) {
      provider.forget();
      await time.pass(minutes * MINUTE - 1000);
      await time.pass(2000);
      count += 1;
      expect(await validations()).toHaveLength(count);
      expect(provider.requests.map((one) => one.path)).toEqual(['/v1/models']);
    }
    await time.pass(12 * HOUR);
    expect(await now()).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      validation_expires_at: null,
      validation_error: { reason: 'expired' },
      current_validations: [],
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 200 } });
    const ends = audit.filter((row) => row.action === 'model.validation_stale');
    expect(ends).toMatchObject([
      { subject: `model:${model.id}`, data: { reason: 'expired' }, actor_id: null },
    ]);
    expect(await agent.request('POST', `/v1/modelops/models/${model.id}/activate`)).toMatchObject({
      body: { error: 'validation_failed', details: { reason: 'expired' } },
    });
  });

  it.each<
    ['embeddings' | 'rerank', string, { text: string } | { query: string; documents: string[] }, string]
  >([
    ['embeddings', 'parrot-embed', { text: 'Hello' }, '/v1/embeddings'],
    ['rerank', 'parrot-rerank', { query: 'Hello', documents: ['Hello you', 'Good bye'] }, '/v1/rerank'],
  ])('of a model for %s is renewed by a call of its task', async (task, provided, inputs, path) => {
    const { id } = await addCloudModel(agent.call, credential.id, {
      name: task,
      task_key: task,
      provider_model_id: provided,
    });
    const { test_run: run } = await agent.call(ENDPOINTS.testModel, { params: { id }, body: { inputs } });
    await agent.call(ENDPOINTS.validateModel, { params: { id }, body: { test_run_id: run.id } });
    provider.forget();
    await time.pass(13 * HOUR);
    expect(provider.requests.map((one) => one.path)).toContain(path);
    const history = await agent.call(ENDPOINTS.listValidations, { params: { id } });
    expect(history.validations[0]).toMatchObject({ trigger_reason: 'renewal', result: 'success' });
    const { model: renewed } = await agent.call(ENDPOINTS.getModel, { params: { id } });
    expect(expiry(renewed)).toBe(24 * HOUR);
  });

  it('is not ended by a check that the provider does not answer just now', async () => {
    provider.fail('503', 20);
    const { checks } = await agent.call(ENDPOINTS.checkModel, { params: { id: model.id } });
    expect(checks).toMatchObject([{ validator_kind: 'endpoint_probe', result: 'failure' }]);
    expect(await now()).toMatchObject({ lifecycle_state: 'active', is_validation_current: true });
    expect((await validations())[0]).toMatchObject({ trigger_reason: 'check', result: 'failure' });
  });

  it('is renewed by the first success after failures', async () => {
    provider.fail('503', 20);
    await time.pass(12 * HOUR);
    expect(await validations()).toHaveLength(2);
    provider.forget();
    await time.pass(5 * MINUTE);
    const [row] = await validations();
    expect(row).toMatchObject({ trigger_reason: 'renewal', result: 'success' });
    expect(expiry(await now())).toBe(24 * HOUR);
  });

  it('is not renewed by a provider that takes the credential while the model does not answer', async () => {
    provider.fail('no-usage', 1);
    provider.fail('malformed', 20);
    await time.pass(12 * HOUR);
    const [row] = await validations();
    expect(row).toMatchObject({
      result: 'failure',
      validator_kind: 'endpoint_test',
      checks: [{ result: 'success' }, { result: 'failure' }],
    });
  });

  it('expires offline, and nobody is asked', async () => {
    await offline('offline');
    const { refused_count: before } = await agent.call(ENDPOINTS.getProfile, {});
    await time.pass(13 * HOUR);
    await time.pass(12 * HOUR);
    expect((await now()).lifecycle_state).toBe('inactive');
    expect(provider.requests).toEqual([]);
    expect(await validations()).toHaveLength(1);
    expect((await agent.call(ENDPOINTS.getProfile, {})).refused_count).toBe(before);
  });

  it('is renewed as soon as the node is online again', async () => {
    await offline('offline');
    await time.pass(13 * HOUR);
    await offline('online');
    await time.quiet();
    const [row] = await validations();
    expect(row).toMatchObject({ trigger_reason: 'renewal', result: 'success' });
  });

  it('that ended while the agent was down does not answer when it is back', async () => {
    await agent.stop();
    time.wakeAfter(25 * HOUR);
    agent = await start();
    expect(await now()).toMatchObject({
      lifecycle_state: 'inactive',
      validation_error: { reason: 'expired' },
    });
    expect(provider.requests).toEqual([]);
  });

  it('survives a clock that is set back by a day: nothing ends twice, and the history stays in its order', async () => {
    await time.pass(12 * HOUR);
    expect(await validations()).toHaveLength(2);
    time.setBack(24 * HOUR);
    // The timers go on by the time that passes; by the clock nothing is due for a day and a half.
    await time.pass(2 * HOUR);
    provider.rotate('sk-another-key-000000');
    await time.pass(35 * HOUR);
    const history = await validations();
    expect(history.map((row) => row.trigger_reason)).toEqual(['renewal', 'renewal', 'manual_after_test']);
    expect(history.map((row) => row.result)).toEqual(['failure', 'success', 'success']);
    await time.pass(13 * HOUR);
    expect((await now()).lifecycle_state).toBe('inactive');
    time.setBack(24 * HOUR);
    await time.pass(26 * HOUR);
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 200 } });
    expect(audit.filter((row) => row.action === 'model.validation_stale')).toHaveLength(1);
    const times = audit.map((row) => Date.parse(row.at));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect((await agent.call(ENDPOINTS.verifyAudit, {})).ok).toBe(true);
  });

  it('is not brought back by an answer that comes after the credential is gone', async () => {
    await using gate = await startGate(provider.url);
    const gated = await addCredential(
      agent,
      { baseUrl: `${gate.url}/v1`, key: provider.key },
      { scope: 'platform', name: 'gated' },
    );
    const { id } = await addCloudModel(agent.call, gated.id, { name: 'gated' });
    await activateCloudModel(agent.call, id);
    await time.quiet();
    gate.hold();
    time.wakeAfter(12 * HOUR);
    await gate.waiting();
    await agent.call(ENDPOINTS.revokeCredential, { params: { id: gated.id } });
    gate.open();
    await time.quiet();
    const { model: ended } = await agent.call(ENDPOINTS.getModel, { params: { id } });
    expect(ended).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      validation_error: { reason: 'credential_revoked' },
    });
    const history = await agent.call(ENDPOINTS.listValidations, { params: { id } });
    expect(history.validations).toHaveLength(1);
  });
});
