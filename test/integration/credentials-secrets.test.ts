import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { startAgent } from '../../src/agent/index.ts';
import { loadConfig } from '../../src/agent/kernel/config.ts';
import { createLogger } from '../../src/agent/kernel/logger.ts';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { startProvider } from '../doubles/provider/provider.ts';
import { connectTo, startTestAgent } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../support/cloud.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestTime } from '../support/time.ts';

const HOUR = 3_600_000;

it('no key of a provider is written down or logged, whatever is done with it and however it fails', async () => {
  await using directory = await temporaryDirectory();
  await using provider = await startProvider();
  const data = join(directory.path, 'data');
  let log = '';
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const config = await loadConfig({ argv: { data_dir: data, port: 0, log_level: 'trace' }, env: {} });
  const agent = await startAgent(config, {}, createLogger({ level: 'trace', destination }));
  const admin = (await readFile(agent.tokenFile, 'utf8')).trim();
  const node = connectTo(agent.url, admin, data);
  const answers: string[] = [];
  const ask = async (method: string, path: string, body?: unknown, rev?: number): Promise<void> => {
    const headers = rev === undefined ? {} : { 'if-match': String(rev) };
    answers.push((await node.request(method, path, { body, headers })).text);
  };

  const credential = await addCredential(node, provider, { scope: 'platform' });
  const { id } = await activateCloudModel(node.call, (await addCloudModel(node.call, credential.id)).id);
  const at = `/v1/modelops/credentials/${credential.id}`;
  for (const fault of ['401', '403', '422', '500', 'huge-error', 'malformed', 'redirect'] as const) {
    provider.fail(fault, 4);
    await ask('POST', `${at}/probe`);
    await ask('GET', `/v1/modelops/discovery/cloud?credential_id=${credential.id}`);
    await ask('POST', `/v1/modelops/models/${id}/test`, { inputs: { prompt: provider.key } });
    await ask('POST', '/v1/chat/completions', { model: id, messages: [{ role: 'user', content: 'x' }] });
    provider.forget();
  }
  await ask('PATCH', at, { api_key: `${provider.key}\nx: y` }, credential.rev);
  await ask('POST', '/v1/modelops/credentials', { provider: 'openai', api_key: provider.key });
  await ask('POST', '/v1/modelops/credentials/test', {
    provider: 'openai_compatible',
    api_base_url: provider.baseUrl,
    api_key: provider.key,
    allowed_ranges: ['127.0.0.0/8'],
  });
  await node.call(ENDPOINTS.createBackup, { body: {} });
  await ask('POST', `${at}/revoke`);
  await agent.stop();

  const files = (await readdir(data, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  for (const { parentPath, name } of files) {
    const bytes = await readFile(join(parentPath, name));
    // The prompt of a test is kept as it was asked; that one held the key on purpose.
    const found = bytes.toString('latin1').replaceAll(`{"prompt":"${provider.key}"}`, '');
    expect(found.includes(provider.key), name).toBe(false);
  }
  expect(log).toContain('Server listening');
  expect(log).not.toContain(provider.key);
  // What was asked comes back with the test it belongs to; nothing else holds the key.
  const told = answers.join('\n').replaceAll(`"input_payload":{"prompt":"${provider.key}"}`, '');
  expect(told).not.toContain(provider.key);
});

it('with locked secrets nothing is kept or asked, nothing is recorded, and revoking still works', async () => {
  await using directory = await temporaryDirectory();
  await using provider = await startProvider();
  const data = join(directory.path, 'data');
  const time = new TestTime();
  const before = await startTestAgent(data, { secretsKey: randomBytes(32), clock: time, timers: time });
  const credential = await addCredential(before, provider, { scope: 'platform' });
  const { id } = await activateCloudModel(before.call, (await addCloudModel(before.call, credential.id)).id);
  await before.stop();
  provider.forget();

  // Started without the keychain that holds the key.
  await using agent = await startTestAgent(data, { clock: time, timers: time });
  const rows = async () => ({
    tests: (await agent.call(ENDPOINTS.listTestRuns, { params: { id } })).tests.length,
    validations: (await agent.call(ENDPOINTS.listValidations, { params: { id } })).validations.length,
    credentials: (await agent.call(ENDPOINTS.listCredentials, {})).credentials.length,
  });
  const kept = await rows();
  const body = { provider: 'openai', display_name: 'new', api_key: 'sk-0123456789abcdef' };
  for (const [method, path, sent] of [
    ['POST', '/v1/modelops/credentials', body],
    ['POST', `/v1/modelops/credentials/${credential.id}/probe`, undefined],
    ['GET', `/v1/modelops/discovery/cloud?credential_id=${credential.id}`, undefined],
    ['POST', `/v1/modelops/models/${id}/test`, { inputs: { prompt: 'Hello' } }],
  ] as const)
    expect(await agent.request(method, path, { body: sent }), path).toMatchObject({
      status: 503,
      body: { error: 'secrets_locked' },
    });
  await time.pass(13 * HOUR);
  expect(await rows()).toEqual(kept);
  expect(provider.requests).toEqual([]);
  const { affected_models: affected } = await agent.call(ENDPOINTS.revokeCredential, {
    params: { id: credential.id },
  });
  expect(affected).toEqual([id]);
});
