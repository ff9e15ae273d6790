import { describe, expect, it } from 'vitest';
import {
  CRASH_WINDOW_MS,
  isCrash,
  MAX_RESTARTS,
  nextStep,
  type History,
  type Observation,
  type StartFailure,
} from './supervisor-rules.ts';

const NOW = 1_000_000_000;
const agent = { url: 'http://127.0.0.1:7411', pid: 42, version: '0.1.0', started_at: '' };
const history = (change: Partial<History> = {}): History => ({
  crashes: [],
  waitingSince: null,
  now: NOW,
  ...change,
});
const failed = (change: Partial<StartFailure>): Observation => ({
  saw: 'start-failed',
  failure: { exitCode: 1, message: 'It said why.', portTaken: false, ...change },
});
const crashed = { saw: 'end', how: 'crashed' } as const;

describe('what is seen, and what is done', () => {
  it.each<[string, Observation, object]>([
    ['an agent that answers', { saw: 'agent', agent }, { step: 'attach', agent }],
    ['nobody', { saw: 'nobody' }, { step: 'start', afterMs: 0, anyPort: false }],
    ["a number that may be anybody's", { saw: 'silence', pid: 42 }, { step: 'start', afterMs: 0 }],
    ['an agent that was stopped', { saw: 'end', how: 'stopped' }, { step: 'rest' }],
    ['another agent in its place', { saw: 'end', how: 'replaced' }, { step: 'look', afterMs: 0 }],
    ['an agent that crashed', crashed, { step: 'start', afterMs: 500, anyPort: false }],
    ['a start that ends', failed({ exitCode: 1 }), { step: 'start', afterMs: 500 }],
    ['a start that does neither', failed({ exitCode: null }), { step: 'start', afterMs: 500 }],
    ['a taken port', failed({ portTaken: true }), { step: 'start', afterMs: 0, anyPort: true }],
    ['another agent that starts', failed({ exitCode: 3 }), { step: 'look', afterMs: 250 }],
    ['a wrong argument', failed({ exitCode: 2 }), { step: 'rest', message: 'It said why.' }],
    ['a database of a newer version', failed({ exitCode: 4 }), { step: 'rest', message: 'It said why.' }],
    ['a damaged database', failed({ exitCode: 5 }), { step: 'rest', message: 'It said why.' }],
    ['an unusable directory', failed({ exitCode: 6 }), { step: 'rest', message: 'It said why.' }],
    ['no program', failed({ exitCode: 'no-program' }), { step: 'rest', message: 'It said why.' }],
  ])('%s', (_what, observation, step) => {
    const crashes = isCrash(observation) ? [NOW] : [];
    expect(nextStep(observation, history({ crashes }))).toMatchObject(step);
  });
});

describe('waiting', () => {
  it('for somebody who holds the directory goes on until he answers or is gone', () => {
    const waiting = history({ waitingSince: NOW - 100 });
    expect(nextStep({ saw: 'silence', pid: 42 }, waiting)).toMatchObject({ step: 'look', afterMs: 250 });
    expect(nextStep({ saw: 'nobody' }, waiting)).toMatchObject({ step: 'start', afterMs: 1000 });
    expect(nextStep({ saw: 'agent', agent }, waiting)).toEqual({ step: 'attach', agent });
  });

  it('for him ends after a minute', () => {
    const silence = { saw: 'silence', pid: 42 } as const;
    expect(nextStep(silence, history({ waitingSince: NOW - 59_999 })).step).toBe('look');
    const given = nextStep(silence, history({ waitingSince: NOW - 60_000 }));
    expect(given).toEqual({
      step: 'rest',
      message:
        'Another agent (process 42) has the data directory and does not answer. Stop it, then start the agent again.',
    });
  });
});

describe('crashes', () => {
  it('are answered later and later, and five times in ten minutes at most', () => {
    const waits: (number | string)[] = [];
    const crashes: number[] = [];
    for (let i = 0; i <= MAX_RESTARTS; i += 1) {
      crashes.push(NOW + i);
      const step = nextStep(crashed, history({ crashes, now: NOW + i }));
      waits.push(step.step === 'start' ? step.afterMs : step.step);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 'rest']);
  });

  it('are forgotten after ten minutes', () => {
    const crashes = Array.from({ length: 20 }, (_, i) => NOW - CRASH_WINDOW_MS - i);
    expect(nextStep(crashed, history({ crashes: [...crashes, NOW] }))).toMatchObject({ afterMs: 500 });
  });

  it('are what nobody asked for', () => {
    expect(isCrash(crashed)).toBe(true);
    expect(isCrash(failed({ exitCode: 1 }))).toBe(true);
    for (const observation of [
      { saw: 'end', how: 'stopped' } as const,
      { saw: 'end', how: 'replaced' } as const,
      { saw: 'nobody' } as const,
      failed({ exitCode: 3 }),
      failed({ exitCode: 5 }),
      failed({ portTaken: true }),
    ])
      expect(isCrash(observation)).toBe(false);
  });
});
