import { describe, expect, it } from 'vitest';
import { slotEffectsOf, type SlotAction, type SlotEffectFacts } from './slot-effects.ts';

const idle: SlotEffectFacts = {
  slotId: 'chat',
  enabled: true,
  serves: 'alpha-v1',
  wants: 'alpha-v1',
  loads: null,
  running: 0,
  drainSeconds: 30,
  callers: [],
  alsoServedBy: [],
  usualLoadMs: 41_200,
  isRoom: null,
  changed: [],
  needsValidation: false,
  memoryBytes: null,
  settings: 11,
  logs: 4,
};
const busy = {
  running: 3,
  callers: [
    { name: 'ci-nightly', calls: 40 },
    { name: 'portal', calls: 2 },
  ],
};
const empty = { serves: null, wants: null };

describe('what an action on a slot would do now', () => {
  it.each<[string, SlotAction, Partial<SlotEffectFacts>, string[]]>([
    [
      'unload one that nobody uses',
      'unload',
      {},
      [
        'Nobody uses it now, and nobody called it in the last hour.',
        'New calls are refused with model_not_loaded.',
        'The model keeps its state, and its files stay.',
        'Loading it again takes about 41 s.',
      ],
    ],
    [
      'unload one in use that another slot serves as well',
      'unload',
      { ...busy, alsoServedBy: ['spare'], memoryBytes: 5 },
      [
        'ci-nightly and portal called it in the last hour, 42 times.',
        '3 requests are running. They get 30 s to finish.',
        'Calls go on in spare.',
        'Its memory becomes free.',
        'The model keeps its state, and its files stay.',
        'Loading it again takes about 41 s.',
      ],
    ],
    ['unload one that is loading', 'unload', { serves: null }, ['Loading alpha-v1 is given up.']],
    ['unload an empty one', 'unload', empty, ['chat holds no model.']],
    [
      'load over another, beside it',
      'load',
      { loads: 'beta-v1', isRoom: true, usualLoadMs: null, callers: [{ name: 'a', calls: 1 }] },
      [
        'alpha-v1 leaves chat.',
        'a called it in the last hour, 1 time.',
        'Calls that name alpha-v1 are refused afterwards with model_not_loaded.',
        'Memory allows the new runtime beside the old one: the old one answers until the new one is ready.',
        'It was not loaded here before, so nobody knows how long it takes.',
      ],
    ],
    [
      'load what is loaded',
      'load',
      { loads: 'alpha-v1', isRoom: true },
      ['chat serves alpha-v1 already. Nothing changes.'],
    ],
    ['load into an empty one', 'load', { ...empty, loads: 'a' }, ['Loading usually takes about 41 s.']],
    [
      'restart without room',
      'restart',
      { running: 1, isRoom: false, usualLoadMs: 600_000 },
      [
        'Nobody finished a call in the last hour.',
        'Memory does not allow both at once: chat is away about 10 min.',
        '1 request is running. It gets 30 s to finish.',
        'Loading usually takes about 10 min.',
      ],
    ],
    [
      'restart a failed one',
      'restart',
      { serves: null, usualLoadMs: 700 },
      ['alpha-v1 is started again.', 'Loading usually takes less than a second.'],
    ],
    ['change nothing', 'change', {}, ['Nothing differs from what it has.']],
    [
      'change what a validation holds for',
      'change',
      { changed: ['context_length', 'threads'], needsValidation: true, isRoom: true },
      [
        '2 settings change: context_length, threads.',
        'Nobody uses it now, and nobody called it in the last hour.',
        'Memory allows the new runtime beside the old one: the old one answers until the new one is ready.',
        'Loading usually takes about 41 s.',
        'alpha-v1 holds no validation for this. Calls are refused until it is tested and validated on chat again.',
      ],
    ],
    [
      'delete an empty one',
      'delete',
      empty,
      ['Its 11 settings and 4 kept logs go.', 'No model and no file is deleted.'],
    ],
    [
      'delete one that holds a model',
      'delete',
      { settings: 1, logs: 0 },
      [
        'chat holds alpha-v1, so it is not deleted. Unload it first.',
        'Its 1 setting and 0 kept logs go.',
        'No model and no file is deleted.',
      ],
    ],
  ])('%s', (_name, action, more, sentences) => {
    expect(slotEffectsOf(action, { ...idle, ...more }).map((one) => one.sentence)).toEqual(sentences);
  });
});
