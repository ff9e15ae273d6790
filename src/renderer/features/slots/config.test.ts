import { describe, expect, it } from 'vitest';
import type { Slot } from '../../../shared/contract/index.ts';
import { configOf, textsOf } from './editor/settings.ts';
import { changeWords } from './SlotError.tsx';
import { currentMilestone, isDown, loadingTime, slotStateWords } from './words.ts';

const SETTINGS = [
  { key: 'context_length', kind: 'count' },
  { key: 'gpu_layers', kind: 'layers' },
  { key: 'enforce_eager', kind: 'switch' },
  { key: 'extra_args', kind: 'lines' },
] as const;

describe('the settings of a slot as text', () => {
  it('come back as they were', () => {
    const config = {
      context_length: 32768,
      gpu_layers: 'all',
      enforce_eager: true,
      extra_args: ['-a', '-b'],
    } as const;
    const draft = textsOf(config as unknown as Slot['config'], SETTINGS);
    expect(draft).toEqual({
      context_length: '32768',
      gpu_layers: 'all',
      enforce_eager: 'true',
      extra_args: '-a\n-b',
    });
    expect(configOf({}, draft, SETTINGS)).toEqual(config);
  });

  it('take numbers as people type them, and leave out what is empty', () => {
    expect(
      configOf({ parallel: 2, gpu_layers: 20 }, { context_length: '64k', gpu_layers: '' }, SETTINGS),
    ).toEqual({ parallel: 2, context_length: 65536 });
  });

  it('name a change of a fix', () => {
    expect(changeWords({ context_length: 65536, gpu_layers: 'auto' })).toBe(
      'Context per request to 65,536, GPU layers to auto',
    );
  });
});

const slot = (more: Partial<Slot>): Slot =>
  ({ load_state: 'empty', load_error: null, phase: null, milestones: [], ...more }) as Slot;
const milestones = [
  { id: 'a', label: 'started', reached_at: '2026-11-20T12:00:00.000Z' },
  { id: 'b', label: 'weights', reached_at: null },
] as Slot['milestones'];

describe('a slot in words', () => {
  it.each([
    [slot({}), 'empty'],
    [slot({ load_state: 'loading', milestones }), 'loading: weights'],
    [slot({ load_state: 'loading', phase: 'pulling' }), 'loading: pulling the image'],
    [slot({ load_state: 'reconciling', phase: 'draining' }), 'draining'],
    [
      slot({ load_state: 'error', load_error: { error: 'insufficient_vram' } as Slot['load_error'] }),
      'error: out of GPU memory',
    ],
    [
      slot({ load_state: 'error', load_error: { error: 'internal' } as unknown as Slot['load_error'] }),
      'error',
    ],
  ])('%#', (one, words) => {
    expect(slotStateWords(one)).toBe(words);
  });

  it('is down when it should serve and does not, not while it is tried again', () => {
    const load_error = { error: 'runtime_exited' } as Slot['load_error'];
    expect(isDown(slot({ load_state: 'error', load_error }))).toBe(true);
    expect(isDown(slot({ load_state: 'loading', load_error }))).toBe(false);
    expect(isDown(slot({}))).toBe(false);
  });

  it('tells the step at hand and how long it takes', () => {
    expect(currentMilestone({ milestones })).toBe('weights');
    expect(currentMilestone({ milestones: [] })).toBeNull();
    const since = '2026-11-20T12:00:00.000Z';
    const now = Date.parse(since) + 18_400;
    expect(loadingTime({ since, usual_load_ms: 24_000 }, now)).toBe('18 s so far, usually 24 s');
    expect(loadingTime({ since, usual_load_ms: null }, now)).toBe('18 s so far');
  });
});
