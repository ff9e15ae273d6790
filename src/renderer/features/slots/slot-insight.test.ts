import { describe, expect, it } from 'vitest';
import type { Slot, SlotAttempt } from '../../../shared/contract/index.ts';
import { attemptWords } from './AttemptList.tsx';
import { changeDiff, patched } from './SlotError.tsx';

describe('a fix', () => {
  it('is put into the settings; null takes one away', () => {
    const config: Slot['config'] = { context_length: 131_072, quantization: 'awq', parallel: 2 };
    expect(patched(config, { context_length: 65_536, quantization: null })).toEqual({
      context_length: 65_536,
      parallel: 2,
    });
  });

  it('is shown as what it changes, from what holds now', () => {
    const slot = {
      config: { extra_args: ['--no-such'] },
      effective_config: { values: { context_length: 131_072, gpu_memory_utilization: 0.9 }, origins: {} },
    };
    expect(changeDiff(slot, { context_length: 65_536 })).toBe('context_length 131,072 → 65,536');
    expect(changeDiff(slot, { gpu_memory_utilization: 0.83 })).toBe('gpu_memory_utilization 0.9 → 0.83');
    expect(changeDiff(slot, { extra_args: [] })).toBe('extra_args --no-such → not set');
    expect(changeDiff(slot, { enforce_eager: true })).toBe('enforce_eager not set → true');
  });
});

describe('an attempt', () => {
  const one: SlotAttempt = {
    attempt: 4,
    model_id: 'a-v1',
    image_id: null,
    started_at: '2026-11-20T12:00:00.000Z',
    loaded_at: null,
    ended_at: '2026-11-20T12:00:38.000Z',
    exit_code: 1,
    error: 'runtime_exited',
    message: 'It ended.',
    has_log: true,
  };
  it.each([
    ['failed, exit 1 after 38 s', {}],
    ['failed after 38 s', { exit_code: null }],
    ['stopped after 38 s', { error: null, exit_code: 0 }],
    ['starting', { ended_at: null }],
    ['serving', { ended_at: null, loaded_at: one.ended_at }],
    ['end not seen', { ended_at: null, attempt: 3 }],
  ])('%s', (words, more) => {
    expect(attemptWords({ ...one, ...more }, 4)).toBe(words);
  });
});
