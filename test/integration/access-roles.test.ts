import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENDPOINTS,
  KEY_SCOPES,
  scopeOf,
  type Endpoint,
  type KeyScope,
} from '../../src/shared/contract/index.ts';
import { ROLES, roleCovers, type Role } from '../../src/shared/lifecycle/index.ts';
import { startTestAgent, type TestAgent } from '../support/agent.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * Who reaches which route, written by hand: `role` or `role, owner role`, and the scope that a key needs. A route that is
 * added or changed has to be decided here as well.
 */
const MATRIX: Record<keyof typeof ENDPOINTS, string> = {
  getHealth: 'open',
  createSession: 'open',

  getSession: 'user / any',
  deleteSession: 'user / any',

  listServedModels: 'user / invoke',
  getServedModel: 'user / invoke',
  createChatCompletion: 'user / invoke',
  createCompletion: 'user / invoke',
  createEmbedding: 'user / invoke',
  createRerank: 'user / invoke',
  generateText: 'user / invoke',
  inferText: 'user / invoke',

  getSystem: 'user / read',
  getProfile: 'user / read',
  getOpenApi: 'user / read',
  streamEvents: 'user / read',
  listAudit: 'user / read',
  listModels: 'user / read',
  getModel: 'user / read',
  listTestRuns: 'user / read',
  listValidators: 'user / read',
  listValidations: 'user / read',
  listFamilies: 'user / read',
  getFamily: 'user / read',
  listVersions: 'user / read',
  listViews: 'user / read',
  listCredentials: 'user / read',
  getCredential: 'user / read',
  listUsage: 'user / read',
  exportUsage: 'user / read',
  listUsageEvents: 'user / read',
  getModelUsage: 'user / read',

  createSessionCode: 'user / manage',
  createModel: 'user / manage',
  bulkModels: 'user / manage',
  putView: 'user / manage',
  deleteView: 'user / manage',
  createCredential: 'user / manage',
  testCredential: 'user / manage',
  patchCredential: 'user / manage',
  probeCredential: 'user / manage',
  previewCredentialEffects: 'user / manage',
  revokeCredential: 'user / manage',

  getDoctor: 'admin / read',
  listRefusedAttempts: 'admin / read',
  verifyAudit: 'admin / read',
  listJobs: 'admin / read',
  getJob: 'admin / read',
  cancelJob: 'admin / manage',
  listRuntimes: 'admin / read',
  listSlots: 'admin / read',
  getSlot: 'admin / read',
  getMetrics: 'admin / read',
  listGpus: 'admin / read',
  getGpuHistory: 'admin / read',
  getHardware: 'admin / read',
  fitSlot: 'admin / read',
  getSlotTelemetry: 'admin / read',
  listImages: 'admin / read',
  listBenchmarks: 'admin / read',
  getBenchmark: 'admin / read',

  discoverCloud: 'admin, owner user / read',
  listTestRuntimes: 'admin, owner user / read',
  registerModel: 'admin, owner user / manage',
  testModel: 'admin, owner user / manage',
  checkModel: 'admin, owner user / manage',
  validateModel: 'admin, owner user / manage',
  activateModel: 'admin, owner user / manage',
  deactivateModel: 'admin, owner user / manage',
  unregisterModel: 'admin, owner user / manage',
  previewEffects: 'admin, owner user / manage',

  patchModel: 'superadmin, owner user / manage',
  putVisibility: 'superadmin, owner user / manage',
  deleteModel: 'superadmin, owner user / manage',
  patchFamily: 'superadmin, owner user / manage',
  deleteFamily: 'superadmin, owner user / manage',
  putAlias: 'superadmin, owner user / manage',
  deleteAlias: 'superadmin, owner user / manage',

  stopSystem: 'superadmin / manage',
  putProfile: 'superadmin / manage',
  previewProfileEffects: 'superadmin / manage',
  listBackups: 'superadmin / read',
  createBackup: 'superadmin / manage',
  unlockSecrets: 'superadmin / manage',
  rewrapSecrets: 'superadmin / manage',
  listPrincipals: 'superadmin / read',
  createPrincipal: 'superadmin / manage',
  getPrincipal: 'superadmin / read',
  patchPrincipal: 'superadmin / manage',
  deletePrincipal: 'superadmin / manage',
  listGroups: 'superadmin / read',
  createGroup: 'superadmin / manage',
  getGroup: 'superadmin / read',
  patchGroup: 'superadmin / manage',
  deleteGroup: 'superadmin / manage',
  putGroupMember: 'superadmin / manage',
  deleteGroupMember: 'superadmin / manage',
  listKeys: 'superadmin / read',
  createKey: 'superadmin / manage',
  getKey: 'superadmin / read',
  patchKey: 'superadmin / manage',
  rotateKey: 'superadmin / manage',
  previewKeyEffects: 'superadmin / manage',
  revokeKey: 'superadmin / manage',
  inspectPath: 'superadmin / manage',
  createSample: 'superadmin / manage',
  getModelFile: 'superadmin / read',
  serveModel: 'admin / manage',
  createSlot: 'superadmin / manage',
  patchSlot: 'superadmin / manage',
  deleteSlot: 'superadmin / manage',
  loadSlot: 'superadmin / manage',
  unloadSlot: 'superadmin / manage',
  restartSlot: 'superadmin / manage',
  getSlotLogs: 'superadmin / read',
  previewSlotEffects: 'superadmin / manage',
  openTerminal: 'superadmin / manage',
  readTerminal: 'superadmin / manage',
  writeTerminal: 'superadmin / manage',
  resizeTerminal: 'superadmin / manage',
  closeTerminal: 'superadmin / manage',
  validateRuntime: 'superadmin / manage',
  renderRuntime: 'superadmin / manage',
  pullImage: 'superadmin / manage',
  importImage: 'superadmin / manage',
  exportImages: 'superadmin / manage',
  pruneImages: 'superadmin / manage',
  startBenchmark: 'superadmin / manage',
};

