import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import type { LifecycleState, RequestedAction } from '../../src/shared/lifecycle/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { writeModelsInStates, type StateModel } from '../support/state-models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * Every action in every state over HTTP, against a table written by hand: the state a model is in afterwards, or the code
 * of the refusal. The table of the code is not asked.
 */
const STATES = [
  'created',
  'registered',
  'validated',
  'active',
  'inactive',
  'unregistered',
  'deleted',
] as const;
type Row = readonly [
  created: string,
  registered: string,
  validated: string,
  active: string,
  inactive: string,
  unregistered: string,
  deleted: string,
];

const WRONG = 'invalid_state_transition';
const GONE = 'not_found';
const UNSERVED = 'local_model_not_served_by_runtime';

/** `assign` goes through a slot; its verdict is read from the model instead. */
const TABLE: Record<'local' | 'cloud', Record<Exclude<RequestedAction, 'assign'>, Row>> = {
  local: {
    register: ['registered', WRONG, WRONG, WRONG, WRONG, 'registered', GONE],
    test: [WRONG, UNSERVED, UNSERVED, UNSERVED, UNSERVED, WRONG, GONE],
    validate: [
      WRONG,
      'validation_test_required',
      'validation_already_current',
      'validation_already_current',
      'validation_already_current',
      WRONG,
      GONE,
    ],
    activate: [WRONG, WRONG, 'active', WRONG, 'active', WRONG, GONE],
    deactivate: [WRONG, WRONG, WRONG, 'inactive', WRONG, WRONG, GONE],
    unregister: ['unregistered', 'unregistered', 'unregistered', WRONG, 'unregistered', WRONG, GONE],
    delete: [WRONG, WRONG, WRONG, WRONG, WRONG, 'deleted', GONE],
  },
  // Without a credential: what needs the provider is refused, what does not goes its way.
  cloud: {
    register: ['registered', WRONG, WRONG, WRONG, WRONG, 'registered', GONE],
    test: [
      WRONG,
      'credential_unavailable',
      'credential_unavailable',
      'credential_unavailable',
      'credential_unavailable',
      WRONG,
      GONE,
    ],
    validate: [
      WRONG,
      'validation_test_required',
      'validation_already_current',
      'validation_already_current',
      'validation_already_current',
      WRONG,
      GONE,
    ],
    activate: [WRONG, WRONG, 'credential_unavailable', WRONG, 'credential_unavailable', WRONG, GONE],
    deactivate: [WRONG, WRONG, WRONG, 'inactive', WRONG, WRONG, GONE],
    unregister: ['unregistered', 'unregistered', 'unregistered', WRONG, 'unregistered', WRONG, GONE],
    delete: [WRONG, WRONG, WRONG, WRONG, WRONG, 'deleted', GONE],
  },
};
const ASSIGNABLE = new Set<LifecycleState>(['registered', 'validated', 'active', 'inactive']);
const BODIES: Partial<Record<RequestedAction, object>> = { test: { inputs: { prompt: 'x' } }, validate: {} };

const CASES = (['local', 'cloud'] as const).flatMap((hosting) =>
  Object.entries(TABLE[hosting]).flatMap(([action, row]) =>
    STATES.map((state, column) => ({
      id: `${hosting}-${action}-${state}`,
      hosting,
      action,
      state,
      expected: row[column] ?? '',
    })),
  ),
);

let directory: TemporaryDirectory;
let agent: TestAgent;
const racers: StateModel[] = (['registered', 'validated', 'active', 'inactive'] as const).map((state) => ({
  id: `race-${state}`,
  hosting: 'local',
  state,
}));

