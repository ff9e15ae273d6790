import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { startAgent } from '../../src/agent/index.ts';
import { loadConfig } from '../../src/agent/kernel/config.ts';
import { createLogger } from '../../src/agent/kernel/logger.ts';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { PROVIDER_KEY, startProvider } from '../doubles/provider/provider.ts';
import { connectTo } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../support/cloud.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Every regular file below a directory, with its bytes. */
async function filesBelow(root: string): Promise<{ path: string; bytes: Buffer }[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  return Promise.all(
    found
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return { path, bytes: await readFile(path) };
      }),
  );
}

it('no secret is ever written down or logged, but the first key in its own file', async () => {
  await using directory = await temporaryDirectory();
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
  const { call, as, request } = node;

  const first = await call(ENDPOINTS.createKey, { body: { name: 'first', role: 'admin' } });
  const next = await call(ENDPOINTS.rotateKey, { params: { id: first.key.id }, body: {} });
  const { code } = await as(next.token)(ENDPOINTS.createSessionCode, {});
  const session = await as(null)(ENDPOINTS.createSession, { body: { code } });
  const revoked = await call(ENDPOINTS.createKey, { body: { name: 'gone' } });
  await call(ENDPOINTS.revokeKey, { params: { id: revoked.key.id } });
  const wrong = `mok_${'x'.repeat(43)}`;
  const provider = await startProvider();
  const credential = await addCredential(node, provider);
  const model = await addCloudModel(call, credential.id);
  await activateCloudModel(call, model.id);
  const answer = await request('POST', '/v1/chat/completions', {
    body: { model: model.id, messages: [{ role: 'user', content: 'x' }] },
  });
  expect(answer.status).toBe(200);
  // A provider that does not take the key any more quotes it in its refusal.
  provider.rotate('sk-another-0123456789abcdef');
  for (const [path, body] of [
    ['/v1/chat/completions', { model: model.id, messages: [{ role: 'user', content: 'x' }] }],
    [`/v1/modelops/models/${model.id}/test`, { inputs: { prompt: 'x' } }],
    [`/v1/modelops/credentials/${credential.id}/probe`, {}],
  ] as const)
    expect((await request('POST', path, { body })).text).not.toContain(PROVIDER_KEY);
  const issued = [admin, first.token, next.token, session.token, code, revoked.token];
  const tokens = [...issued, wrong, PROVIDER_KEY];
  // Calls that are answered, refused, not found and broken; and keys in places where no key belongs.
  for (const token of tokens) {
    await request('GET', '/v1/system', { token });
    await request('GET', '/v1/modelops/access/keys', { token });
    await request('GET', '/v1/nothing', { token });
    await request('GET', `/v1/modelops/models/${token}`, { token });
    await request('GET', `/v1/modelops/models?q=${token}&wings=${token}`, { token });
    await request('POST', '/v1/session', { body: { code: token } });
    await request('POST', '/v1/chat/completions', {
      token,
      body: { model: token, messages: [{ role: 'user', content: token }] },
    });
    await request('POST', '/v1/modelops/access/keys', { token, raw: `{"name":"${token}` });
  }
  await call(ENDPOINTS.createBackup, { body: {} });

  const look = async (when: string): Promise<void> => {
    for (const { path, bytes } of await filesBelow(data)) {
      for (const token of tokens) {
        const mayHold = path === agent.tokenFile && token === admin;
        expect(bytes.includes(token), `${path} holds ${token.slice(0, 8)}… ${when}`).toBe(mayHold);
      }
    }
  };
  await look('while it runs');
  await call(ENDPOINTS.revokeCredential, { params: { id: credential.id } });
  await provider.close();
  await agent.stop();
  await look('when it has stopped');
  expect(log).toContain('Server listening');
  for (const token of tokens) expect(log, token.slice(0, 8)).not.toContain(token);
});
