import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Call, type Credential } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential, keyFor, LOOPBACK } from '../support/cloud.ts';
import { refused } from '../support/refusals.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let provider: ProviderDouble;
let ann: { token: string; call: Call<AbortSignal>; principalId: string };
let bob: typeof ann;
let chief: typeof ann;

beforeAll(async () => {
  directory = await temporaryDirectory();
  provider = await startProvider();
  agent = await startTestAgent(join(directory.path, 'data'));
  ann = await keyFor(agent, 'ann', 'user');
  bob = await keyFor(agent, 'bob', 'admin');
  chief = await keyFor(agent, 'chief', 'superadmin');
});
beforeEach(() => provider.forget());
afterAll(async () => {
  await agent.stop();
  await provider.close();
  await directory[Symbol.asyncDispose]();
});

let count = 0;
const fresh = (): string => `credential ${(count += 1)}`;
const body = (more: object = {}) => ({
  provider: 'openai_compatible' as const,
  display_name: fresh(),
  api_base_url: provider.baseUrl,
  api_key: provider.key,
  ...more,
});
const create = (call: Call<AbortSignal>, more: object = {}) =>
  call(ENDPOINTS.createCredential, { body: body(more) }).then(({ credential }) => credential);
const get = (call: Call<AbortSignal>, id: string) =>
  call(ENDPOINTS.getCredential, { params: { id } }).then(({ credential }) => credential);
const patch = (call: Call<AbortSignal>, { id, rev }: Credential, change: object) =>
  call(ENDPOINTS.patchCredential, { params: { id }, body: change }, { ifMatch: rev }).then(
    ({ credential }) => credential,
  );

describe('keeping a credential', () => {
  it('shows the last four characters and nothing else of the secret, wherever one looks', async () => {
    const made = await create(ann.call, { display_name: 'mine' });
    expect(made).toMatchObject({
      owner_user_id: ann.principalId,
      owner_name: 'ann',
      credential_scope: 'personal',
      api_base_url: provider.baseUrl,
      api_key_last4: provider.key.slice(-4),
      is_active: true,
      version: 1,
      model_count: 0,
      last_probe: null,
      allowed_ranges: [],
      revoked_at: null,
    });
    const seen = await Promise.all(
      ['/v1/modelops/credentials', `/v1/modelops/credentials/${made.id}`, '/v1/modelops/audit?limit=200'].map(
        (path) => agent.request('GET', path),
      ),
    );
    for (const answer of seen) {
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain(provider.key);
    }
    for (const file of ['modelops.db', 'modelops.db-wal']) {
      const bytes = await readFile(join(agent.dataDir, file)).catch(() => Buffer.alloc(0));
      expect(bytes.includes(provider.key), file).toBe(false);
    }
  });

  it.each([
    ['sk-abcd-1234', '1234'],
    ['short-key9', 'y9'],
    ['abcdefg', 'g'],
    ['abc', ''],
  ])('shows of %s only %j', async (apiKey, shown) => {
    expect((await create(ann.call, { api_key: apiKey })).api_key_last4).toBe(shown);
  });

  it('knows where openai and anthropic are, and asks for the address of others', async () => {
    const known = await create(ann.call, { provider: 'openai', api_base_url: undefined });
    expect(known.api_base_url).toBe('https://api.openai.com/v1');
    await expect(create(ann.call, { api_base_url: undefined })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { fields: ['api_base_url'] },
    });
  });

  it.each([
    ['an address that is none', { api_base_url: 'ftp://host/v1' }, 'api_base_url'],
    ['an address with a password', { api_base_url: 'https://me:secret@host/v1' }, 'api_base_url'],
    ['a key of two lines', { api_key: 'sk-one\r\nx-evil: 1' }, 'api_key'],
    ['a key of blanks', { api_key: '   ' }, 'api_key'],
    ['a key beyond ASCII', { api_key: 'sk-ключ-1234' }, 'api_key'],
    ['a provider nobody knows', { provider: 'somebody' }, 'provider'],
    ['a name of blanks', { display_name: '  ' }, 'display_name'],
    ['a field that is none', { owner_user_id: 'me' }, 'owner_user_id'],
  ])('refuses %s and keeps nothing', async (_what, wrong, field) => {
    const before = await agent.call(ENDPOINTS.listCredentials, { query: { limit: 200 } });
    const answer = await agent.request('POST', '/v1/modelops/credentials', { body: body(wrong) });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_argument' } });
    expect((answer.body['details'] as { fields: string[] }).fields.join()).toContain(field);
    const after = await agent.call(ENDPOINTS.listCredentials, { query: { limit: 200 } });
    expect(after.credentials).toHaveLength(before.credentials.length);
  });

  it('refuses a second one of the same name until the first is revoked', async () => {
    const first = await create(ann.call, { display_name: 'twice' });
    expect(await refused(create(ann.call, { display_name: 'twice' }))).toMatchObject({
      code: 'already_exists',
    });
    // Another owner, or another provider, is another name.
    await create(bob.call, { display_name: 'twice' });
    await create(ann.call, { display_name: 'twice', provider: 'anthropic' });
    await ann.call(ENDPOINTS.revokeCredential, { params: { id: first.id } });
    await create(ann.call, { display_name: 'twice' });
  });

  it('leaves platform credentials and private ranges to superadmins', async () => {
    for (const { call } of [ann, bob]) {
      expect(await refused(create(call, { credential_scope: 'platform' }))).toMatchObject({
        code: 'forbidden',
      });
      expect(await refused(create(call, { allowed_ranges: LOOPBACK }))).toMatchObject({ code: 'forbidden' });
    }
    const platform = await create(chief.call, { credential_scope: 'platform', allowed_ranges: LOOPBACK });
    expect(platform).toMatchObject({ credential_scope: 'platform', allowed_ranges: LOOPBACK });
    expect(await refused(create(chief.call, { allowed_ranges: ['everything'] }))).toMatchObject({
      code: 'invalid_argument',
      details: { fields: ['allowed_ranges'] },
    });
  });
});