/** The roles that reach what a role is asked for, by hand as well. */
const COVERED_BY: Record<string, readonly Role[]> = {
  open: ['user', 'reviewer', 'admin', 'superadmin'],
  user: ['user', 'reviewer', 'admin', 'superadmin'],
  admin: ['admin', 'superadmin'],
  superadmin: ['superadmin'],
};

const ROWS = Object.entries<Endpoint>(ENDPOINTS);

let directory: TemporaryDirectory;
let agent: TestAgent;
const byRole = {} as Record<Role, string>;
const byScope = {} as Record<KeyScope, string>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(directory.path);
  for (const role of ROLES)
    byRole[role] = (await agent.call(ENDPOINTS.createKey, { body: { name: `key-${role}`, role } })).token;
  for (const scope of KEY_SCOPES) {
    const body = { name: `only-${scope}`, role: 'superadmin' as const, scopes: [scope] };
    byScope[scope] = (await agent.call(ENDPOINTS.createKey, { body })).token;
  }
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** Nothing of what is sent is valid, so a route that lets the caller in refuses for another reason. */
async function knock(
  row: Endpoint,
  token: string,
): Promise<{ status: number; error: Record<string, unknown> }> {
  const answer = await agent.request(row.method, row.path.replace(/[:*]\w*/g, 'no-such-thing'), {
    token,
    ...(row.method === 'GET' ? {} : { body: { nonsense: 1 } }),
  });
  const { error } = answer.body;
  return {
    status: answer.status,
    error:
      typeof error === 'object' && error !== null
        ? (error as Record<string, unknown>)
        : { ...answer.body, code: error },
  };
}

/** An event stream that lets the caller in does not end, and a stop that does ends the test. */
const canKnock = ([id, row]: [string, Endpoint]): boolean =>
  row.role !== 'open' && row.kind !== 'events' && id !== 'stopSystem';

