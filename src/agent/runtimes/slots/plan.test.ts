import { describe, expect, it } from 'vitest';
import { pendingChanges } from './pending-changes.ts';
import { pickAdopted, planSlot, type FoundRuntime, type SlotObservation, type SlotStep } from './plan.ts';

const wish = { modelId: 'a', generation: 2 };
const right = { modelId: 'a', generation: 2 };
const older = { modelId: 'a', generation: 1 };
const nothing: SlotObservation = { current: null, next: null, leaving: false, failure: null };
const serving = (runtime: typeof right) => ({ ...runtime, serves: true, adopted: false });
const coming = (runtime: typeof right) => ({ ...runtime, serves: false, adopted: false });
const adopted = (runtime: typeof right) => ({ ...runtime, serves: false, adopted: true });
const gaveUp = { generation: 2, retryAt: null };
const watch = { do: 'watch', until: null } as const;

describe('what a slot does next', () => {
  it.each<[string, typeof wish | null, Partial<SlotObservation>, SlotStep]>([
    ['nothing wished, nothing there', null, {}, { do: 'rest' }],
    ['nothing wished, something there', null, { current: serving(right) }, { do: 'stop' }],
    [
      'nothing wished, a replacement on its way',
      null,
      { current: serving(older), next: right },
      { do: 'drop_next' },
    ],
    ['nothing wished, the last requests run', null, { leaving: true }, { do: 'wait_leaving' }],
    ['the wished model is there', wish, { current: serving(right) }, watch],
    ['the wished model comes up', wish, { current: coming(right) }, watch],
    [
      'another model serves',
      wish,
      { current: serving({ modelId: 'b', generation: 2 }) },
      { do: 'replace', modelId: 'a' },
    ],
    ['the model of an older wish serves', wish, { current: serving(older) }, { do: 'replace', modelId: 'a' }],
    ['the model of an older wish only comes up', wish, { current: coming(older) }, { do: 'stop' }],
    ['one of an older wish was taken over', wish, { current: adopted(older) }, watch],
    [
      'the one before the last still has requests',
      wish,
      { current: serving(older), leaving: true },
      { do: 'wait_leaving' },
    ],
    ['its replacement is on its way', wish, { current: serving(older), next: right }, { do: 'finish_next' }],
    [
      'a replacement for an older wish is on its way',
      wish,
      { current: serving(older), next: older },
      { do: 'drop_next' },
    ],
    [
      'the wish went back to what serves',
      wish,
      { current: serving(right), next: older },
      { do: 'drop_next' },
    ],
    ['it died while its replacement comes up', wish, { next: right }, { do: 'promote' }],
    ['it died while a wrong replacement comes up', wish, { next: older }, { do: 'drop_next' }],
    ['the replacement failed for good', wish, { current: serving(older), failure: gaveUp }, watch],
    [
      'the replacement failed, its time has not come',
      wish,
      { current: serving(older), failure: { generation: 2, retryAt: 101 } },
      { do: 'watch', until: 101 },
    ],
    [
      'the replacement failed, its time has come',
      wish,
      { current: serving(older), failure: { generation: 2, retryAt: 100 } },
      { do: 'replace', modelId: 'a' },
    ],
    [
      'the replacement of an older wish failed',
      wish,
      { current: serving(older), failure: { generation: 1, retryAt: null } },
      { do: 'replace', modelId: 'a' },
    ],
    ['nothing there yet', wish, {}, { do: 'start', modelId: 'a' }],
    ['nothing there but last requests', wish, { leaving: true }, { do: 'wait_leaving' }],
    [
      'an older wish failed',
      wish,
      { failure: { generation: 1, retryAt: null } },
      { do: 'start', modelId: 'a' },
    ],
    ['this wish failed for good', wish, { failure: gaveUp }, { do: 'rest' }],
    [
      'this wish failed, its time has not come',
      wish,
      { failure: { generation: 2, retryAt: 101 } },
      { do: 'wait', until: 101 },
    ],
    [
      'this wish failed, its time has come',
      wish,
      { failure: { generation: 2, retryAt: 100 } },
      { do: 'start', modelId: 'a' },
    ],
  ])('%s', (_name, desire, observed, step) => {
    expect(planSlot(desire, { ...nothing, ...observed }, 100)).toEqual(step);
  });
});

describe('who counts as the slot among what is found', () => {
  const found = (attempt: number, generation: number, loaded: boolean, modelId = 'a'): FoundRuntime => ({
    attempt,
    generation,
    loaded,
    modelId,
  });
  const attempts = (result: {
    current: FoundRuntime | null;
    next: FoundRuntime | null;
    strays: readonly FoundRuntime[];
  }) => [
    result.current?.attempt ?? null,
    result.next?.attempt ?? null,
    result.strays.map((one) => one.attempt),
  ];

  it.each<[string, FoundRuntime[], (number | null | number[])[]]>([
    ['nothing', [], [null, null, []]],
    ['the only one', [found(1, 2, true)], [1, null, []]],
    ['the only one, which never served', [found(1, 1, false)], [1, null, []]],
    ['killed while the replacement came up', [found(1, 1, true), found(2, 2, false)], [1, 2, []]],
    ['killed after the switch', [found(1, 1, true), found(2, 2, true)], [2, null, [1]]],
    [
      'killed before the former one was ended, twice',
      [found(1, 1, true), found(2, 2, true), found(3, 2, true)],
      [3, null, [2, 1]],
    ],
    ['two that never served', [found(1, 2, false), found(2, 2, false)], [2, null, [1]]],
    [
      'a replacement that is not wished for any more',
      [found(1, 1, true), found(2, 1, false)],
      [1, null, [2]],
    ],
    ['another model', [found(1, 2, true, 'b'), found(2, 2, false)], [1, 2, []]],
  ])('%s', (_name, runtimes, expected) => {
    expect(attempts(pickAdopted(wish, runtimes))).toEqual(expected);
  });

  it('keeps the newest that served for a slot that wants nothing, to be stopped by its owner', () => {
    expect(attempts(pickAdopted(null, [found(1, 1, true), found(2, 2, false)]))).toEqual([1, null, [2]]);
  });
});

describe('settings that a runtime does not have yet', () => {
  const has = {
    runtime_spec: 'vllm',
    gpu_ids: ['0'],
    config: { parallel: 1, threads: 2, env: { A: '1', B: '2' } },
  };
  it.each([
    [has, []],
    [{ ...has, config: { ...has.config, env: { B: '2', A: '1' } } }, []],
    [
      { ...has, config: { parallel: 4, env: has.config.env, dtype: 'half' } },
      ['dtype', 'parallel', 'threads'],
    ],
    [{ ...has, gpu_ids: ['1'], runtime_spec: 'custom' }, ['gpu_ids', 'runtime_spec']],
  ])('%o', (wanted, changed) => {
    expect(pendingChanges(has, wanted)).toEqual(changed);
  });
});