describe('who sees a credential', () => {
  it('is its owner and every superadmin; for anybody else it is not there', async () => {
    const hers = await create(ann.call);
    const platform = await create(chief.call, { credential_scope: 'platform' });
    expect((await get(agent.call, hers.id)).id).toBe(hers.id);
    expect((await get(agent.call, platform.id)).id).toBe(platform.id);
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['PATCH', '', { display_name: 'taken over' }],
      ['POST', '/probe'],
      ['POST', '/effects', { action: 'revoke' }],
      ['POST', '/revoke'],
    ];
    for (const [stranger, id] of [
      [bob, hers.id],
      [ann, platform.id],
      [bob, platform.id],
    ] as const) {
      for (const [method, tail, sent] of routes) {
        const answer = await agent.request(method, `/v1/modelops/credentials/${id}${tail}`, {
          token: stranger.token,
          body: sent,
          headers: { 'if-match': '1' },
        });
        expect(answer, `${method} ${tail}`).toMatchObject({ status: 404, body: { error: 'not_found' } });
      }
      const discovered = await agent.request('GET', `/v1/modelops/discovery/cloud?credential_id=${id}`, {
        token: stranger.token,
      });
      expect(discovered).toMatchObject({ status: 404, body: { error: 'not_found' } });
      const list = await stranger.call(ENDPOINTS.listCredentials, { query: { limit: 200 } });
      expect(list.credentials.map((one) => one.id)).not.toContain(id);
    }
    expect(provider.requests).toHaveLength(0);
  });

  it('lists by pages, newest first, and the revoked only when asked', async () => {
    const { call } = await keyFor(agent, 'lister', 'user');
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await create(call)).id);
    await call(ENDPOINTS.revokeCredential, { params: { id: ids[0]! } });
    const first = await call(ENDPOINTS.listCredentials, { query: { limit: 2 } });
    const second = await call(ENDPOINTS.listCredentials, { query: { limit: 2, cursor: first.next_cursor! } });
    expect([...first.credentials, ...second.credentials].map((one) => one.id)).toEqual(ids.slice(1));
    expect(second.next_cursor).toBeNull();
    const all = await call(ENDPOINTS.listCredentials, { query: { revoked: '1' } });
    expect(all.credentials.map((one) => one.id)).toEqual(ids);
    const none = await call(ENDPOINTS.listCredentials, { query: { provider: 'anthropic' } });
    expect(none.credentials).toEqual([]);
  });
});

