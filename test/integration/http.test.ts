import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, ERRORS, type Endpoint } from '../../src/shared/contract/index.ts';
import { ROLES, type Role } from '../../src/shared/lifecycle/index.ts';
import { openApiDocument } from '../../src/server/openapi.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let now = Date.now();
const keys = {} as Record<Role, string>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(directory.path, { clock: { now: () => now } });
  for (const role of ROLES)
    keys[role] = (await agent.call(ENDPOINTS.createKey, { body: { name: `key-${role}`, role } })).token;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** Headers as they are: fetch would not send a Host of our choice. */
function raw(
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(agent.url);
    httpRequest({ host: '127.0.0.1', port, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
      );
    })
      .once('error', reject)
      .end();
  });
}

describe('who may call', () => {
  it('is asked on every /v1 route but the sign-in', async () => {
    for (const row of Object.values<Endpoint>(ENDPOINTS)) {
      if (row.role === 'open') continue;
      const answer = await agent.request(row.method, row.path.replace(/:\w+/g, 'x'), { token: null });
      expect(answer.status, `${row.method} ${row.path}`).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('is told apart: no key, a wrong key, a revoked key', async () => {
    expect((await agent.request('GET', '/v1/system', { token: null })).body).toMatchObject({
      error: 'unauthenticated',
      message: expect.stringContaining('no key'),
    });
    expect((await agent.request('GET', '/v1/system', { token: 'mok_wrong' })).body).toMatchObject({
      error: 'unauthenticated',
      message: expect.stringContaining('not known'),
    });
    const { token, key } = await agent.call(ENDPOINTS.createKey, { body: { name: 'short' } });
    expect((await agent.request('GET', '/v1/session', { token })).status).toBe(200);
    await agent.call(ENDPOINTS.revokeKey, { params: { id: key.id } });
    expect((await agent.request('GET', '/v1/session', { token })).status).toBe(401);
  });

  it('ends with the date of a key', async () => {
    const { token } = await agent.call(ENDPOINTS.createKey, {
      body: { name: 'dated', expires_at: new Date(now + 1000).toISOString() },
    });
    expect((await agent.request('GET', '/v1/session', { token })).status).toBe(200);
    now += 2000;
    expect((await agent.request('GET', '/v1/session', { token })).body).toMatchObject({
      error: 'unauthenticated',
      message: expect.stringContaining('expired'),
    });
  });
});

describe('where a call comes from', () => {
  const auth = () => ({ authorization: `Bearer ${agent.token}` });
  it.each(['127.0.0.1', 'localhost:1234', '[::1]:7411'])('may be Host %s', async (host) => {
    expect((await raw('/v1/system', { ...auth(), host })).status).toBe(200);
  });
  it.each(['evil.example', '10.0.0.1:7411', 'localhost.evil.example', '127.0.0.1.nip.io'])(
    'may not be Host %s',
    async (host) => {
      expect(await raw('/v1/system', { ...auth(), host })).toMatchObject({
        status: 403,
        body: { error: 'forbidden' },
      });
      expect((await raw('/healthz', { host })).status).toBe(403);
    },
  );
  it.each(['app://modelops', 'http://127.0.0.1:7411'])('may be Origin %s', async (origin) => {
    expect((await raw('/v1/system', { ...auth(), host: '127.0.0.1:7411', origin })).status).toBe(200);
  });
  it.each(['https://evil.example', 'null', 'http://127.0.0.1:7412', 'app://other'])(
    'may not be Origin %s',
    async (origin) => {
      expect(await raw('/v1/system', { ...auth(), host: '127.0.0.1:7411', origin })).toMatchObject({
        status: 403,
        body: { error: 'forbidden' },
      });
    },
  );
});

describe('a bad request', () => {
  const slot = { capability: 'llm_inference', runtime_spec: 'embedded-llama' };
  it.each([
    ['broken JSON', { raw: '{"a":' }, 400, 'invalid_argument', ['body']],
    ['an array', { raw: '[]' }, 400, 'invalid_argument', ['body']],
    ['an unknown field', { body: { ...slot, speed: 11 } }, 400, 'invalid_argument', ['speed']],
    [
      'an unknown field inside',
      { body: { ...slot, config: { wings: 2 } } },
      400,
      'invalid_argument',
      ['config.wings'],
    ],
    ['a wrong type', { body: { ...slot, id: 7 } }, 400, 'invalid_argument', ['id']],
    ['an id with a slash', { body: { ...slot, id: 'a/b' } }, 400, 'invalid_argument', ['id']],
    ['an id that is too long', { body: { ...slot, id: 'a'.repeat(129) } }, 400, 'invalid_argument', ['id']],
    [
      'a missing field',
      { body: { runtime_spec: 'embedded-llama' } },
      400,
      'invalid_argument',
      ['capability'],
    ],
    [
      'a runtime nobody knows',
      { body: { ...slot, runtime_spec: 'nothing' } },
      400,
      'invalid_argument',
      ['runtime_spec'],
    ],
    [
      'a setting the runtime does not take',
      { body: { ...slot, config: { tensor_parallel_size: 2 } } },
      400,
      'invalid_argument',
      ['config.tensor_parallel_size'],
    ],
    [
      'prototype pollution',
      { raw: '{"capability":"llm_inference","runtime_spec":"embedded-llama","__proto__":{"x":1}}' },
      400,
      'invalid_argument',
      ['body'],
    ],
  ])('with %s changes nothing', async (_name, options, status, error, fields) => {
    const answer = await agent.request('POST', '/v1/modelops/slots', options);
    expect(answer).toMatchObject({
      status,
      body: {
        error,
        details: { fields },
        request_id: expect.stringMatching(/^req_/),
        hint: expect.any(String),
      },
    });
    expect((await agent.call(ENDPOINTS.listSlots, {})).slots).toEqual([]);
  });

  it('names what would be allowed', async () => {
    const answer = await agent.request('POST', '/v1/modelops/slots', {
      body: { ...slot, capability: 'dancing' },
    });
    expect(answer.body).toMatchObject({
      details: { fields: ['capability'], allowed: ['llm_inference', 'embeddings', 'rerank'] },
    });
  });

  it('of another media type, or too large, is refused before anything else', async () => {
    expect(
      (
        await agent.request('POST', '/v1/modelops/slots', {
          raw: 'a=1',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        })
      ).body,
    ).toMatchObject({ error: 'invalid_argument' });
    const large = await agent.request('POST', '/v1/modelops/slots', {
      raw: JSON.stringify({ id: 'x'.repeat(2 * 1024 * 1024) }),
    });
    expect(large).toMatchObject({ status: 413, body: { error: 'payload_too_large' } });
  });

  it('to a path or a thing that is not there', async () => {
    expect(await agent.request('GET', '/v1/nothing')).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    });
    expect(await agent.request('GET', '/v1/modelops/models/nothing')).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    });
    expect(await agent.request('GET', '/v1/modelops/slots/nothing')).toMatchObject({ status: 404 });
    expect(await agent.request('GET', '/v1/modelops/jobs/nothing')).toMatchObject({ status: 404 });
    expect(await agent.request('GET', '/v1/modelops/models/%2e%2e%2fx')).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['id'] } },
    });
  });

  it('with a query nobody knows, a bad cursor or a bad limit', async () => {
    for (const [query, field] of [
      ['wings=2', 'wings'],
      ['cursor=zzz', 'cursor'],
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['lifecycle_state=flying', 'lifecycle_state.0'],
    ]) {
      expect(await agent.request('GET', `/v1/modelops/models?${query}`)).toMatchObject({
        status: 400,
        body: { error: 'invalid_argument', details: { fields: [field] } },
      });
    }
  });

  it('to the gateway is answered in the shape of OpenAI, with the same code', async () => {
    const answer = await agent.request('POST', '/v1/chat/completions', {
      body: { model: 'nobody', messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer).toMatchObject({
      status: 404,
      body: {
        error: {
          code: 'not_found',
          type: 'not_found_error',
          param: 'model',
          message: expect.any(String),
          request_id: expect.any(String),
        },
      },
    });
    expect(await agent.request('POST', '/v1/chat/completions', { body: { model: 'x' } })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument', param: 'messages' } },
    });
    expect(await agent.request('POST', '/v1/chat/completions', { raw: '{' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument' } },
    });
  });
});

