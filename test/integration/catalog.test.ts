import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENDPOINTS,
  MODEL_SORTS,
  type Call,
  type EndpointInput,
  type Model,
} from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSafetensorsModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
/** Two people with keys, and their clients. */
const people: Record<'ada' | 'bob', { id: string; token: string; call: Call<AbortSignal> }> = {} as never;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  for (const name of ['ada', 'bob'] as const) {
    const { principal } = await agent.call(ENDPOINTS.createPrincipal, { body: { name, role: 'user' } });
    const { token } = await agent.call(ENDPOINTS.createKey, {
      body: { name: `${name}-key`, principal_id: principal.id },
    });
    people[name] = { id: principal.id, token, call: agent.as(token) };
  }
  for (const name of ['qwen-7b-chat', 'qwen-7b-coder', 'bert-tiny', 'mistral-8b']) await bring(name);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const bring = async (name: string): Promise<Model> =>
  importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name), { name });
const get = async (id: string): Promise<Model> =>
  (await agent.call(ENDPOINTS.getModel, { params: { id } })).model;
const patch = async (id: string, body: object): Promise<Model> =>
  (await agent.call(ENDPOINTS.patchModel, { params: { id }, body }, { ifMatch: (await get(id)).rev })).model;
const ids = async (query: Record<string, unknown>, call: Call<AbortSignal> = agent.call): Promise<string[]> =>
  (await call(ENDPOINTS.listModels, { query })).models.map((model) => model.id);
const bulk = async (
  body: EndpointInput<typeof ENDPOINTS.bulkModels>['body'],
  call: Call<AbortSignal> = agent.call,
) => call(ENDPOINTS.bulkModels, { body });