describe('changing a credential', () => {
  it('takes a new name without ending anything, and a new secret as a new version', async () => {
    const made = await create(ann.call);
    const renamed = await patch(ann.call, made, { display_name: 'another name' });
    expect(renamed).toMatchObject({ display_name: 'another name', version: 1, rev: made.rev + 1 });
    const replaced = await patch(ann.call, renamed, { api_key: 'sk-a-new-one-9876' });
    expect(replaced).toMatchObject({ api_key_last4: '9876', version: 2 });
    const same = await patch(ann.call, replaced, { api_base_url: `${provider.baseUrl}/` });
    expect(same.version).toBe(2);
    const moved = await patch(ann.call, same, { api_base_url: 'https://elsewhere.example/v1' });
    expect(moved).toMatchObject({ api_base_url: 'https://elsewhere.example/v1', version: 3 });
  });

  it('needs the rev that was read: one of two wins', async () => {
    const made = await create(ann.call);
    const without = await agent.request('PATCH', `/v1/modelops/credentials/${made.id}`, {
      token: ann.token,
      body: { display_name: 'no rev' },
    });
    expect(without).toMatchObject({ status: 400, body: { details: { fields: ['if-match'] } } });
    const both = await Promise.allSettled([
      patch(ann.call, made, { display_name: 'one of two' }),
      patch(agent.call, made, { display_name: 'two of two' }),
    ]);
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const lost = both.find((one) => one.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'conflict' });
  });

  it('does not let its owner take opened ranges along to another address', async () => {
    const hers = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    expect(hers.allowed_ranges).toEqual(LOOPBACK);
    const moved = await patch(ann.call, hers, { api_base_url: 'http://127.0.0.1:1/v1' });
    expect(moved.allowed_ranges).toEqual([]);
    expect(await refused(patch(ann.call, moved, { allowed_ranges: LOOPBACK }))).toMatchObject({
      code: 'forbidden',
    });
  });

  it('is over once it is revoked', async () => {
    const made = await create(ann.call);
    const { credential } = await ann.call(ENDPOINTS.revokeCredential, { params: { id: made.id } });
    expect(credential).toMatchObject({ is_active: false });
    expect(credential.revoked_at).not.toBeNull();
    for (const again of [
      () => patch(ann.call, credential, { display_name: 'x' }),
      () => ann.call(ENDPOINTS.revokeCredential, { params: { id: made.id } }),
      () => ann.call(ENDPOINTS.probeCredential, { params: { id: made.id } }),
      () => ann.call(ENDPOINTS.discoverCloud, { query: { credential_id: made.id } }),
    ])
      expect(await refused(again())).toMatchObject({ code: 'credential_unavailable' });
    expect((await get(ann.call, made.id)).is_active).toBe(false);
  });
});

describe('asking the provider', () => {
  it('tells that it takes the key, and remembers it with the credential', async () => {
    const { id } = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { probe, credential } = await ann.call(ENDPOINTS.probeCredential, { params: { id } });
    expect(probe).toMatchObject({ ok: true, status_code: 200, model_count: provider.models.length });
    expect(credential.last_probe).toEqual(probe);
    expect(provider.requests.map((one) => `${one.method} ${one.path}`)).toEqual(['GET /v1/models']);
  });

  it('tells that it refuses the key, without the words of the provider', async () => {
    const made = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const { id } = await patch(ann.call, made, { api_key: 'sk-wrong-0000000000' });
    const { probe } = await ann.call(ENDPOINTS.probeCredential, { params: { id } });
    expect(probe).toMatchObject({ ok: false, status_code: 401, model_count: null });
    expect(JSON.stringify(probe)).not.toContain('sk-wrong');
    expect((await get(ann.call, id)).last_probe).toEqual(probe);
  });

  it('asks with a key that is not kept', async () => {
    const before = await chief.call(ENDPOINTS.listCredentials, { query: { limit: 200 } });
    const { display_name: _name, ...sent } = body({ allowed_ranges: LOOPBACK });
    const { probe } = await chief.call(ENDPOINTS.testCredential, { body: sent });
    expect(probe.ok).toBe(true);
    const after = await chief.call(ENDPOINTS.listCredentials, { query: { limit: 200 } });
    expect(after.credentials).toHaveLength(before.credentials.length);
  });

  it('sends nothing to a private address that nobody opened', async () => {
    const { id } = await create(ann.call);
    const { display_name: _name, ...sent } = body();
    for (const asked of [
      () => ann.call(ENDPOINTS.probeCredential, { params: { id } }),
      () => ann.call(ENDPOINTS.discoverCloud, { query: { credential_id: id } }),
      () => ann.call(ENDPOINTS.testCredential, { body: sent }),
    ])
      expect(await refused(asked())).toMatchObject({ code: 'forbidden' });
    expect(provider.requests).toHaveLength(0);
  });
});

