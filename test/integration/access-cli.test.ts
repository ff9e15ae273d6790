import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Group, type Key, type Principal } from '../../src/shared/contract/index.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let data: string;
let agent: TestAgent;

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await startTestAgent(data);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** The JSON that a command answers. @throws with its stderr when it fails. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli(data, [...args, '--json']);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

/** What a command says to a person. */
async function text(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(data, args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

async function refusal(...args: string[]): Promise<unknown> {
  const { code, stderr } = await cli(data, [...args, '--json']);
  expect(code).toBe(1);
  return JSON.parse(stderr);
}

const status = async (token: string): Promise<number> =>
  (await agent.request('GET', '/v1/session', { token })).status;

describe('people on the command line', () => {
  it('are added, shown, changed, shut out, let in and erased by name', async () => {
    expect(await text('principals', 'add', 'ada', '--role', 'admin', '--display-name', 'Ada L.')).toContain(
      'ada is added with the role admin.',
    );
    const { principal } = await json<{ principal: Principal }>('principals', 'show', 'ada');
    expect(principal).toMatchObject({ kind: 'person', display_name: 'Ada L.', role: 'admin' });
    expect(await text('principals')).toMatch(/ada +admin/);
    const { token } = await json<{ token: string }>('keys', 'create', 'ada-laptop', '--for', 'ada');
    expect(await text('principals', 'disable', 'ada')).toContain('ada is shut out');
    expect(await status(token)).toBe(401);
    expect(await text('principals')).toMatch(/ada +admin +disabled/);
    await text('principals', 'enable', principal.id);
    expect(await status(token)).toBe(200);
    expect(await text('principals', 'edit', 'ada', '--role', 'user')).toContain('ada (person, user)');
    expect(await refusal('principals', 'edit', 'ada')).toMatchObject({ error: 'invalid_argument' });
    expect(await json('principals', 'remove', 'ada')).toEqual({
      deleted: true,
      id: principal.id,
      revoked_keys: 1,
    });
    expect(await status(token)).toBe(401);
    expect(await refusal('principals', 'show', 'ada')).toMatchObject({ error: 'not_found' });
    expect(await refusal('principals', 'disable', 'admin')).toMatchObject({
      error: 'dependencies_unsatisfied',
    });
  });

  it('are put into groups and taken out', async () => {
    await text('principals', 'add', 'batch', '--service');
    await text('groups', 'add', 'analysts', '--description', 'Those who count');
    expect(await text('groups', 'member', 'add', 'analysts', 'batch')).toBe('batch is in analysts.\n');
    // What the shell offers while it is typed.
    expect(await text('__complete', '--', 'groups', 'member', 'add', 'an')).toBe('analysts\n');
    expect(await text('__complete', '--', 'principals', 'show', 'ba')).toBe('batch\n');
    expect(await text('groups', 'show', 'analysts')).toContain('members  batch');
    expect(await text('groups', 'list')).toMatch(/analysts +1 +0 +Those who count/);
    const { group } = await json<{ group: Group }>('groups', 'edit', 'analysts', '--name', 'counters');
    expect(group).toMatchObject({ name: 'counters', rev: 2 });
    expect(await text('groups', 'member', 'remove', group.id, 'batch')).toContain('no longer in counters');
    expect(await refusal('groups', 'member', 'add', 'counters', 'nobody')).toMatchObject({
      error: 'not_found',
    });
    await text('groups', 'remove', 'counters');
    expect(await json('groups', 'list')).toEqual({ groups: [], next_cursor: null });
  });
});

describe('keys on the command line', () => {
  it('are made with rights, shown, changed, rotated and revoked by name', async () => {
    const made = await json<{ token: string; key: Key }>(
      'keys',
      'create',
      'ci',
      '--role',
      'admin',
      '--scopes',
      'invoke,read',
      '--expires',
      '30d',
      '--rate-limit',
      '60',
      '--token-budget',
      '100000',
    );
    expect(made.key).toMatchObject({
      role: 'admin',
      principal_name: 'ci',
      scopes: ['invoke', 'read'],
      rate_limit_per_minute: 60,
      daily_token_budget: 100_000,
    });
    const days = (Date.parse(made.key.expires_at!) - Date.parse(made.key.created_at)) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThan(30.1);
    const shown = await text('keys', 'show', 'ci');
    for (const part of ['60 calls a minute', '100,000 a day', 'invoke, read', 'last used     —'])
      expect(shown).toContain(part);
    const { key } = await json<{ key: Key }>(
      'keys',
      'edit',
      'ci',
      '--rate-limit',
      'none',
      '--expires',
      'none',
      '--scopes',
      'read',
    );
    expect(key).toMatchObject({
      rate_limit_per_minute: null,
      expires_at: null,
      daily_token_budget: 100_000,
      scopes: ['read'],
    });
    const next = await json<{ token: string; key: Key; replaced: Key }>(
      'keys',
      'rotate',
      'ci',
      '--overlap',
      '0s',
    );
    expect(next.replaced).toMatchObject({ id: key.id, replaced_by: next.key.id });
    expect([await status(made.token), await status(next.token)]).toEqual([401, 200]);
    expect(await text('keys', 'revoke', 'ci', '--dry-run')).toBe(
      'Used just now, 0 calls today.\nCalls with it get 401 from now on. It cannot come back.\n',
    );
    expect(await status(next.token)).toBe(200);
    expect(await text('keys', 'revoke', 'ci')).toBe('ci is revoked.\n');
    expect(await status(next.token)).toBe(401);
    const { keys } = await json<{ keys: Key[] }>('keys', 'list', '--for', 'ci');
    expect(keys.map((one) => one.id)).toEqual([key.id]);
    const all = await json<{ keys: Key[] }>('keys', 'list', '--for', 'ci', '--all');
    expect(all.keys).toHaveLength(2);
  });

  it.each([
    ['a limit that is none', ['keys', 'create', 'x', '--rate-limit', 'fast'], ['rate-limit']],
    ['an end that is no time', ['keys', 'create', 'x', '--expires', 'soon'], ['expires']],
    ['an end in the past', ['keys', 'create', 'x', '--expires', '2020-01-01'], ['expires_at']],
    ['an overlap that is none', ['keys', 'rotate', 'admin-token', '--overlap', 'long'], ['overlap']],
    ['a scope nobody knows', ['keys', 'create', 'x', '--scopes', 'read,fly'], ['scopes.1']],
  ])('are refused with %s', async (_name, args, fields) => {
    expect(await refusal(...args)).toMatchObject({ error: 'invalid_argument', details: { fields } });
    expect((await agent.call(ENDPOINTS.listPrincipals, { query: { q: 'x' } })).principals).toEqual([]);
  });
});