describe('search', () => {
  it('finds by the beginnings of words in any order, without accents and case', async () => {
    await patch('bert-tiny-v1', {
      description: 'Prüft Verträge der Rechtsabteilung',
      annotations: { ticket: 'ML-4711' },
    });
    expect(await ids({ q: 'qwen' })).toEqual(['qwen-7b-chat-v1', 'qwen-7b-coder-v1']);
    expect(await ids({ q: 'cod qw' })).toEqual(['qwen-7b-coder-v1']);
    expect(await ids({ q: 'qwen-7b-c' })).toEqual(['qwen-7b-chat-v1', 'qwen-7b-coder-v1']);
    expect(await ids({ q: 'VERTRAGE' })).toEqual(['bert-tiny-v1']);
    expect(await ids({ q: 'ml-47' })).toEqual(['bert-tiny-v1']);
    expect(await ids({ q: 'wen' })).toEqual([]);
    expect(await ids({ q: 'qwen bert' })).toEqual([]);
  });

  it('follows what people write, at once', async () => {
    await patch('mistral-8b-v1', { description: 'zeppelin', tags: ['blimp'] });
    expect(await ids({ q: 'zepp' })).toEqual(['mistral-8b-v1']);
    expect(await ids({ q: 'blim' })).toEqual(['mistral-8b-v1']);
    await patch('mistral-8b-v1', { description: '', tags: [] });
    expect(await ids({ q: 'zepp' })).toEqual([]);
    expect(await ids({ q: 'blim' })).toEqual([]);
    const { model: family } = await agent.call(ENDPOINTS.getFamily, { params: { name: 'mistral-8b' } });
    await agent.call(
      ENDPOINTS.patchFamily,
      { params: { name: 'mistral-8b' }, body: { card: '# Windward\nFor sails.' } },
      { ifMatch: family.rev },
    );
    expect(await ids({ q: 'windw' })).toEqual(['mistral-8b-v1']);
  });

  it('finds by a digest and by the beginning of one', async () => {
    const { checksum, global_model_id: urn } = await get('bert-tiny-v1');
    for (const q of [checksum, checksum?.slice(0, 8), urn, `sha256:${checksum}`, checksum?.toUpperCase()])
      expect(await ids({ q })).toEqual(['bert-tiny-v1']);
    expect(await ids({ q: checksum, tag: 'nothing' })).toEqual([]);
  });

  it('takes nothing that is typed as syntax', async () => {
    for (const q of [
      '"',
      '*',
      'a AND',
      'NEAR(',
      '{body}: x',
      '-',
      '^qwen',
      'body:qwen',
      '\0',
      '%',
      '(',
      "'; DROP",
      '\uE000',
    ])
      expect(Array.isArray(await ids({ q }))).toBe(true);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
        async (q, tag) => {
          const query = new URLSearchParams({ q, tag: tag.replaceAll(',', '') || 'x' });
          expect((await agent.request('GET', `/v1/modelops/models?${query.toString()}`)).status).toBe(200);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('filters', () => {
  it('combine, count exactly, and tags are found as they are written', async () => {
    await patch('qwen-7b-chat-v1', { tags: ['prod', 'a b', 'Ü-1'] });
    await patch('qwen-7b-coder-v1', { tags: ['prod', 'prodigy'] });
    expect(await ids({ tag: 'prod' })).toEqual(['qwen-7b-chat-v1', 'qwen-7b-coder-v1']);
    expect(await ids({ tag: 'prod,prodigy' })).toEqual(['qwen-7b-coder-v1']);
    expect(await ids({ tag: 'Ü-1,a b' })).toEqual(['qwen-7b-chat-v1']);
    expect(await ids({ tag: 'pro' })).toEqual([]);
    expect(await ids({ name: 'bert-tiny' })).toEqual(['bert-tiny-v1']);
    expect(await ids({ provider: 'nobody' })).toEqual([]);
    expect(await ids({ hosting: 'cloud' })).toEqual([]);
    expect(await ids({ capability: 'embeddings' })).toEqual([]);
    expect(await ids({ task_key: 'llm', capability: 'embeddings' })).toEqual([]);
    expect(await ids({ visibility_scope: 'private,group' })).toEqual([]);
    expect(await ids({ eligible: '1' })).toEqual([]);
    const page = await agent.call(ENDPOINTS.listModels, {
      query: { tag: 'prod', lifecycle_state: 'active' },
    });
    expect(page).toMatchObject({ models: [], counts: { registered: 2 } });
  });

  it('show what needs a look, and no longer when it is mended', async () => {
    expect(await ids({ attention: '1' })).toEqual([]);
    await agent.request('POST', '/v1/modelops/models/bert-tiny-v1/test', {
      body: { inputs: { prompt: 'x' } },
    });
    expect(await ids({ attention: '1' })).toEqual(['bert-tiny-v1']);
  });

  it('page through every order without loss, while models come and change', async () => {
    for (const sort of MODEL_SORTS) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { models: Model[]; next_cursor: string | null } = await agent.call(ENDPOINTS.listModels, {
          query: { limit: 1, sort, ...(cursor === null ? {} : { cursor }) },
        });
        seen.push(...page.models.map((model) => model.id));
        cursor = page.next_cursor;
        if (sort === 'name' && seen.length === 2) await bring('aaa-first');
        if (sort === 'updated' && seen.length === 1) await patch(seen[0] ?? '', { description: 'again' });
      } while (cursor !== null);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength(sort === 'name' ? 4 : 5);
    }
    expect((await ids({ sort: 'name' }))[0]).toBe('aaa-first-v1');
    const wrong = await agent.request('GET', '/v1/modelops/models?sort=updated&cursor=bm9wZQ');
    expect(wrong).toMatchObject({ status: 400, body: { details: { fields: ['cursor'] } } });
  });

  it('carry heavy fields only when asked', async () => {
    const [plain] = (await agent.call(ENDPOINTS.listModels, { query: { limit: 1 } })).models;
    expect(plain).not.toHaveProperty('actions');
    expect(plain?.artifact?.files).toBeUndefined();
    const [full] = (
      await agent.call(ENDPOINTS.listModels, {
        query: { limit: 1, include: 'files,actions,requirements' },
      })
    ).models;
    expect(full?.artifact?.files).toHaveLength(1);
    expect(full?.actions?.activate).toMatchObject({ ok: false, hint: expect.stringMatching(/\.$/) });
    expect(full?.requirements?.find((one) => one.code === 'tested')).toMatchObject({
      met: false,
      hint: 'Load it into a slot, then test it there.',
    });
  });
});

describe('who sees and who may', () => {
  it('follows the assignment by name and by group, in lists, counts, families and details', async () => {
    const { group } = await agent.call(ENDPOINTS.createGroup, { body: { name: 'readers' } });
    const put = (body: object) =>
      agent.request('PUT', '/v1/modelops/models/bert-tiny-v1/visibility', { body });
    expect((await put({ visibility_scope: 'private' })).status).toBe(200);
    const sees = async (who: 'ada' | 'bob') => {
      const list = await ids({ q: 'bert' }, people[who].call);
      const one = await agent.request('GET', '/v1/modelops/models/bert-tiny-v1', {
        token: people[who].token,
      });
      const family = await agent.request('GET', '/v1/modelops/registry/bert-tiny', {
        token: people[who].token,
      });
      expect(new Set([list.length === 1, one.status === 200, family.status === 200]).size).toBe(1);
      return list.length === 1;
    };
    expect([await sees('ada'), await sees('bob')]).toEqual([false, false]);
    expect((await put({ visibility_scope: 'user', users: [people.ada.id] })).status).toBe(200);
    expect([await sees('ada'), await sees('bob')]).toEqual([true, false]);
    const named = await put({ visibility_scope: 'group', groups: [group.id] });
    expect(named.body['model']).toMatchObject({
      visibility_scope: 'group',
      assignments: { users: [], groups: [{ id: group.id, name: 'readers' }] },
    });
    expect([await sees('ada'), await sees('bob')]).toEqual([false, false]);
    await agent.call(ENDPOINTS.putGroupMember, { params: { id: group.id, principal_id: people.bob.id } });
    expect([await sees('ada'), await sees('bob')]).toEqual([false, true]);
    const { audit } = await people.bob.call(ENDPOINTS.listAudit, {
      query: { subject: 'model:bert-tiny-v1' },
    });
    const told = audit.find((row) => row.action === 'model.visibility_changed');
    expect(told?.data).toMatchObject({ to: 'group', groups: [group.id] });
    expect(JSON.stringify(audit.map((row) => row.data))).not.toContain('readers');
    await put({ visibility_scope: 'platform' });
    expect([await sees('ada'), await sees('bob')]).toEqual([true, true]);
  });

  it('names the field that is wrong and changes nothing', async () => {
    const before = await get('bert-tiny-v1');
    const wrong = async (body: object, field: string) =>
      expect(
        await agent.request('PUT', '/v1/modelops/models/bert-tiny-v1/visibility', { body }),
      ).toMatchObject({ status: 400, body: { error: 'invalid_argument', details: { fields: [field] } } });
    await wrong({ visibility_scope: 'user' }, 'users');
    await wrong({ visibility_scope: 'user', users: ['nobody'] }, 'users');
    await wrong({ visibility_scope: 'group', groups: ['nobody'] }, 'groups');
    await wrong({ visibility_scope: 'platform', users: [people.ada.id] }, 'users');
    const late = await agent.request('PUT', '/v1/modelops/models/bert-tiny-v1/visibility', {
      body: { visibility_scope: 'private' },
      headers: { 'if-match': String(before.rev - 1) },
    });
    expect(late).toMatchObject({ status: 409, body: { error: 'conflict' } });
    expect((await get('bert-tiny-v1')).rev).toBe(before.rev);
  });

  it('keeps local files from everybody but superadmins before it looks at them', async () => {
    const refused = await agent.request('POST', '/v1/modelops/models', {
      body: { path: '/nowhere' },
      token: people.ada.token,
    });
    expect(refused).toMatchObject({
      status: 403,
      body: { error: 'insufficient_role', details: { needed: 'superadmin', held: 'user' } },
    });
  });

  it('tells what is missing for somebody else to a superadmin only', async () => {
    const ask = (who: string, token = agent.token) =>
      agent.request('GET', `/v1/modelops/models/mistral-8b-v1?for=${who}`, { token });
    await agent.request('PUT', '/v1/modelops/models/mistral-8b-v1/visibility', {
      body: { visibility_scope: 'user', users: [people.ada.id] },
    });
    const visible = (answer: { body: Record<string, unknown> }) =>
      (answer.body['model'] as Model).requirements?.find((one) => one.code === 'visible');
    expect(visible(await ask('ada'))).toMatchObject({ met: true, fact: 'Assigned by name.' });
    expect(visible(await ask(people.bob.id))).toMatchObject({
      met: false,
      hint: expect.stringContaining('assign'),
    });
    expect((await ask('nobody')).status).toBe(404);
    expect((await ask('ada', people.ada.token)).status).toBe(200);
    expect(await ask('bob', people.ada.token)).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect((await ask('ada', people.bob.token)).status).toBe(404);
  });

  it('refuses a category that does not follow from the task', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'category.gguf'), 'category');
    expect(
      await agent.request('POST', '/v1/modelops/models', { body: { path, category: 'predictive' } }),
    ).toMatchObject({
      status: 400,
      body: { details: { fields: ['category'], allowed: ['generative'] } },
    });
    expect(
      (await agent.request('POST', '/v1/modelops/models', { body: { path, category: 'generative' } })).status,
    ).toBe(202);
  });
});

