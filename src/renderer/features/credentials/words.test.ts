import { describe, expect, it } from 'vitest';
import { AppError, type Model, type Probe } from '../../../shared/contract/index.ts';
import { refusedRange } from './use-test.ts';
import { baseOf, credentialState, modelsOf, probeSentence, rangesOf } from './words.ts';

const PROBE: Probe = {
  ok: true,
  status_code: 200,
  message: '',
  latency_ms: 84,
  model_count: 12,
  at: '2026-11-21T12:00:00.000Z',
};

describe('a credential', () => {
  it.each([
    [{ is_active: true, last_probe: PROBE }, 'works'],
    [{ is_active: true, last_probe: null }, 'unknown'],
    [{ is_active: true, last_probe: { ...PROBE, ok: false } }, 'fails'],
    [{ is_active: false, last_probe: PROBE }, 'revoked'],
  ])('%#', (credential, state) => {
    expect(credentialState(credential)).toBe(state);
  });

  it.each([
    [PROBE, 'The provider took it: 200 in 84 ms, 12 models offered.'],
    [{ ...PROBE, model_count: null }, 'The provider took it: 200 in 84 ms.'],
    [{ ...PROBE, ok: false, status_code: 401 }, 'The provider did not take it: 401.'],
    [{ ...PROBE, ok: false, status_code: null }, 'The provider did not take it.'],
  ])('is told in one sentence: %#', (probe, sentence) => {
    expect(probeSentence(probe)).toBe(sentence);
  });

  it('is used by the models that name it, gone ones left out', () => {
    const model = (id: string, credential: string, state = 'active'): Model =>
      ({ id, credential: { id: credential }, lifecycle_state: state }) as Model;
    const models = [model('a', 'c1'), model('b', 'c2'), model('c', 'c1', 'deleted')];
    expect(modelsOf('c1', models).map(({ id }) => id)).toEqual(['a']);
  });
});

describe('a base address', () => {
  it.each([
    ['openai', '', undefined],
    ['openai_compatible', '', null],
    ['openai_compatible', ' https://llm.example.com/v1 ', 'https://llm.example.com/v1'],
    ['openai_compatible', 'llm.example.com', null],
    ['anthropic', 'ftp://example.com', null],
  ] as const)('%s "%s"', (provider, typed, base) => {
    expect(baseOf(provider, typed)).toBe(base);
  });
});

describe('private ranges', () => {
  it('are taken one after the other, and the first that is none is named', () => {
    expect(rangesOf('10.20.0.0/16, fd00::/8')).toEqual({ ranges: ['10.20.0.0/16', 'fd00::/8'], bad: null });
    expect(rangesOf('10.20.0.0').bad).toBe('10.20.0.0');
    expect(rangesOf('')).toEqual({ ranges: [], bad: null });
  });

  it('are named by the refusal that asks for one', () => {
    const details = { host: 'x', range: '10.0.0.0/8' };
    expect(refusedRange(new AppError('forbidden', 'no', { details }))).toBe('10.0.0.0/8');
    expect(refusedRange(new AppError('forbidden', 'no', { details: { range: null } }))).toBeNull();
    expect(refusedRange(null)).toBeNull();
  });
});