describe('the matrix of roles', () => {
  it('is written by hand for every route, and the contract says the same', () => {
    const contract = Object.fromEntries(
      ROWS.map(([id, row]) => [
        id,
        row.role === 'open'
          ? 'open'
          : `${row.role}${row.owner === undefined ? '' : `, owner ${row.owner}`} / ${scopeOf(row)}`,
      ]),
    );
    expect(contract).toEqual(MATRIX);
  });

  it('is the table in docs/security.md', () => {
    const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
    const part = /<!-- generated: roles -->([\s\S]*)<!-- end of roles -->/.exec(text)?.[1] ?? '';
    const lines = part.trim().split('\n').slice(2);
    const table = lines.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    const byHand = ROWS.map(([id, { method, path }]) => {
      const [roles = '', scope = 'no key'] = (MATRIX as Record<string, string>)[id]!.split(' / ');
      const [role = '', owner] = roles.split(', ');
      const marks = ROLES.map((one) => (COVERED_BY[role]?.includes(one) === true ? 'yes' : ''));
      return [method, `\`${path}\``, ...marks, owner === undefined ? '' : 'yes', scope];
    });
    expect(table).toEqual(byHand);
  });

  it.each(ROLES)('holds for a key of the role %s on every route', async (role) => {
    for (const [id, row] of ROWS.filter(canKnock)) {
      const { status, error } = await knock(row, byRole[role]);
      if (row.role === 'open' || roleCovers(role, row.owner ?? row.role))
        expect(error['code'], `${role} ${id}`).not.toBe('insufficient_role');
      else
        expect({ status, error }, `${role} ${id}`).toMatchObject({
          status: 403,
          error: { code: 'insufficient_role', details: { needed: row.role, held: role } },
        });
    }
  });

  it.each(KEY_SCOPES)('holds for a superadmin key that may only %s', async (scope) => {
    for (const [id, row] of ROWS.filter(canKnock)) {
      const { status, error } = await knock(row, byScope[scope]);
      const needed = scopeOf(row);
      if (needed === 'any' || needed === scope)
        expect(error['details'] ?? {}, `${scope} ${id}`).not.toHaveProperty('needed_scope');
      else
        expect({ status, error }, `${scope} ${id}`).toMatchObject({
          status: 403,
          error: { code: 'forbidden', details: { needed_scope: needed, scopes: [scope] } },
        });
    }
  });

  it('lets the events be read by every role, and by the scope read alone', async () => {
    const status = async (token: string): Promise<number> => {
      const stop = new AbortController();
      const answer = await fetch(`${agent.url}/v1/events`, {
        headers: { authorization: `Bearer ${token}` },
        signal: stop.signal,
      });
      stop.abort();
      return answer.status;
    };
    for (const role of ROLES) expect(await status(byRole[role])).toBe(200);
    expect(await status(byScope.read)).toBe(200);
    expect(await status(byScope.manage)).toBe(403);
    expect(await status(byScope.invoke)).toBe(403);
  });

  it('lets only a superadmin stop the node', async () => {
    for (const role of ROLES.filter((one) => one !== 'superadmin'))
      expect((await knock(ENDPOINTS.stopSystem, byRole[role])).error['code']).toBe('insufficient_role');
  });
});

describe('scopes', () => {
  it('let a key that may only invoke list the models it can call, and nothing of the control plane', async () => {
    expect(await agent.request('GET', '/v1/models', { token: byScope.invoke })).toMatchObject({
      status: 200,
      body: { object: 'list', data: [] },
    });
    expect(await agent.request('GET', '/v1/modelops/models', { token: byScope.invoke })).toMatchObject({
      status: 403,
      body: { error: 'forbidden', details: { needed_scope: 'read' } },
    });
    expect((await agent.request('GET', '/v1/session', { token: byScope.invoke })).status).toBe(200);
  });

  it('are passed on to a session, which may all where the key may all', async () => {
    const open = async (token: string) => {
      const { code } = await agent.as(token)(ENDPOINTS.createSessionCode, {});
      return (await agent.as(null)(ENDPOINTS.createSession, { body: { code } })).key.scopes;
    };
    expect(await open(byRole.user)).toEqual(['invoke', 'read', 'manage']);
    expect(await open(byScope.manage)).toEqual(['manage']);
  });
});
