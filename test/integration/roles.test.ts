import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Endpoint } from '../../src/shared/contract/index.ts';
import { ROLES, type Role } from '../../src/shared/lifecycle/index.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { RELATIONS, writeCloudModels, type CloudModel, type Relation } from '../support/role-objects.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * Every route on a model or a family, asked by every role on a cloud model of its own, on one that is private to somebody
 * else, on one that is assigned to the caller by name, and on one of the platform.
 */

type Outcome = 'in' | 'missing' | 'forbidden';
/** In the order of ROLES: user, reviewer, admin, superadmin. */
type Outcomes = readonly [Outcome, Outcome, Outcome, Outcome];

const ALL: Outcomes = ['in', 'in', 'in', 'in'];
const HIDDEN: Outcomes = ['missing', 'missing', 'missing', 'in'];
const ADMINS: Outcomes = ['forbidden', 'forbidden', 'in', 'in'];
const SUPERADMINS: Outcomes = ['forbidden', 'forbidden', 'forbidden', 'in'];

/** Written by hand: who gets in, by what the route asks for. */
const EXPECTED: Record<
  'sees' | 'admin' | 'administrator' | 'superadmin' | 'node',
  Record<Relation, Outcomes>
> = {
  /** Whoever sees it. */
  sees: { own: ALL, foreign: HIDDEN, assigned: ALL, platform: ALL },
  /** An admin who sees it, and its owner. */
  admin: { own: ALL, foreign: HIDDEN, assigned: ADMINS, platform: ADMINS },
  /** An admin who sees it; owning it is not enough. */
  administrator: {
    own: ADMINS,
    foreign: ['forbidden', 'forbidden', 'missing', 'in'],
    assigned: ADMINS,
    platform: ADMINS,
  },
  /** A superadmin, and its owner. */
  superadmin: { own: ALL, foreign: HIDDEN, assigned: SUPERADMINS, platform: SUPERADMINS },
  /** A superadmin only, because it is about the node and not the model: nobody else learns whether it exists. */
  node: { own: SUPERADMINS, foreign: SUPERADMINS, assigned: SUPERADMINS, platform: SUPERADMINS },
};

interface Ask {
  readonly rule: keyof typeof EXPECTED;
  readonly body?: (id: string) => unknown;
  readonly ifMatch?: boolean;
  /** What is asked for below the model may be missing: only a refusal of the role counts. */
  readonly mayMiss?: boolean;
}

const MODEL_ROUTES: Partial<Record<keyof typeof ENDPOINTS, Ask>> = {
  getModel: { rule: 'sees' },
  listTestRuns: { rule: 'sees' },
  listValidations: { rule: 'sees' },
  getModelUsage: { rule: 'sees' },
  registerModel: { rule: 'admin' },
  testModel: { rule: 'admin', body: () => ({ inputs: { prompt: 'x' } }) },
  checkModel: { rule: 'admin' },
  validateModel: { rule: 'admin', body: () => ({ test_run_id: 'no-such-run' }) },
  activateModel: { rule: 'admin' },
  deactivateModel: { rule: 'admin' },
  unregisterModel: { rule: 'admin' },
  previewEffects: { rule: 'admin', body: () => ({ action: 'activate' }) },
  listTestRuntimes: { rule: 'admin' },
  patchModel: { rule: 'superadmin', body: () => ({ description: 'x' }), ifMatch: true },
  putVisibility: { rule: 'superadmin', body: () => ({ visibility_scope: 'private' }) },
  deleteModel: { rule: 'superadmin' },
  getModelFile: { rule: 'node', mayMiss: true },
  serveModel: { rule: 'administrator', body: () => ({}) },
};

const FAMILY_ROUTES: Partial<Record<keyof typeof ENDPOINTS, Ask>> = {
  getFamily: { rule: 'sees' },
  listVersions: { rule: 'sees' },
  patchFamily: { rule: 'superadmin', body: () => ({ description: 'x' }), ifMatch: true },
  putAlias: { rule: 'superadmin', body: () => ({ version: 1 }) },
  deleteAlias: { rule: 'superadmin' },
  deleteFamily: { rule: 'superadmin' },
};

const messages = [{ role: 'user', content: 'x' }];
const GATEWAY_ROUTES: Partial<Record<keyof typeof ENDPOINTS, Ask>> = {
  createChatCompletion: { rule: 'sees', body: (model) => ({ model, messages }) },
  createCompletion: { rule: 'sees', body: (model) => ({ model, prompt: 'x' }) },
  createEmbedding: { rule: 'sees', body: (model) => ({ model, input: 'x' }) },
  createRerank: { rule: 'sees', body: (model) => ({ model, query: 'x', documents: ['y'] }) },
  generateText: { rule: 'sees', body: (id) => ({ model_id: id, prompt: 'x' }) },
  inferText: { rule: 'sees', body: (model) => ({ model, prompt: 'x' }) },
};