describe('many at once', () => {
  it('each succeeds or is refused for itself, with what it says alone', async () => {
    const answer = await bulk({
      action: 'unregister',
      ids: ['qwen-7b-chat-v1', 'nothing', 'qwen-7b-chat-v1', 'aaa-first-v1'],
    });
    expect(answer).toMatchObject({ succeeded: 2, refused: 1 });
    expect(answer.results.map(({ id, ok, error }) => [id, ok, error?.error])).toEqual([
      ['qwen-7b-chat-v1', true, undefined],
      ['nothing', false, 'not_found'],
      ['aaa-first-v1', true, undefined],
    ]);
    const again = await bulk({ action: 'unregister', ids: ['qwen-7b-chat-v1'] });
    expect(again.results[0]?.error).toMatchObject({
      error: 'invalid_state_transition',
      hint: 'First register it.',
      details: { guard: 'state' },
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, {
      query: { subject: 'model:aaa-first-v1', limit: 1 },
    });
    expect(audit[0]?.action).toBe('model.unregistered');
    expect(await bulk({ action: 'register', ids: ['qwen-7b-chat-v1'] })).toMatchObject({ succeeded: 1 });
  });

  it('tags and untags whatever else is there, and deletes with the files', async () => {
    await bulk({ action: 'tag', ids: ['qwen-7b-coder-v1', 'aaa-first-v1'], tags: ['new', 'prod'] });
    expect((await get('qwen-7b-coder-v1')).tags).toEqual(['new', 'prod', 'prodigy']);
    await bulk({ action: 'untag', ids: ['qwen-7b-coder-v1'], tags: ['prod', 'prodigy'] });
    expect((await get('qwen-7b-coder-v1')).tags).toEqual(['new']);
    expect(await ids({ tag: 'new' })).toEqual(['aaa-first-v1', 'qwen-7b-coder-v1']);
    const { artifact } = await get('aaa-first-v1');
    expect(await bulk({ action: 'delete', ids: ['aaa-first-v1'] })).toMatchObject({ succeeded: 1 });
    await expect(readFile(join(artifact?.storage_path ?? '', 'model.gguf'))).rejects.toThrow('ENOENT');
    expect(await ids({ q: 'aaa' })).toEqual([]);
  });

  it('asks each model for the role, and the request for what its action needs', async () => {
    const refused = await bulk(
      { action: 'register', ids: ['qwen-7b-coder-v1', 'mistral-8b-v1'] },
      people.bob.call,
    );
    expect(refused.results.map((result) => result.error?.error)).toEqual(['insufficient_role', 'not_found']);
    for (const [body, field] of [
      [{ action: 'tag' }, 'tags'],
      [{ action: 'set_visibility' }, 'visibility_scope'],
      [{ action: 'register', note: 'x' }, 'note'],
    ] as const)
      expect(
        await agent.request('POST', '/v1/modelops/models/bulk', { body: { ...body, ids: ['bert-tiny-v1'] } }),
      ).toMatchObject({ status: 400, body: { details: { fields: [field] } } });
    const scoped = await bulk({
      action: 'set_visibility',
      ids: ['bert-tiny-v1'],
      visibility_scope: 'private',
    });
    expect(scoped.succeeded).toBe(1);
    expect((await bulk({ action: 'check', ids: ['bert-tiny-v1'] })).succeeded).toBe(1);
  });
});

describe('files', () => {
  it('come byte for byte, whole and in ranges', async () => {
    const source = await writeSafetensorsModel(join(directory.path, 'tensors'));
    const { id } = await importModel(agent, source);
    const want = await readFile(join(source, 'config.json'));
    const fetchFile = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${agent.url}/v1/modelops/models/${id}/files/${path}`, {
        headers: { authorization: `Bearer ${agent.token}`, ...headers },
      });
    const whole = await fetchFile('config.json');
    expect(Buffer.from(await whole.arrayBuffer()).equals(want)).toBe(true);
    expect(whole.headers.get('content-length')).toBe(String(want.length));
    const etag = whole.headers.get('etag') ?? '';
    expect(etag).toBe(
      `"${(await get(id)).artifact?.files?.find((file) => file.path === 'config.json')?.sha256}"`,
    );
    const part = await fetchFile('config.json', { range: 'bytes=5-9' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-9/${want.length}`]);
    expect(Buffer.from(await part.arrayBuffer()).equals(want.subarray(5, 10))).toBe(true);
    const tail = await fetchFile('config.json', { range: 'bytes=-4', 'if-range': etag });
    expect(Buffer.from(await tail.arrayBuffer()).equals(want.subarray(-4))).toBe(true);
    expect((await fetchFile('config.json', { range: 'bytes=0-3', 'if-range': '"other"' })).status).toBe(200);
    expect((await fetchFile('config.json', { range: `bytes=${want.length}-` })).status).toBe(416);
    expect((await fetchFile('config.json', { 'if-none-match': etag })).status).toBe(304);
    for (const path of ['..%2f..%2fadmin-token', 'nothing.json', '%00', '../../../admin-token'])
      expect([400, 404]).toContain((await fetchFile(path)).status);
  });

  it('are refused when they are not as they were', async () => {
    const { id, artifact } = await bring('tampered');
    const [file] = artifact?.files ?? [];
    const { rm } = await import('node:fs/promises');
    await rm(join(agent.dataDir, 'store', 'blobs', file?.sha256.slice(0, 2) ?? '', file?.sha256 ?? ''));
    expect(await agent.request('GET', `/v1/modelops/models/${id}/files/${file?.path}`)).toMatchObject({
      status: 409,
      body: { error: 'artifact_not_ready', details: { artifact_status: 'missing' } },
    });
    expect(await ids({ attention: '1', q: 'tampered' })).toEqual([id]);
  });
});

