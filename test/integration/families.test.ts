import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let user: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  user = (await agent.call(ENDPOINTS.createKey, { body: { name: 'user-key', role: 'user' } })).token;
  for (const words of ['one', 'two', 'three']) await bring('alpha', words);
  await bring('beta', 'four');
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const bring = async (name: string, words: string): Promise<Model> =>
  importModel(agent, await writeSpeakingModel(join(directory.path, `${words}.gguf`), words), { name });
const family = async (name: string) => (await agent.call(ENDPOINTS.getFamily, { params: { name } })).model;
const alias = (name: string, alias_: string, version: unknown, headers: Record<string, string> = {}) =>
  agent.request('PUT', `/v1/modelops/registry/${name}/aliases/${alias_}`, { body: { version }, headers });

describe('a family', () => {
  it('is listed with its versions, newest first, page by page', async () => {
    const first = await agent.call(ENDPOINTS.listFamilies, { query: { limit: 1 } });
    expect(first.models).toMatchObject([
      { name: 'alpha', latest_seq: 3, version_count: 3, category: 'generative' },
    ]);
    const second = await agent.call(ENDPOINTS.listFamilies, {
      query: { limit: 1, cursor: first.next_cursor ?? '' },
    });
    expect(second).toMatchObject({ models: [{ name: 'beta' }], next_cursor: null });
    expect((await agent.call(ENDPOINTS.listFamilies, { query: { q: 'bet' } })).models).toHaveLength(1);
    const { versions, next_cursor: next } = await agent.call(ENDPOINTS.listVersions, {
      params: { name: 'alpha' },
      query: { limit: 2 },
    });
    expect(versions.map((version) => [version.seq, version.model_ids])).toEqual([
      [3, ['alpha-v3']],
      [2, ['alpha-v2']],
    ]);
    const rest = await agent.call(ENDPOINTS.listVersions, {
      params: { name: 'alpha' },
      query: { cursor: next ?? '' },
    });
    expect(rest.versions.map((version) => version.seq)).toEqual([1]);
  });

  it('is changed in place by who read it last', async () => {
    const { rev } = await family('alpha');
    const change = (body: object, headers: Record<string, string>) =>
      agent.request('PATCH', '/v1/modelops/registry/alpha', { body, headers });
    expect((await change({ card: 'x' }, {})).body).toMatchObject({ details: { fields: ['if-match'] } });
    expect(
      await change({ card: '# Alpha', tags: ['core'], description: 'First.' }, { 'if-match': String(rev) }),
    ).toMatchObject({
      status: 200,
      body: { model: { card: '# Alpha', tags: ['core'], description: 'First.', rev: rev + 1 } },
    });
    expect(await change({ card: 'late' }, { 'if-match': String(rev) })).toMatchObject({
      status: 409,
      body: { error: 'conflict', details: { rev: rev + 1 } },
    });
    const { audit } = await agent.as(user)(ENDPOINTS.listAudit, { query: { subject: 'family:alpha' } });
    expect(audit).toMatchObject([
      { action: 'family.changed', data: { fields: ['card', 'description', 'tags'] } },
    ]);
  });

  it('shows only the versions that a caller sees a model of', async () => {
    const hide = (id: string, scope: string) =>
      agent.request('PUT', `/v1/modelops/models/${id}/visibility`, { body: { visibility_scope: scope } });
    await hide('alpha-v2', 'private');
    await hide('beta-v1', 'private');
    const call = agent.as(user);
    const { versions } = await call(ENDPOINTS.listVersions, { params: { name: 'alpha' }, query: {} });
    expect(versions.map((version) => version.seq)).toEqual([3, 1]);
    expect((await call(ENDPOINTS.listFamilies, { query: {} })).models.map((one) => one.name)).toEqual([
      'alpha',
    ]);
    for (const path of ['beta', 'beta/versions', 'never'])
      expect((await agent.request('GET', `/v1/modelops/registry/${path}`, { token: user })).status).toBe(404);
    const { audit } = await call(ENDPOINTS.listAudit, { query: { subject: 'family:beta' } });
    expect(audit).toEqual([]);
    expect(
      await agent.request('PUT', '/v1/modelops/registry/alpha/aliases/mine', {
        token: user,
        body: { version: 1 },
      }),
    ).toMatchObject({ status: 403, body: { error: 'insufficient_role', details: { needed: 'superadmin' } } });
    await hide('alpha-v2', 'platform');
    await hide('beta-v1', 'platform');
  });
});

