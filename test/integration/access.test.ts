import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Key, type Principal } from '../../src/shared/contract/index.ts';
import { readEvents } from '../../src/cli/events.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { refused as refusalOf } from '../support/refusals.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

let directory: TemporaryDirectory;
let agent: TestAgent;
let now = Date.now();

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), { clock: { now: () => now } });
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const refused = async (run: Promise<unknown>, code: string): Promise<void> => {
  expect((await refusalOf(run)).code).toBe(code);
};
const call: TestAgent['call'] = (row, input) => agent.call(row, input);
const addPerson = async (name: string, role: Principal['role'] = 'user'): Promise<Principal> =>
  (await call(ENDPOINTS.createPrincipal, { body: { name, role } })).principal;
const keyOf = async (principal: Principal, name: string): Promise<{ token: string; key: Key }> =>
  call(ENDPOINTS.createKey, { body: { name, principal_id: principal.id } });
const get = (path: string, token: string) => agent.request('GET', path, { token });
const patch = (id: string, rev: number, body: unknown) =>
  agent.request('PATCH', `/v1/modelops/access/principals/${id}`, {
    body,
    headers: { 'if-match': String(rev) },
  });
const sessionOf = async (token: string): Promise<{ token: string; key: Key }> => {
  const { code } = await agent.as(token)(ENDPOINTS.createSessionCode, {});
  return agent.as(null)(ENDPOINTS.createSession, { body: { code } });
};
const journalOf = async (subject: string): Promise<string[]> => {
  const answer = await agent.request('GET', `/v1/modelops/audit?subject=${encodeURIComponent(subject)}`);
  const [rows] = Object.values(answer.body).filter(Array.isArray) as { action: string }[][];
  return (rows ?? []).map((row) => row.action).toReversed();
};