beforeAll(async () => {
  directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  const first = await startTestAgent(dataDir);
  const { id } = await importModel(
    first,
    await writeSpeakingModel(join(directory.path, 'like.gguf'), 'like'),
    {
      register: false,
    },
  );
  await first.stop();
  writeModelsInStates(dataDir, id, [...CASES, ...racers]);
  agent = await startTestAgent(dataDir);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const ask = (id: string, action: string, headers: Record<string, string> = {}) =>
  action === 'delete'
    ? agent.request('DELETE', `/v1/modelops/models/${id}`, { headers })
    : agent.request('POST', `/v1/modelops/models/${id}/${action}`, {
        headers,
        ...(BODIES[action as RequestedAction] === undefined
          ? {}
          : { body: BODIES[action as RequestedAction] }),
      });
const stateOf = async (id: string): Promise<string> => {
  const { status, body } = await agent.request('GET', `/v1/modelops/models/${id}`);
  return status === 404 ? 'deleted' : (body['model'] as Model).lifecycle_state;
};

describe('every action in every state', () => {
  it.each(CASES)('$hosting: $action from $state: $expected', async ({ id, action, state, expected }) => {
    const isState = (STATES as readonly string[]).includes(expected);
    if (state !== 'deleted') {
      const { model } = await agent.call(ENDPOINTS.getModel, { params: { id } });
      const verdict = model.actions?.[action as RequestedAction];
      // A test is possible; that nothing serves the model is found out by it.
      const possible = isState || (action === 'test' && expected !== WRONG);
      expect(verdict).toMatchObject(
        possible ? { ok: true } : { ok: false, code: expected, hint: expect.any(String) },
      );
      expect(model.actions?.assign?.ok ?? false).toBe(ASSIGNABLE.has(state));
    }
    const answer = await ask(id, action);
    if (isState) {
      expect(answer.status).toBe(200);
      expect(await stateOf(id)).toBe(expected);
      return;
    }
    expect(answer.body).toMatchObject({
      error: expected,
      message: expect.any(String),
      hint: expect.any(String),
    });
    if (expected === WRONG)
      expect(answer.body).toMatchObject({
        details: { guard: 'state', lifecycle_state: state, allowed_from: expect.any(Array) },
      });
    expect(await stateOf(id)).toBe(state);
  });
});

describe('many at once on one model', () => {
  const history = async (id: string) =>
    (
      await agent.call(ENDPOINTS.listAudit, { query: { subject: `model:${id}`, limit: 200 } })
    ).audit.toReversed();
  const rev = async (id: string): Promise<number> =>
    (await agent.call(ENDPOINTS.getModel, { params: { id } })).model.rev;

  it('give one winner; who named a rev is told of the conflict, who did not of the state', async () => {
    for (const [id, headers, refusal] of [
      ['race-active', {}, WRONG],
      ['race-validated', { 'if-match': '1' }, 'conflict'],
    ] as const) {
      const action = id === 'race-active' ? 'deactivate' : 'activate';
      const answers = await Promise.all(Array.from({ length: 24 }, () => ask(id, action, headers)));
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
      expect(
        new Set(answers.filter((answer) => answer.status !== 200).map((answer) => answer.body['error'])),
      ).toEqual(new Set([refusal]));
      expect(await rev(id)).toBe(2);
      expect(await history(id)).toHaveLength(1);
    }
  });

  it('leave a history in which each state follows from the one before, however they interleave', async () => {
    const id = 'race-inactive';
    const actions = ['activate', 'deactivate', 'unregister', 'register', 'activate', 'unregister'];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => ask(id, actions[index % actions.length] ?? '')),
    );
    const wins = answers.filter((answer) => answer.status === 200).length;
    const rows = await history(id);
    expect(rows).toHaveLength(wins);
    let state = 'inactive';
    for (const { data } of rows) {
      expect(data['from']).toBe(state);
      state = data['to'] as string;
    }
    expect(await stateOf(id)).toBe(state);
    expect(await rev(id)).toBe(1 + wins);
    expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  });

  it('lose no edit: of many who read the same rev one is kept, and tags given in bulk all are', async () => {
    const id = 'race-registered';
    const read = await rev(id);
    const edits = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        agent.request('PATCH', `/v1/modelops/models/${id}`, {
          body: { description: `edit ${index}` },
          headers: { 'if-match': String(read) },
        }),
      ),
    );
    const winner = edits.find((answer) => answer.status === 200)?.body['model'] as Model | undefined;
    expect(edits.filter((answer) => answer.body['error'] === 'conflict')).toHaveLength(11);
    const tags = Array.from({ length: 12 }, (_, index) => `tag-${String(index).padStart(2, '0')}`);
    await Promise.all(
      tags.map((tag) =>
        agent.request('POST', '/v1/modelops/models/bulk', {
          body: { action: 'tag', ids: [id], tags: [tag] },
        }),
      ),
    );
    const { model } = await agent.call(ENDPOINTS.getModel, { params: { id } });
    expect(model.description).toBe(winner?.description);
    expect(model.tags).toEqual(tags);
  });
});