describe('saved views', () => {
  it('belong to who saved them', async () => {
    const view = { params: { name: 'My llamas' }, body: { query: 'q=llama&state=active' } };
    await people.ada.call(ENDPOINTS.putView, view);
    await people.ada.call(ENDPOINTS.putView, { ...view, body: { query: 'q=llama' } });
    const { views } = await people.ada.call(ENDPOINTS.listViews, {});
    expect(views).toMatchObject([{ name: 'My llamas', place: 'models', query: 'q=llama' }]);
    expect(await people.bob.call(ENDPOINTS.listViews, {})).toEqual({ views: [] });
    await expect(people.bob.call(ENDPOINTS.deleteView, { params: view.params })).rejects.toMatchObject({
      code: 'not_found',
    });
    await people.ada.call(ENDPOINTS.deleteView, { params: view.params });
    expect(await people.ada.call(ENDPOINTS.listViews, {})).toEqual({ views: [] });
  });
});

describe('after a restart', () => {
  it('every list says the same', async () => {
    const before = await Promise.all([
      ids({}),
      ids({ sort: 'updated' }),
      ids({ q: 'qwen' }),
      ids({ tag: 'new' }),
    ]);
    await agent.stop();
    agent = await startTestAgent(join(directory.path, 'data'));
    expect(
      await Promise.all([ids({}), ids({ sort: 'updated' }), ids({ q: 'qwen' }), ids({ tag: 'new' })]),
    ).toEqual(before);
  });
});