const ROUTES = { ...MODEL_ROUTES, ...FAMILY_ROUTES, ...GATEWAY_ROUTES } as Record<string, Ask>;
const rowOf = (id: string): Endpoint => ENDPOINTS[id as keyof typeof ENDPOINTS];
const nameOf = (route: string, role: Role, relation: Relation): string =>
  `${route}-${role}-${relation}`.toLowerCase();

let directory: TemporaryDirectory;
let agent: TestAgent;
const tokens = {} as Record<Role, string>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  agent = await startTestAgent(data);
  const other = await agent.call(ENDPOINTS.createPrincipal, { body: { name: 'other' } });
  const models: CloudModel[] = [];
  for (const role of ROLES) {
    const { token, key } = await agent.call(ENDPOINTS.createKey, { body: { name: `caller-${role}`, role } });
    tokens[role] = token;
    // One for each question: an answer may change or delete it.
    for (const route of Object.keys(ROUTES))
      for (const relation of RELATIONS)
        models.push({
          name: nameOf(route, role, relation),
          relation,
          callerId: key.principal_id,
          otherId: other.principal.id,
        });
  }
  await agent.stop();
  writeCloudModels(data, models);
  agent = await startTestAgent(data);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

async function ask(route: string, id: string, role: Role): Promise<{ status: number; code: unknown }> {
  const row = rowOf(route);
  const { body, ifMatch = false } = ROUTES[route]!;
  const path = row.path
    .replace(/:(id|name)\b/, id)
    .replace(':alias', 'stable')
    .replace('*', 'weights.bin');
  const answer = await agent.request(row.method, path, {
    token: tokens[role],
    ...(body === undefined ? {} : { body: body(id) }),
    headers: ifMatch ? { 'if-match': '1' } : {},
  });
  const { error } = answer.body;
  return { status: answer.status, code: (error as { code?: string } | undefined)?.code ?? error };
}

function outcomeOf({ status, code }: { status: number; code: unknown }, mayMiss: boolean): string {
  if (status === 403 && (code === 'insufficient_role' || code === 'forbidden')) return 'forbidden';
  if (code === 'not_found' && !mayMiss) return 'missing';
  // What the state of the model refuses, the caller was let in to ask.
  return status < 500 && status !== 401 && status !== 403 ? 'in' : `${status} ${String(code)}`;
}

describe.each(Object.entries(ROUTES))('%s', (route, { rule, mayMiss = false }) => {
  it.each(RELATIONS)('on a model that is %s', async (relation) => {
    const found: string[] = [];
    for (const role of ROLES)
      found.push(outcomeOf(await ask(route, nameOf(route, role, relation), role), mayMiss));
    expect(found).toEqual(EXPECTED[rule][relation]);
  });

  it('on one that does not exist', async () => {
    const row = rowOf(route);
    for (const role of ROLES) {
      const needed = EXPECTED[rule].own[ROLES.indexOf(role)];
      if (needed !== 'in') continue;
      expect(await ask(route, 'no-such-thing', role), `${row.method} ${row.path} ${role}`).toEqual({
        status: 404,
        code: 'not_found',
      });
    }
  });
});

it('covers every route of the contract on one model or one family', () => {
  const onOne = Object.entries<Endpoint>(ENDPOINTS).flatMap(([id, row]) =>
    /^\/v1\/modelops\/(models\/:id|registry\/:name)/.test(row.path) ? [id] : [],
  );
  expect(Object.keys({ ...MODEL_ROUTES, ...FAMILY_ROUTES }).toSorted()).toEqual(onOne.toSorted());
});

it('shows in lists what a caller sees, and no more', async () => {
  for (const role of ROLES) {
    const answer = await agent.request('GET', '/v1/modelops/models?q=getmodel-&limit=200', {
      token: tokens[role],
    });
    const ids = (answer.body['models'] as { id: string }[]).map((model) => model.id);
    const mine = ids.filter((id) => id.startsWith(`getmodel-${role}-`)).toSorted();
    const relations = role === 'superadmin' ? RELATIONS : RELATIONS.filter((one) => one !== 'foreign');
    expect(mine).toEqual(relations.map((relation) => nameOf('getModel', role, relation)).toSorted());
  }
});
