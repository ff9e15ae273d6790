import { describe, expect, it } from 'vitest';
import {
  decide,
  MODEL_ACTIONS,
  preview,
  type ActionInput,
  type ModelAction,
  type ModelFacts,
  type TestRunFacts,
} from './model.ts';
import { LIFECYCLE_STATES, type LifecycleState } from './states.ts';

const facts = (more: Partial<ModelFacts> = {}): ModelFacts => ({
  id: 'alpha-v1',
  hosting: 'local',
  lifecycle_state: 'registered',
  recalled: null,
  artifact_status: 'ready',
  credential: 'not_required',
  profile: 'online',
  validation_current: false,
  validation_stale_reason: null,
  assigned_slots: [],
  bindings: [],
  aliases: [],
  holds: [],
  ...more,
});

const run = (more: Partial<TestRunFacts> = {}): TestRunFacts => ({
  id: 'run-1',
  model_id: 'alpha-v1',
  result: 'success',
  fingerprint_current: true,
  newer_than_validation: true,
  ...more,
});
const withRun: ActionInput = { test_run_id: 'run-1', test_run: run() };

/** Written by hand from the design, not from the code: what each action makes of each state. */
const EXPECTED: Record<ModelAction, Partial<Record<LifecycleState, LifecycleState>>> = {
  register: { created: 'registered', unregistered: 'registered' },
  assign: { registered: 'registered', validated: 'validated', inactive: 'inactive', active: 'active' },
  test: { registered: 'registered', validated: 'validated', inactive: 'inactive', active: 'active' },
  validate: { registered: 'validated', validated: 'validated', inactive: 'validated', active: 'active' },
  activate: { validated: 'active', inactive: 'active' },
  deactivate: { active: 'inactive' },
  unregister: {
    created: 'unregistered',
    registered: 'unregistered',
    validated: 'unregistered',
    inactive: 'unregistered',
  },
  delete: { unregistered: 'deleted' },
  mark_stale: {
    created: 'created',
    registered: 'registered',
    validated: 'registered',
    active: 'inactive',
    inactive: 'inactive',
    unregistered: 'unregistered',
    deleted: 'deleted',
  },
  recall: {
    created: 'created',
    registered: 'registered',
    validated: 'validated',
    active: 'inactive',
    inactive: 'inactive',
    unregistered: 'unregistered',
    deleted: 'deleted',
  },
};

describe('the lifecycle table', () => {
  for (const action of MODEL_ACTIONS) {
    for (const state of LIFECYCLE_STATES) {
      const to = EXPECTED[action][state];
      it(`${action} from ${state}: ${to ?? 'refused'}`, () => {
        const input = action === 'validate' ? withRun : {};
        const verdict = decide(
          action,
          facts({ lifecycle_state: state, validation_current: action === 'activate' }),
          input,
        );
        if (to === undefined)
          expect(verdict).toMatchObject({
            ok: false,
            code: 'invalid_state_transition',
            details: { lifecycle_state: state },
          });
        else expect(verdict).toEqual({ ok: true, to });
      });
    }
  }
});