describe('people and services', () => {
  it('are added, found, changed and told in the journal', async () => {
    const body = { name: 'ada', display_name: 'Ada Lovelace', role: 'reviewer' as const };
    const { principal } = await call(ENDPOINTS.createPrincipal, { body });
    expect(principal).toMatchObject({ kind: 'person', rev: 1, role: 'reviewer', groups: [], key_count: 0 });
    expect((await call(ENDPOINTS.getPrincipal, { params: { id: principal.id } })).principal).toEqual(
      principal,
    );
    for (const q of ['ADA', 'lovelace'])
      expect((await call(ENDPOINTS.listPrincipals, { query: { q } })).principals).toEqual([principal]);
    expect(
      (await call(ENDPOINTS.listPrincipals, { query: { role: 'reviewer' } })).principals.map(
        (one) => one.name,
      ),
    ).toEqual(['ada']);
    expect(await patch(principal.id, 1, { display_name: 'Ada' })).toMatchObject({
      status: 200,
      body: { principal: { rev: 2, display_name: 'Ada', role: 'reviewer' } },
    });
    expect(await journalOf(`principal:${principal.id}`)).toEqual(['principal.created', 'principal.changed']);
  });

  it('have names that are unique, and come in pages', async () => {
    await refused(call(ENDPOINTS.createPrincipal, { body: { name: 'ada' } }), 'already_exists');
    await refused(call(ENDPOINTS.createPrincipal, { body: { name: 'admin' } }), 'already_exists');
    for (const name of ['page-a', 'page-b', 'page-c']) await addPerson(name);
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { principals: Principal[]; next_cursor: string | null } = await call(
        ENDPOINTS.listPrincipals,
        { query: { q: 'page-', limit: 2, ...(cursor === null ? {} : { cursor }) } },
      );
      expect(page.principals.length).toBeLessThanOrEqual(2);
      names.push(...page.principals.map((one) => one.name));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(names).toEqual(['page-a', 'page-b', 'page-c']);
  });

  it('are changed only by who read the last state', async () => {
    const person = await addPerson('contested');
    const both = await Promise.all([
      patch(person.id, 1, { role: 'admin' }),
      patch(person.id, 1, { display_name: 'X' }),
    ]);
    expect(both.map((answer) => answer.status)).toEqual(expect.arrayContaining([200, 409]));
    expect(both.find((answer) => answer.status === 409)?.body).toMatchObject({ error: 'conflict' });
    expect(
      await agent.request('PATCH', `/v1/modelops/access/principals/${person.id}`, { body: {} }),
    ).toMatchObject({ status: 400, body: { details: { fields: ['if-match'] } } });
    expect(await patch('nobody', 1, {})).toMatchObject({ status: 404 });
  });

  it('give a key at most their role, from the next request on', async () => {
    const person = await addPerson('grace', 'admin');
    const { token, key } = await keyOf(person, 'grace-laptop');
    expect(key).toMatchObject({ role: 'admin', principal_id: person.id, principal_name: 'grace' });
    const session = await sessionOf(token);
    expect((await get('/v1/modelops/jobs', token)).status).toBe(200);
    expect((await patch(person.id, 1, { role: 'user' })).status).toBe(200);
    for (const one of [token, session.token]) {
      expect(await get('/v1/modelops/jobs', one)).toMatchObject({
        status: 403,
        body: { error: 'insufficient_role', details: { needed: 'admin', held: 'user' } },
      });
      expect((await get('/v1/session', one)).body).toMatchObject({ key: { role: 'user' } });
    }
    await patch(person.id, 2, { role: 'superadmin' });
    // The key itself was made for an admin.
    expect((await get('/v1/modelops/jobs', token)).status).toBe(200);
    expect((await get('/v1/modelops/access/keys', token)).status).toBe(403);
  });

  it('are shut out at once when they are disabled, streams included, and let back in', async () => {
    const person = await addPerson('linus');
    const { token } = await keyOf(person, 'linus-laptop');
    const session = await sessionOf(token);
    const stop = new AbortController();
    const events = readEvents({ url: agent.url, token }, 'journal', stop.signal);
    expect((await events.next()).value).toMatchObject({ name: 'stream.open' });
    expect((await patch(person.id, 1, { disabled: true })).body).toMatchObject({
      principal: { disabled_at: expect.any(String) },
    });
    for (const one of [token, session.token])
      expect(await get('/v1/session', one)).toMatchObject({
        status: 401,
        body: { error: 'unauthenticated', details: { reason: 'principal_disabled' } },
      });
    while ((await events.next()).done !== true);
    stop.abort();
    await refused(
      call(ENDPOINTS.createKey, { body: { name: 'linus-2', principal_id: person.id } }),
      'dependencies_unsatisfied',
    );
    await patch(person.id, 2, { disabled: false });
    for (const one of [token, session.token]) expect((await get('/v1/session', one)).status).toBe(200);
    expect((await journalOf(`principal:${person.id}`)).slice(1)).toEqual([
      'principal.disabled',
      'principal.enabled',
    ]);
  });

  it('are erased: keys end, the name goes and is free again, the journal keeps the id', async () => {
    const person = await addPerson('eve');
    const { token, key } = await keyOf(person, 'eve-laptop');
    const session = await sessionOf(token);
    const { group } = await call(ENDPOINTS.createGroup, { body: { name: 'eves' } });
    const params = { id: group.id, principal_id: person.id };
    await call(ENDPOINTS.putGroupMember, { params });
    expect(await call(ENDPOINTS.deletePrincipal, { params: { id: person.id } })).toEqual({
      deleted: true,
      id: person.id,
      revoked_keys: 1,
    });
    for (const one of [token, session.token]) expect((await get('/v1/session', one)).status).toBe(401);
    await refused(call(ENDPOINTS.getPrincipal, { params: { id: person.id } }), 'not_found');
    expect((await call(ENDPOINTS.listPrincipals, { query: { q: 'eve' } })).principals).toEqual([]);
    expect((await call(ENDPOINTS.getGroup, { params: { id: group.id } })).group.members).toEqual([]);
    expect((await call(ENDPOINTS.getKey, { params: { id: key.id } })).key).toMatchObject({
      principal_id: person.id,
      principal_name: '',
      revoked_at: expect.any(String),
    });
    expect((await journalOf(`principal:${person.id}`)).at(-1)).toBe('principal.erased');
    expect((await addPerson('eve')).id).not.toBe(person.id);
    await refused(call(ENDPOINTS.deletePrincipal, { params: { id: person.id } }), 'not_found');
  });

  it('never leave the node without its built-in superadmin', async () => {
    const { principals } = await call(ENDPOINTS.listPrincipals, {
      query: { q: 'admin', role: 'superadmin' },
    });
    const admin = principals.find((one) => one.name === 'admin')!;
    for (const body of [{ disabled: true }, { role: 'admin' }])
      expect(await patch(admin.id, admin.rev, body)).toMatchObject({
        status: 409,
        body: { error: 'dependencies_unsatisfied', details: { reason: 'built_in' } },
      });
    await refused(call(ENDPOINTS.deletePrincipal, { params: { id: admin.id } }), 'dependencies_unsatisfied');
    expect(await patch(admin.id, admin.rev, { display_name: 'Root' })).toMatchObject({ status: 200 });
  });
});

