import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { startProvider } from '../doubles/provider/provider.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../support/cloud.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let data: string;
let agent: TestAgent;

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await startTestAgent(data, {
    // An engine beyond this machine: what the agent asks of it is refused offline, and counted.
    settings: { docker_host: 'tcp://192.0.2.1:2375' },
  });
  await agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const codes = (answer: { effects: readonly { code: string }[] }) => answer.effects.map(({ code }) => code);
const preview = (profile: 'online' | 'offline', on = agent) =>
  on.call(ENDPOINTS.previewProfileEffects, { body: { profile } });

describe('a refused attempt', () => {
  it('is counted, listed newest first with time, host and part, and told to who listens', async () => {
    const before = (await agent.call(ENDPOINTS.getProfile, {})).refused_count;
    expect((await agent.call(ENDPOINTS.getSystem, {})).system.docker).toMatchObject({
      state: 'unreachable',
      message: expect.stringContaining('Nothing was sent to 192.0.2.1:2375'),
    });
    const { attempts, refused_count } = await agent.call(ENDPOINTS.listRefusedAttempts, {});
    expect(refused_count).toBe(before + 1);
    expect(attempts[0]).toMatchObject({
      purpose: 'docker',
      host: '192.0.2.1:2375',
      reason: '192.0.2.1 is beyond this machine',
    });
    expect(Math.abs(Date.parse(attempts[0]?.at ?? '') - Date.now())).toBeLessThan(60_000);
    expect((await agent.call(ENDPOINTS.getProfile, {})).refused_count).toBe(refused_count);
    expect((await agent.request('GET', '/metrics')).text).toContain(
      `modelops_egress_refused_total ${refused_count}\n`,
    );
  });

  it('is shown by the command line', async () => {
    const shown = await cli(data, ['profile']);
    expect(shown).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^offline, \d+ attempts refused\n/),
    });
    for (const { stdout } of [shown, await cli(data, ['profile', 'refused'])])
      expect(stdout).toMatch(/docker +192\.0\.2\.1:2375 +192\.0\.2\.1 is beyond this machine/);
  });
});