describe('the guards, in their order', () => {
  const recalled = { recalled: { reason: 'licence withdrawn', by: 'central-01' } } as const;
  const bound = {
    bindings: [{ profile: 'production', capability: 'llm_inference', is_default: true }],
  } as const;

  const cases: [string, ModelAction, Partial<ModelFacts>, ActionInput, string][] = [
    [
      'a recalled model is not registered, whatever its files',
      'register',
      { lifecycle_state: 'created', artifact_status: 'partial', ...recalled },
      {},
      'recalled',
    ],
    [
      'files that are not ready stop registering',
      'register',
      { lifecycle_state: 'created', artifact_status: 'corrupt' },
      {},
      'artifact_not_ready',
    ],
    ['a recalled model is not assigned', 'assign', recalled, {}, 'recalled'],
    [
      'missing files stop assigning before the slot is asked',
      'assign',
      { artifact_status: 'missing' },
      { slot_mismatch: { message: 'no', details: {} } },
      'artifact_not_ready',
    ],
    [
      'a slot of another kind stops assigning before memory is asked',
      'assign',
      {},
      { slot_mismatch: { message: 'no', details: {} }, memory: { fits: false, message: 'm', details: {} } },
      'unsupported_format',
    ],
    [
      'memory stops assigning',
      'assign',
      {},
      { memory: { fits: false, message: 'm', details: {} } },
      'insufficient_vram',
    ],
    ['unusable inputs stop a test', 'test', {}, { input_problem: 'needs inputs.prompt' }, 'invalid_argument'],
    [
      'a current validation is told before the missing test run',
      'validate',
      { validation_current: true },
      {},
      'validation_already_current',
    ],
    ['a validation needs a test run', 'validate', {}, {}, 'validation_test_required'],
    ['an unknown test run', 'validate', {}, { test_run_id: 'x', test_run: null }, 'test_run_not_found'],
    [
      'a test run of another model',
      'validate',
      {},
      { test_run_id: 'x', test_run: run({ model_id: 'beta-v1', result: 'failure' }) },
      'test_run_mismatch',
    ],
    [
      'a failed test run',
      'validate',
      {},
      { test_run_id: 'x', test_run: run({ result: 'failure', fingerprint_current: false }) },
      'validation_test_failed',
    ],
    [
      'a stale test run',
      'validate',
      {},
      { test_run_id: 'x', test_run: run({ fingerprint_current: false }) },
      'validation_test_stale',
    ],
    [
      'a recalled model is not activated',
      'activate',
      { lifecycle_state: 'validated', credential: 'revoked', ...recalled },
      {},
      'recalled',
    ],
    [
      'the credential is asked before the validation',
      'activate',
      { lifecycle_state: 'validated', hosting: 'cloud', credential: 'revoked' },
      {},
      'credential_unavailable',
    ],
    [
      'the validation is asked before the profile',
      'activate',
      { lifecycle_state: 'validated', hosting: 'cloud', credential: 'active', profile: 'offline' },
      {},
      'validation_failed',
    ],
    [
      'offline stops a cloud model last',
      'activate',
      {
        lifecycle_state: 'validated',
        hosting: 'cloud',
        credential: 'active',
        profile: 'offline',
        validation_current: true,
      },
      {},
      'offline_not_allowed',
    ],
    [
      'a default needs a note to go',
      'deactivate',
      { lifecycle_state: 'active', ...bound },
      {},
      'invalid_argument',
    ],
    ['a bound model is not unregistered', 'unregister', bound, {}, 'dependencies_unsatisfied'],
    [
      'a model assigned to a slot is not unregistered',
      'unregister',
      { assigned_slots: ['chat'] },
      {},
      'dependencies_unsatisfied',
    ],
    [
      'a held model is not deleted',
      'delete',
      { lifecycle_state: 'unregistered', holds: ['legal'] },
      {},
      'dependencies_unsatisfied',
    ],
    [
      'an aliased model is not deleted',
      'delete',
      { lifecycle_state: 'unregistered', aliases: ['prod'] },
      {},
      'dependencies_unsatisfied',
    ],
  ];
  it.each(cases)('%s', (_name, action, more, input, code) => {
    expect(decide(action, facts(more), input)).toMatchObject({ ok: false, code });
  });

  it('lets a newer test renew a validation that is current', () => {
    expect(
      decide('validate', facts({ lifecycle_state: 'active', validation_current: true }), withRun),
    ).toEqual({ ok: true, to: 'active' });
  });

  it('does not renew it with the test run it stands on', () => {
    const input = { test_run_id: 'run-1', test_run: run({ newer_than_validation: false }) };
    expect(decide('validate', facts({ validation_current: true }), input)).toMatchObject({
      code: 'validation_already_current',
    });
  });

  it('lets an explicit override pass the memory guard and nothing else', () => {
    const memory = { fits: false, message: 'm', details: {} };
    expect(decide('assign', facts(), { memory, memory_override: true }).ok).toBe(true);
    expect(
      decide('assign', facts({ artifact_status: 'missing' }), { memory, memory_override: true }),
    ).toMatchObject({ code: 'artifact_not_ready' });
  });

  it('lets a default go with a note', () => {
    expect(
      decide('deactivate', facts({ lifecycle_state: 'active', ...bound }), { note: 'replaced by v2' }).ok,
    ).toBe(true);
  });

  it('says why a validation does not hold', () => {
    const verdict = decide(
      'activate',
      facts({ lifecycle_state: 'validated', validation_stale_reason: 'config_changed' }),
    );
    expect(verdict).toMatchObject({
      code: 'validation_failed',
      details: { reason: 'config_changed' },
      reason: expect.stringContaining('configuration changed'),
    });
  });
});

describe('the verdict shown before a request', () => {
  it('asks for a test where none can be taken', () => {
    expect(preview('validate', facts(), null)).toMatchObject({ code: 'validation_test_required' });
  });
  it('offers to validate where a usable test is there', () => {
    expect(preview('validate', facts(), run())).toEqual({ ok: true, to: 'validated' });
  });
  it('says that the newest test is stale', () => {
    expect(preview('validate', facts(), run({ fingerprint_current: false }))).toMatchObject({
      code: 'validation_test_stale',
    });
  });
  it('does not ask for the note before the dialog', () => {
    const bindings = [{ profile: 'p', capability: 'c', is_default: true }];
    expect(preview('deactivate', facts({ lifecycle_state: 'active', bindings }), null).ok).toBe(true);
  });
});