describe('groups', () => {
  it('are made, changed, filled and deleted', async () => {
    const [a, b] = [await addPerson('member-b'), await addPerson('member-a')];
    const made = { name: 'analysts', description: 'Those who count' };
    const { group } = await call(ENDPOINTS.createGroup, { body: made });
    expect(group).toMatchObject({ ...made, rev: 1, members: [], model_count: 0 });
    await refused(call(ENDPOINTS.createGroup, { body: { name: 'analysts' } }), 'already_exists');
    const add = (id: string) =>
      call(ENDPOINTS.putGroupMember, { params: { id: group.id, principal_id: id } });
    await Promise.all([add(a.id), add(b.id), add(a.id)]);
    const full = (await call(ENDPOINTS.getGroup, { params: { id: group.id } })).group;
    expect(full.members).toEqual([
      { id: b.id, name: 'member-a', kind: 'person' },
      { id: a.id, name: 'member-b', kind: 'person' },
    ]);
    expect((await call(ENDPOINTS.getPrincipal, { params: { id: a.id } })).principal.groups).toEqual([
      { id: group.id, name: 'analysts' },
    ]);
    const change = (rev: number, body: unknown) =>
      agent.request('PATCH', `/v1/modelops/access/groups/${group.id}`, {
        body,
        headers: { 'if-match': String(rev) },
      });
    expect(await change(1, { name: 'counters' })).toMatchObject({ body: { group: { rev: 2 } } });
    expect(await change(1, { name: 'others' })).toMatchObject({ status: 409, body: { error: 'conflict' } });
    await call(ENDPOINTS.createGroup, { body: { name: 'taken' } });
    expect(await change(2, { name: 'taken' })).toMatchObject({ body: { error: 'already_exists' } });
    expect((await call(ENDPOINTS.listGroups, { query: { q: 'count' } })).groups).toHaveLength(1);
    await call(ENDPOINTS.deleteGroupMember, { params: { id: group.id, principal_id: a.id } });
    await call(ENDPOINTS.deleteGroup, { params: { id: group.id } });
    await refused(call(ENDPOINTS.getGroup, { params: { id: group.id } }), 'not_found');
    await refused(add(a.id), 'not_found');
    expect(await journalOf(`group:${group.id}`)).toEqual([
      'group.created',
      'group.member_added',
      'group.member_added',
      'group.changed',
      'group.member_removed',
      'group.deleted',
    ]);
  });

  it('take nobody who does not exist', async () => {
    const { group } = await call(ENDPOINTS.createGroup, { body: { name: 'empty' } });
    const params = { id: group.id, principal_id: 'nobody' };
    await expect(call(ENDPOINTS.putGroupMember, { params })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('keys', () => {
  const create = (body: Record<string, unknown>) =>
    agent.request('POST', '/v1/modelops/access/keys', { body });

  it('come with a service of their own', async () => {
    const { key } = await call(ENDPOINTS.createKey, { body: { name: 'nightly', role: 'admin' } });
    const { principal } = await call(ENDPOINTS.getPrincipal, { params: { id: key.principal_id } });
    expect(principal).toMatchObject({ name: 'nightly', kind: 'service', role: 'admin', key_count: 1 });
    expect((await call(ENDPOINTS.listKeys, { query: { principal_id: principal.id } })).keys).toEqual([key]);
    // Made again after it was revoked, it is the same service.
    await call(ENDPOINTS.revokeKey, { params: { id: key.id } });
    const again = await call(ENDPOINTS.createKey, { body: { name: 'nightly' } });
    expect(again.key).toMatchObject({ principal_id: principal.id, role: 'user' });
  });

  it('leave nothing behind when they are refused', async () => {
    const past = new Date(now - 1).toISOString();
    expect(await create({ name: 'late', expires_at: past })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['expires_at'] } },
    });
    expect((await call(ENDPOINTS.listPrincipals, { query: { q: 'late' } })).principals).toEqual([]);
    const person = await addPerson('hopper', 'reviewer');
    expect(await create({ name: 'too-high', principal_id: person.id, role: 'admin' })).toMatchObject({
      status: 400,
      body: { details: { fields: ['role'], principal_role: 'reviewer' } },
    });
    expect(await create({ name: 'nobodys', principal_id: 'nobody' })).toMatchObject({ status: 404 });
    expect(await create({ name: 'hopper' })).toMatchObject({
      status: 409,
      body: { error: 'already_exists', details: { principal_id: person.id } },
    });
    expect((await call(ENDPOINTS.listKeys, { query: { principal_id: person.id } })).keys).toEqual([]);
  });

  it('of the desktop stay with whoever makes them', async () => {
    const { key } = await call(ENDPOINTS.createKey, {
      body: { name: 'desktop-me', role: 'superadmin', kind: 'desktop' },
    });
    expect(key).toMatchObject({ kind: 'desktop', principal_name: 'admin', role: 'superadmin' });
    await refused(
      call(ENDPOINTS.rotateKey, { params: { id: key.id }, body: {} }),
      'dependencies_unsatisfied',
    );
  });

  it('are changed: scopes, end and limits', async () => {
    const { token, key } = await call(ENDPOINTS.createKey, { body: { name: 'changing' } });
    const change = (body: Record<string, unknown>) =>
      agent.request('PATCH', `/v1/modelops/access/keys/${key.id}`, { body });
    expect((await get('/v1/modelops/models', token)).status).toBe(200);
    expect((await change({ scopes: ['invoke'], rate_limit_per_minute: 7 })).body).toMatchObject({
      key: { scopes: ['invoke'], rate_limit_per_minute: 7, daily_token_budget: null },
    });
    expect((await get('/v1/modelops/models', token)).status).toBe(403);
    const end = new Date(now + MINUTE).toISOString();
    expect((await change({ expires_at: end })).body).toMatchObject({
      key: { expires_at: end, scopes: ['invoke'], rate_limit_per_minute: 7 },
    });
    expect((await change({ expires_at: new Date(now - 1).toISOString() })).status).toBe(400);
    now += MINUTE;
    expect((await get('/v1/session', token)).body).toMatchObject({ details: { reason: 'expired' } });
    // A new end is a new life.
    await change({ expires_at: null, rate_limit_per_minute: null });
    expect((await get('/v1/session', token)).body).toMatchObject({
      key: { expires_at: null, rate_limit_per_minute: null },
    });
    await call(ENDPOINTS.revokeKey, { params: { id: key.id } });
    expect(await change({ expires_at: null })).toMatchObject({ body: { error: 'dependencies_unsatisfied' } });
    expect(await journalOf(`key:${key.id}`)).toEqual([
      'key.created',
      'key.changed',
      'key.changed',
      'key.changed',
      'key.revoked',
    ]);
  });

  it('are rotated with an overlap', async () => {
    const { token, key } = await call(ENDPOINTS.createKey, {
      body: {
        name: 'rotating',
        role: 'admin',
        scopes: ['read'],
        expires_at: new Date(now + 10 * DAY).toISOString(),
      },
    });
    now += DAY;
    const session = await sessionOf(token).catch(() => null);
    expect(session, 'a key without the scope manage opens no session').toBeNull();
    const next = await call(ENDPOINTS.rotateKey, { params: { id: key.id }, body: { overlap_seconds: 60 } });
    expect(next.key).toMatchObject({
      name: 'rotating',
      role: 'admin',
      scopes: ['read'],
      principal_id: key.principal_id,
      expires_at: new Date(now + 10 * DAY).toISOString(),
      replaced_by: null,
    });
    expect(next.replaced).toMatchObject({
      id: key.id,
      replaced_by: next.key.id,
      expires_at: new Date(now + MINUTE).toISOString(),
    });
    for (const one of [token, next.token]) expect((await get('/v1/modelops/jobs', one)).status).toBe(200);
    await refused(
      call(ENDPOINTS.rotateKey, { params: { id: key.id }, body: {} }),
      'dependencies_unsatisfied',
    );
    now += MINUTE;
    expect((await get('/v1/modelops/jobs', token)).status).toBe(401);
    expect((await get('/v1/modelops/jobs', next.token)).status).toBe(200);
    const last = await call(ENDPOINTS.rotateKey, {
      params: { id: next.key.id },
      body: { overlap_seconds: 0 },
    });
    expect((await get('/v1/modelops/jobs', next.token)).status).toBe(401);
    expect((await get('/v1/modelops/jobs', last.token)).status).toBe(200);
    await refused(call(ENDPOINTS.createKey, { body: { name: 'rotating' } }), 'already_exists');
  });

  it('end with the sessions that were opened with them', async () => {
    const { token, key } = await call(ENDPOINTS.createKey, { body: { name: 'opener', role: 'admin' } });
    const first = await sessionOf(token);
    const second = await sessionOf(first.token);
    expect(second.key).toMatchObject({ kind: 'session', principal_id: key.principal_id, role: 'admin' });
    now += 2 * MINUTE;
    const { effects } = await call(ENDPOINTS.previewKeyEffects, {
      params: { id: key.id },
      body: { action: 'revoke' },
    });
    expect(effects.map((effect) => effect.sentence)).toEqual([
      'Used 2 min ago, 0 calls today.',
      'Calls with it get 401 from now on. It cannot come back.',
      '2 sessions opened with it end.',
    ]);
    const { code } = await agent.as(token)(ENDPOINTS.createSessionCode, {});
    const both = await Promise.all([
      call(ENDPOINTS.revokeKey, { params: { id: key.id } }),
      call(ENDPOINTS.revokeKey, { params: { id: key.id } }),
    ]);
    expect(new Set(both.map((answer) => answer.key.revoked_at)).size).toBe(1);
    expect((await journalOf(`key:${key.id}`)).filter((action) => action === 'key.revoked')).toHaveLength(1);
    for (const one of [token, first.token, second.token])
      expect((await get('/v1/session', one)).status).toBe(401);
    await refused(agent.as(null)(ENDPOINTS.createSession, { body: { code } }), 'unauthenticated');
  });

  it('of the node itself stay as they are', async () => {
    const { keys } = await call(ENDPOINTS.listKeys, { query: { limit: 200 } });
    const admin = keys.find((key) => key.kind === 'admin')!;
    const params = { id: admin.id };
    await refused(
      call(ENDPOINTS.patchKey, { params, body: { scopes: ['read'] } }),
      'dependencies_unsatisfied',
    );
    await refused(call(ENDPOINTS.rotateKey, { params, body: {} }), 'dependencies_unsatisfied');
    await refused(call(ENDPOINTS.revokeKey, { params }), 'dependencies_unsatisfied');
    expect((await get('/v1/session', agent.token)).status).toBe(200);
  });
});

describe('a clock that is set back by a day', () => {
  it('neither ends a session that is in use nor brings back what has ended', async () => {
    const { token: brief } = await call(ENDPOINTS.createKey, {
      body: { name: 'brief', expires_at: new Date(now + MINUTE).toISOString() },
    });
    const idle = await sessionOf(agent.token);
    now += 13 * 3_600_000;
    const used = await sessionOf(agent.token);
    const late = await agent.call(ENDPOINTS.createSessionCode, {});
    for (const ended of [brief, idle.token])
      expect((await get('/v1/session', ended)).body).toMatchObject({ details: { reason: 'expired' } });

    now -= DAY;
    for (const ended of [brief, idle.token])
      expect((await get('/v1/session', ended)).body).toMatchObject({ details: { reason: 'expired' } });
    const seen = (await get('/v1/session', used.token)).body as { key: Key };
    // Its last use stays where it was: a history does not turn around.
    expect(Date.parse(seen.key.last_used_at!)).toBe(now + DAY);
    await refused(agent.as(null)(ENDPOINTS.createSession, { body: { code: late.code } }), 'unauthenticated');
    const { token: fresh } = await call(ENDPOINTS.createKey, {
      body: { name: 'fresh', expires_at: new Date(now + MINUTE).toISOString() },
    });
    expect((await get('/v1/session', fresh)).status).toBe(200);

    now += DAY;
    expect((await get('/v1/session', used.token)).status).toBe(200);
    expect((await get('/v1/session', fresh)).body).toMatchObject({ details: { reason: 'expired' } });
  });

  it('changes nothing over a restart', async () => {
    const { token } = await call(ENDPOINTS.createKey, {
      body: { name: 'ended', expires_at: new Date(now + MINUTE).toISOString() },
    });
    now += MINUTE;
    expect((await get('/v1/session', token)).status).toBe(401);
    await agent.stop();
    now -= DAY;
    agent = await startTestAgent(join(directory.path, 'data'), { clock: { now: () => now } });
    expect((await get('/v1/session', token)).body).toMatchObject({ details: { reason: 'expired' } });
    now += DAY;
  });
});