describe('the effects of a switch', () => {
  it('are what is true now', async () => {
    expect(await preview('offline')).toEqual({
      effects: [{ code: 'unchanged', sentence: 'This node is offline already.' }],
    });
    expect(codes(await preview('online'))).toEqual(['no_hosts', 'local_unaffected']);
    await agent.call(ENDPOINTS.putProfile, { body: { profile: 'online' } });
    expect(codes(await preview('offline'))).toEqual(['local_unaffected']);
    const model = await importModel(agent, await writeSpeakingModel(join(directory.path, 'a.gguf'), 'a'));
    await serveModel(agent, model.id, { config: { threads: 1 } });
    expect(await preview('offline')).toEqual({
      effects: [{ code: 'keeps_serving', sentence: '1 local slot keeps serving.' }],
    });
  });

  it('name the cloud models that are refused, and where the node would connect to', async () => {
    await using cloudy = await startTestAgent(join(directory.path, 'cloudy'));
    await using provider = await startProvider();
    const credential = await addCredential(cloudy, provider, { scope: 'platform' });
    const [one, two] = [
      await addCloudModel(cloudy.call, credential.id, { name: 'one' }),
      await addCloudModel(cloudy.call, credential.id, { name: 'two', provider_model_id: 'parrot-small' }),
    ];
    const { host } = new URL(provider.url);
    expect(codes(await preview('offline', cloudy))).toEqual(['providers_refused', 'local_unaffected']);
    await activateCloudModel(cloudy.call, one.id);
    expect(await preview('offline', cloudy)).toMatchObject({
      effects: [
        { code: 'cloud_models_refused', sentence: expect.stringContaining(`1 active cloud model until`) },
        { code: 'providers_refused', sentence: expect.stringContaining(host) },
        { code: 'local_unaffected' },
      ],
    });
    await cloudy.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    expect((await preview('online', cloudy)).effects[0]).toEqual({
      code: 'may_connect',
      sentence: `This node may then connect to ${host}, for 1 credential and 2 models.`,
    });
    // The preview tells the truth: the call is refused, by its code, and counted with the host.
    const before = provider.requests.length;
    const answers = [
      await cloudy.request('POST', '/v1/chat/completions', {
        body: { model: one.id, messages: [{ role: 'user', content: 'x' }] },
      }),
      await cloudy.request('POST', `/v1/modelops/models/${two.id}/test`, {
        body: { inputs: { prompt: 'x' } },
      }),
      await cloudy.request('POST', `/v1/modelops/credentials/${credential.id}/probe`),
      await cloudy.request('GET', `/v1/modelops/discovery/cloud?credential_id=${credential.id}`),
    ];
    expect(answers.map(({ body }) => (body['error'] as { code?: string }).code ?? body['error'])).toEqual([
      'offline_not_allowed',
      'offline_not_allowed',
      'runtime_profile_blocks_internet',
      'runtime_profile_blocks_internet',
    ]);
    expect(provider.requests).toHaveLength(before);
    const { attempts, refused_count } = await cloudy.call(ENDPOINTS.listRefusedAttempts, {});
    expect(refused_count).toBe(4);
    expect(attempts.map((attempt) => `${attempt.purpose} ${attempt.host}`)).toEqual(
      Array.from({ length: 4 }, () => `provider ${host}`),
    );
    await cloudy.call(ENDPOINTS.deactivateModel, { params: { id: one.id }, body: {} });
    const activation = await cloudy.request('POST', `/v1/modelops/models/${one.id}/activate`);
    expect(activation).toMatchObject({ status: 409, body: { error: 'offline_not_allowed' } });
    expect((await cloudy.call(ENDPOINTS.getProfile, {})).refused_count).toBe(5);
  });

  it('are told by the command line before it switches, or alone', async () => {
    const only = await cli(data, ['profile', 'offline', '--preview']);
    expect(only).toMatchObject({ code: 0, stdout: '  1 local slot keeps serving.\n' });
    expect((await agent.call(ENDPOINTS.getProfile, {})).profile).toBe('online');
    const done = await cli(data, ['profile', 'offline']);
    expect(done.stdout).toMatch(/^ {2}1 local slot keeps serving\.\noffline, \d+ attempts refused\n$/);
    const back = await cli(data, ['profile', 'online', '--json']);
    expect(JSON.parse(back.stdout)).toMatchObject({
      profile: 'online',
      effects: expect.arrayContaining([{ code: 'local_unaffected', sentence: expect.any(String) }]),
    });
  });

  it('are for a superadmin, the attempts for an administrator', async () => {
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'an-admin', role: 'admin' } });
    const { token: user } = await agent.call(ENDPOINTS.createKey, { body: { name: 'a-user' } });
    const path = '/v1/runtime/profile';
    const body = { profile: 'offline' };
    expect((await agent.request('POST', `${path}/effects`, { token, body })).status).toBe(403);
    expect((await agent.request('PUT', path, { token, body })).status).toBe(403);
    expect((await agent.request('GET', `${path}/refused`, { token })).status).toBe(200);
    expect((await agent.request('GET', `${path}/refused`, { token: user })).status).toBe(403);
    expect((await agent.request('GET', path, { token: user })).status).toBe(200);
  });
});

describe('a profile that was set from outside', () => {
  it.each([
    ['argument', { settings: { profile: 'offline' as const } }, 'an argument'],
    ['environment', { env: { MODELOPS_PROFILE: 'offline' } }, 'the environment'],
  ])('by %s is locked, says so, and changes nothing', async (source, options, words) => {
    const place = join(directory.path, source);
    await using locked = await startTestAgent(place, options);
    const state = { profile: 'offline', locked: true, source };
    expect(await locked.call(ENDPOINTS.getProfile, {})).toMatchObject(state);
    for (const profile of ['online', 'offline']) {
      const answer = await locked.request('PUT', '/v1/runtime/profile', { body: { profile } });
      expect(answer).toMatchObject({
        status: 409,
        body: { error: 'runtime_profile_locked', hint: expect.any(String) },
      });
    }
    expect(await locked.call(ENDPOINTS.getProfile, {})).toMatchObject(state);
    expect(await preview('online', locked)).toEqual({
      effects: [{ code: 'locked', sentence: expect.stringContaining(`set by ${words} when`) }],
    });
    const switching = await cli(place, ['profile', 'online']);
    expect(switching).toMatchObject({ code: 1, stderr: expect.stringContaining('runtime_profile_locked') });
    const { audit } = await locked.call(ENDPOINTS.listAudit, {});
    expect(audit.map(({ action }) => action)).not.toContain('profile.changed');
  });
});
