import { describe, expect, it } from 'vitest';
import type { Credential, Job, Key, Model, Slot, System } from '../../../shared/contract/index.ts';
import { verdict, waiting, type NodeFacts } from './verdict.ts';

const SYSTEM = { database: { state: 'ok' }, secrets: { state: 'unlocked' } } as System;

function model(id: string, more: Partial<Model> = {}): Model {
  return {
    id,
    name: id.replace(/-v1$/, ''),
    seq: 1,
    lifecycle_state: 'active',
    hosting: 'local',
    loaded_in: [],
    is_sample: false,
    validation_error: null,
    artifact: { artifact_status: 'ready' },
    updated_at: '2026-11-20T12:00:00.000Z',
    ...more,
  } as Model;
}

function slot(id: string, more: Partial<Slot> = {}): Slot {
  return {
    id,
    load_state: 'empty',
    load_error: null,
    assigned_model_id: null,
    loaded_managed_model_id: null,
    ...more,
  } as Slot;
}

const serves = (id: string, modelId: string): Slot =>
  slot(id, { load_state: 'loaded', assigned_model_id: modelId, loaded_managed_model_id: modelId });
const down = (id: string, message: string): Slot =>
  slot(id, {
    load_state: 'error',
    assigned_model_id: 'alpha-v1',
    load_error: { error: 'runtime_exited', message, at: '2026-11-20T12:00:00.000Z' } as Slot['load_error'],
  });
const facts = (more: Partial<NodeFacts> = {}): NodeFacts => ({
  slots: [],
  failedJobs: [],
  models: [],
  system: SYSTEM,
  ...more,
});

describe('the one sentence about everything', () => {
  it('on a fresh node says that nothing is served', () => {
    expect(verdict(facts(), 0)).toMatchObject({ tone: 'idle', fix: null });
    expect(verdict(facts({ slots: [slot('spare')] }), 0).tone).toBe('idle');
  });

  it('says that all is right, and what goes on', () => {
    const models = [model('alpha-v1', { loaded_in: ['chat'] })];
    expect(verdict(facts({ slots: [serves('chat', 'alpha-v1')], models }), 2)).toEqual({
      tone: 'ok',
      sentence: 'All right: 1 slot serving, 2 jobs, nothing waits.',
      fix: null,
    });
  });

  it('names the slot that is down first, with the way to it', () => {
    const judged = verdict(facts({ slots: [down('coder', 'The engine ended.'), serves('chat', 'a-v1')] }), 0);
    expect(judged).toMatchObject({
      tone: 'bad',
      sentence: 'Slot coder is down. The engine ended.',
      fix: { to: '/slots/coder' },
    });
    expect(verdict(facts({ slots: [down('a', 'One.'), down('b', 'Two.')] }), 0).sentence).toBe(
      '2 slots are down, first a. One.',
    );
  });

  it('a damaged database is worse than a slot', () => {
    const system = { ...SYSTEM, database: { state: 'corrupt' } } as System;
    expect(verdict(facts({ system, slots: [down('coder', 'It ended.')] }), 0)).toMatchObject({
      tone: 'bad',
      fix: { kind: 'database' },
    });
  });

  it('leaves the sample out: it is no service, and nobody waits for it', () => {
    const sample = model('sample-v1', { is_sample: true, loaded_in: ['chat'] });
    expect(verdict(facts({ slots: [serves('chat', 'sample-v1')], models: [sample] }), 0)).toMatchObject({
      tone: 'ok',
      sentence: 'The sample model answers. Nothing else is served yet.',
    });
    const unloaded = { ...sample, loaded_in: [] };
    expect(waiting(facts({ models: [unloaded] }))).toEqual([]);
  });
});

describe('what waits for a person', () => {
  it('stands in the order of the harm it does', () => {
    const rows = waiting(
      facts({
        slots: [down('coder', 'It ended.')],
        models: [
          model('stale-v1', {
            lifecycle_state: 'inactive',
            validation_error: { message: 'The configuration changed.' } as Model['validation_error'],
          }),
          model('broken-v1', {
            lifecycle_state: 'registered',
            artifact: { artifact_status: 'corrupt' } as Model['artifact'],
          }),
          model('idle-v1'),
        ],
        failedJobs: [
          { id: 'j', title: 'Import x', error: { message: 'No space.' }, finished_at: null } as Job,
        ],
      }),
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['slot', 'artifact', 'unloaded', 'stale', 'job']);
    expect(rows.find(({ kind }) => kind === 'unloaded')?.opens).toEqual({ loadModel: 'idle-v1' });
  });

  it('is no model that is on its way into a slot, and none that is not managed', () => {
    const on = slot('chat', { load_state: 'loading', assigned_model_id: 'alpha-v1' });
    expect(waiting(facts({ slots: [on], models: [model('alpha-v1')] }))).toEqual([]);
    const gone = model('gone-v1', {
      lifecycle_state: 'unregistered',
      validation_error: { message: 'x' } as Model['validation_error'],
    });
    expect(waiting(facts({ models: [gone] }))).toEqual([]);
  });
});

describe('what waits about access', () => {
  it('names the credential that fails before the key that ends soon, after what is down', () => {
    const known: NodeFacts = {
      slots: [down('chat', 'It ended.')],
      failedJobs: [],
      models: [],
      system: SYSTEM,
      endingKeys: [{ key: { id: 'k1', name: 'portal', last4: 'ltHw' } as Key, rest: '3 d 4 h' }],
      failingCredentials: [
        {
          id: 'c1',
          display_name: 'parrot',
          last_probe: { ok: false, message: 'It refused the credential (401).' },
        } as Credential,
      ],
    };
    expect(waiting(known).map(({ id, to }) => [id, to])).toEqual([
      ['slot:chat', '/slots/chat'],
      ['credential:c1', '/credentials/c1'],
      ['key:k1', '/access/keys/k1'],
    ]);
    expect(waiting(known).at(-1)?.sentence).toBe('Key portal (…ltHw) ends in 3 d 4 h.');
  });
});