describe('an alias', () => {
  it('points at a version by number or label, moves, and shows on the model', async () => {
    expect(await alias('alpha', 'prod', 1)).toMatchObject({
      status: 200,
      body: { alias: { alias: 'prod', seq: 1 } },
    });
    expect(await alias('alpha', 'prod', 'v2')).toMatchObject({ status: 200, body: { alias: { seq: 2 } } });
    const { rev } = await family('alpha');
    expect((await alias('alpha', 'prod', 2)).status).toBe(200);
    expect((await family('alpha')).rev).toBe(rev);
    const model = async (id: string) => (await agent.call(ENDPOINTS.getModel, { params: { id } })).model;
    expect((await model('alpha-v2')).aliases).toEqual(['prod']);
    expect((await model('alpha-v1')).aliases).toEqual([]);
    const { versions } = await agent.call(ENDPOINTS.listVersions, { params: { name: 'alpha' }, query: {} });
    expect(versions.map((version) => version.aliases)).toEqual([[], ['prod'], []]);
    const actions = async (id: string) =>
      (await agent.call(ENDPOINTS.listAudit, { query: { subject: `model:${id}`, limit: 2 } })).audit.map(
        (row) => row.action,
      );
    expect(await actions('alpha-v1')).toEqual(['model.alias_removed', 'model.alias_added']);
    expect((await actions('alpha-v2'))[0]).toBe('model.alias_added');
  });

  it('is refused where it would lie', async () => {
    for (const name of ['latest', 'newest', 'v7'])
      expect(await alias('alpha', name, 1)).toMatchObject({
        status: 400,
        body: { details: { fields: ['alias'] } },
      });
    for (const version of [9, 'v9', '9.9.9'])
      expect(await alias('alpha', 'prod', version)).toMatchObject({ status: 404 });
    expect((await alias('alpha', 'prod', 1, { 'if-match': '1' })).body['error']).toBe('conflict');
    expect((await agent.request('DELETE', '/v1/modelops/registry/alpha/aliases/none')).status).toBe(404);
  });

  it('keeps its model from being deleted, and says so', async () => {
    await agent.request('POST', '/v1/modelops/models/alpha-v2/unregister');
    expect(await agent.request('DELETE', '/v1/modelops/models/alpha-v2')).toMatchObject({
      status: 409,
      body: {
        error: 'dependencies_unsatisfied',
        message: expect.stringContaining('prod'),
        details: { guard: 'not_needed', aliases: ['prod'] },
      },
    });
    expect((await agent.request('DELETE', '/v1/modelops/registry/alpha/aliases/prod')).status).toBe(200);
    expect((await agent.request('DELETE', '/v1/modelops/models/alpha-v2')).status).toBe(200);
  });
});

describe('the end of a family', () => {
  it('comes whole or not at all, and its numbers are never used again', async () => {
    await alias('alpha', 'prod', 3);
    await agent.request('POST', '/v1/modelops/models/alpha-v1/unregister');
    expect(await agent.request('DELETE', '/v1/modelops/registry/alpha')).toMatchObject({
      status: 409,
      body: {
        error: 'dependencies_unsatisfied',
        details: { models: [{ id: 'alpha-v3', lifecycle_state: 'registered' }] },
      },
    });
    expect((await agent.request('GET', '/v1/modelops/models/alpha-v1')).status).toBe(200);
    await agent.request('POST', '/v1/modelops/models/alpha-v3/unregister');
    const gone = await agent.request('DELETE', '/v1/modelops/registry/alpha');
    expect(gone).toMatchObject({ status: 200, body: { deleted: true, model_ids: ['alpha-v1', 'alpha-v3'] } });
    expect(gone.body['freed_bytes']).toBeGreaterThan(0);
    expect((await agent.request('GET', '/v1/modelops/registry/alpha')).status).toBe(404);
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: 'model:alpha-v3' } });
    expect(audit[0]?.action).toBe('model.deleted');
    const back = await bring('alpha', 'one');
    expect(back).toMatchObject({ seq: 4, id: 'alpha-v4', aliases: [] });
    expect(await family('alpha')).toMatchObject({
      card: '',
      description: '',
      tags: [],
      latest_seq: 4,
      version_count: 1,
    });
    expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  });
});