describe('what a provider offers', () => {
  it('is listed by name, filtered, with the managed models the caller sees', async () => {
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const found = await ann.call(ENDPOINTS.discoverCloud, { query: { credential_id: credential.id } });
    expect(found).toMatchObject({ provider: 'openai_compatible', credential_id: credential.id });
    const names = found.models.map((one) => one.provider_model_id);
    expect(names).toEqual(provider.models.toSorted());
    const { id } = await addCloudModel(ann.call, credential.id, { name: 'discovered' });
    const filtered = await ann.call(ENDPOINTS.discoverCloud, {
      query: { credential_id: credential.id, q: 'PARROT-LARGE' },
    });
    expect(filtered.models).toMatchObject([{ provider_model_id: 'parrot-large', model_ids: [id] }]);
    // Somebody else's private model is not told.
    const bobs = await addCredential(agent, provider, { call: bob.call, name: fresh() });
    const hidden = await bob.call(ENDPOINTS.discoverCloud, {
      query: { credential_id: bobs.id, q: 'parrot-large' },
    });
    expect(hidden.models).toMatchObject([{ model_ids: [] }]);
  });

  it('refuses another provider than that of the credential', async () => {
    const { id } = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const asked = ann.call(ENDPOINTS.discoverCloud, { query: { credential_id: id, provider: 'anthropic' } });
    expect(await refused(asked)).toMatchObject({
      code: 'invalid_argument',
      details: { fields: ['provider'] },
    });
    expect(provider.requests).toHaveLength(0);
  });

  it.each(['401', '422', '500', 'malformed', 'huge-error', 'redirect'] as const)(
    'tells %s as a failure of the provider and passes none of its body on',
    async (fault) => {
      const { id } = await addCredential(agent, provider, { call: ann.call, name: fresh() });
      provider.fail(fault, 10);
      const answer = await agent.request('GET', `/v1/modelops/discovery/cloud?credential_id=${id}`, {
        token: ann.token,
      });
      expect(answer).toMatchObject({ status: 502, body: { error: 'upstream_failed' } });
      expect(answer.text).not.toContain(provider.key);
      expect(answer.text.length).toBeLessThan(2000);
    },
  );
});

describe('revoking a credential', () => {
  it('says before what it would do, ends what used it, and tells who that was', async () => {
    const credential = await addCredential(agent, provider, { call: ann.call, name: fresh() });
    const used = await addCloudModel(ann.call, credential.id, { name: 'ends-with-it' });
    await activateCloudModel(ann.call, used.id);
    const idle = await addCloudModel(ann.call, credential.id, {
      name: 'only-registered',
      provider_model_id: 'parrot-small',
    });
    const { effects } = await ann.call(ENDPOINTS.previewCredentialEffects, {
      params: { id: credential.id },
      body: { action: 'revoke' },
    });
    expect(effects.map((effect) => effect.code)).toEqual(['secret_erased', 'models_end', 'provider_keeps']);
    expect(effects[1]?.sentence).toContain(used.id);

    // Everything this revocation does is one step: whoever reads sees all of it or nothing.
    const answer = await agent.call(ENDPOINTS.revokeCredential, { params: { id: credential.id } });
    expect(answer).toMatchObject({
      affected_models: [used.id, idle.id].toSorted(),
      affected_model_count: 2,
      credential: { is_active: false, model_count: 2 },
    });
    const { model } = await ann.call(ENDPOINTS.getModel, { params: { id: used.id } });
    expect(model).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      validation_expires_at: null,
      validation_error: { reason: 'credential_revoked' },
      credential: { status: 'revoked', id: credential.id },
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 10 } });
    const subjects = audit.map((row) => `${row.action} ${row.subject}`);
    expect(subjects).toContain(`model.validation_stale model:${used.id}`);
    expect(subjects).toContain(`credential.revoked credential:${credential.id}`);
    // Activating asks for the credential first, then for the validation.
    const activated = ann.call(ENDPOINTS.activateModel, { params: { id: used.id } });
    expect(await refused(activated)).toMatchObject({ code: 'credential_unavailable' });
  });
});