describe('signing in', () => {
  it('takes a one-time code once, for sixty seconds', async () => {
    const { code, url } = await agent.call(ENDPOINTS.createSessionCode, {});
    expect(url).toBe(`${agent.url}/#code=${code}`);
    const { token, key } = await agent.as(null)(ENDPOINTS.createSession, { body: { code } });
    expect(key).toMatchObject({ kind: 'session', role: 'superadmin' });
    await expect(agent.as(null)(ENDPOINTS.createSession, { body: { code } })).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('used already'),
    });
    expect((await agent.as(token)(ENDPOINTS.getSession, {})).key.id).toBe(key.id);
    const late = await agent.call(ENDPOINTS.createSessionCode, {});
    now += 61_000;
    await expect(
      agent.as(null)(ENDPOINTS.createSession, { body: { code: late.code } }),
    ).rejects.toMatchObject({ code: 'unauthenticated', message: expect.stringContaining('60 seconds') });
  });

  it('gives the role of whoever made the link', async () => {
    const { code } = await agent.as(keys.user)(ENDPOINTS.createSessionCode, {});
    expect((await agent.as(null)(ENDPOINTS.createSession, { body: { code } })).key.role).toBe('user');
  });

  it('ends after twelve idle hours, or by signing out', async () => {
    const open = async () =>
      (
        await agent.as(null)(ENDPOINTS.createSession, {
          body: { code: (await agent.call(ENDPOINTS.createSessionCode, {})).code },
        })
      ).token;
    const idle = await open();
    now += 11 * 3_600_000;
    expect((await agent.request('GET', '/v1/session', { token: idle })).status).toBe(200);
    now += 11 * 3_600_000;
    expect((await agent.request('GET', '/v1/session', { token: idle })).status).toBe(200);
    now += 12 * 3_600_000 + 1;
    expect((await agent.request('GET', '/v1/session', { token: idle })).body).toMatchObject({
      error: 'unauthenticated',
      hint: expect.stringContaining('modelops open'),
    });
    const gone = await open();
    expect((await agent.request('DELETE', '/v1/session', { token: gone })).body).toEqual({ revoked: true });
    expect((await agent.request('GET', '/v1/session', { token: gone })).status).toBe(401);
    expect((await agent.request('DELETE', '/v1/session')).body).toEqual({ revoked: false });
  });

  it('never leaves the only way in', async () => {
    const { keys: all } = await agent.call(ENDPOINTS.listKeys, {});
    const admin = all.find((key) => key.kind === 'admin');
    await expect(agent.call(ENDPOINTS.revokeKey, { params: { id: admin?.id ?? '' } })).rejects.toMatchObject({
      code: 'dependencies_unsatisfied',
    });
  });

  it('keeps no key in the clear', async () => {
    const bytes = await readFile(`${directory.path}/modelops.db`);
    const wal = await readFile(`${directory.path}/modelops.db-wal`);
    for (const token of [agent.token, ...Object.values(keys)]) {
      expect(bytes.includes(token)).toBe(false);
      expect(wal.includes(token)).toBe(false);
    }
  });
});

describe('the contract', () => {
  it('is served as OpenAPI 3.1, and the file in the repository is the same', async () => {
    const served = await agent.call(ENDPOINTS.getOpenApi, {});
    expect(served).toMatchObject({ openapi: '3.1.0' });
    const { info } = served as { info: { title: string; version: string } };
    expect(openApiDocument(ENDPOINTS, { title: info.title, version: info.version })).toEqual(served);
    const file = JSON.parse(
      readFileSync(new URL('../../resources/openapi.json', import.meta.url), 'utf8'),
    ) as unknown;
    expect(file).toEqual(served);
  });

  it('has no route without its own codes in the error table', () => {
    for (const row of Object.values<Endpoint>(ENDPOINTS))
      for (const code of row.errors) expect(Object.hasOwn(ERRORS, code), code).toBe(true);
  });
});

describe('the page', () => {
  it('is served with a policy that lets nothing in from elsewhere', async () => {
    const answer = await agent.request('GET', '/models/some-id', { token: null });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is not what a missing asset gets', async () => {
    const answer = await agent.request('GET', '/assets/of-an-older-build.js', { token: null });
    expect(answer).toMatchObject({ status: 404, body: { error: 'not_found' } });
  });
});
