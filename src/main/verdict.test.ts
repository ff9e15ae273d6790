import { describe, expect, it } from 'vitest';
import type { Job, Slot } from '../shared/contract/index.ts';
import type { AgentState } from '../shared/desktop/bridge.ts';
import { withJob, withSlot, type AgentFacts } from './agent-watch.ts';
import { drawGlyph } from './tray-glyph.ts';
import { jobLine, quitQuestion, slotLine, unloadQuestion, verdictOf } from './verdict.ts';

const state = (change: Partial<AgentState> = {}): AgentState => ({
  state: 'running',
  message: 'The agent answers.',
  warnings: [],
  since: '2026-01-01T00:00:00.000Z',
  dataDir: '/data',
  logFile: '/data/logs/agent.log',
  agentVersion: '0.1.0',
  ...change,
});
const slot = (change: Partial<Slot>): Slot =>
  ({
    id: 'chat',
    display_name: 'Chat',
    load_state: 'loaded',
    phase: null,
    loaded_managed_model_id: 'qwen-v1',
    assigned_model_id: 'qwen-v1',
    requests_in_flight: 0,
    load_error: null,
    ...change,
  }) as Slot;
const job = (change: Partial<Job>): Job =>
  ({ id: 'j1', title: 'Import x', state: 'running', progress: null, ...change }) as Job;
const facts = (slots: Slot[], jobs: Job[] = []): AgentFacts => ({ slots, jobs, profile: 'online' });

describe('the verdict', () => {
  const locked = { code: 'secrets_locked' as const, message: 'The secrets are locked.' };
  const broken = slot({ id: 'b', display_name: 'B', load_state: 'error' });
  it.each<[string, AgentState, AgentFacts | null, string, string]>([
    ['stopped', state({ state: 'stopped', message: 'It was stopped.' }), null, 'octagon', 'It was stopped.'],
    ['starting', state({ state: 'starting', message: 'It starts.' }), null, 'half', 'It starts.'],
    ['not told yet', state(), null, 'half', 'The agent answers.'],
    ['nothing loaded', state(), facts([]), 'solid', 'The agent runs; no model is loaded.'],
    ['one', state(), facts([slot({})]), 'solid', '1 model is serving.'],
    ['two', state(), facts([slot({}), slot({ id: 'c' })]), 'solid', '2 models are serving.'],
    [
      'one moves',
      state(),
      facts([slot({}), slot({ id: 'c', load_state: 'loading', phase: 'pulling' })]),
      'half',
      'Chat: pulling qwen-v1',
    ],
    ['one is broken', state(), facts([slot({}), broken]), 'octagon', 'B: its model does not load.'],
    ['two are broken', state(), facts([broken, broken]), 'octagon', '2 slots do not load their models.'],
    ['locked', state({ warnings: [locked] }), facts([slot({})]), 'half', 'The secrets are locked.'],
    [
      'locked and broken',
      state({ warnings: [locked] }),
      facts([broken]),
      'octagon',
      'B: its model does not load.',
    ],
  ])('%s', (_what, now, told, glyph, sentence) => {
    expect(verdictOf(now, told)).toEqual({ glyph, sentence });
  });

  it('does not blame the slots for a missing keychain', () => {
    const warnings = [{ code: 'no_keychain' as const, message: 'There is no keychain.' }];
    expect(verdictOf(state({ warnings }), facts([slot({})])).glyph).toBe('solid');
  });
});

describe('lines of the menu', () => {
  it('say what a slot does', () => {
    expect(slotLine(slot({}))).toBe('Chat: serves qwen-v1');
    expect(
      slotLine(slot({ load_state: 'empty', loaded_managed_model_id: null, assigned_model_id: null })),
    ).toBe('Chat: empty');
    expect(slotLine(slot({ load_state: 'reconciling', phase: 'backoff' }))).toBe(
      'Chat: waits to try again qwen-v1',
    );
  });

  it('say how far a job is, and 100 % only when it is done', () => {
    const bytes = (done: number, total: number | null): Job =>
      job({ progress: { phase: 'hashing', bytes_done: done, bytes_total: total } });
    expect(jobLine(bytes(50, 100))).toBe('Import x: 50 %');
    expect(jobLine(bytes(100, 100))).toBe('Import x: 99 %');
    expect(jobLine(bytes(50, null))).toBe('Import x: hashing');
    expect(jobLine(job({ state: 'queued' }))).toBe('Import x: queued');
  });
});

describe('questions', () => {
  it('before quitting count what runs', () => {
    expect(quitQuestion(facts([slot({})], [job({})]))).toMatchObject({
      detail: '1 model is serving and 1 job runs.',
      keep: 'Keep serving and quit',
      stop: 'Stop all and quit',
    });
    expect(quitQuestion(facts([slot({}), slot({})], [])).detail).toBe('2 models are serving.');
    expect(quitQuestion(facts([], [job({}), job({ id: 'j2' })])).detail).toBe('2 jobs run.');
    expect(quitQuestion(facts([slot({})], [job({ kind: 'download' })])).detail).toBe(
      '1 model is serving and 1 download runs.',
    );
    expect(quitQuestion(null).keep).toBe('Keep the agent and quit');
  });

  it('before unloading say what happens to requests', () => {
    expect(unloadQuestion(slot({}))).toEqual({
      message: 'Unload qwen-v1 from Chat?',
      detail: 'No request runs now. The model keeps its state and its files.',
    });
    expect(unloadQuestion(slot({ requests_in_flight: 3 })).detail).toContain('3 requests are running');
  });
});

describe('facts', () => {
  it('follow the events', () => {
    let now = facts([slot({})]);
    now = withSlot(now, slot({ load_state: 'error' }));
    now = withSlot(now, slot({ id: 'other' }));
    expect(now.slots.map(({ id, load_state: load }) => [id, load])).toEqual([
      ['chat', 'error'],
      ['other', 'loaded'],
    ]);
    now = withJob(now, job({}));
    now = withJob(now, job({ state: 'queued' }));
    expect(now.jobs.map((open) => open.state)).toEqual(['queued']);
    now = withJob(now, job({ state: 'succeeded' }));
    expect(now.jobs).toEqual([]);
    expect(withJob(now, job({ state: 'failed' }))).toBe(now);
  });
});

describe('the glyphs', () => {
  it('differ in shape, not only in colour', () => {
    const shape = (glyph: 'solid' | 'half' | 'octagon'): string => {
      const pixels = drawGlyph(glyph, 16, true);
      return Array.from({ length: 256 }, (_, i) => (pixels[i * 4 + 3]! > 127 ? '#' : '.')).join('');
    };
    const shapes = new Set([shape('solid'), shape('half'), shape('octagon')]);
    expect(shapes.size).toBe(3);
    for (const drawn of shapes) expect(drawn.replaceAll('.', '').length).toBeGreaterThan(60);
    // Corners are empty, and a colour is never brighter than its alpha says.
    const pixels = drawGlyph('octagon', 32, false);
    expect(pixels[3]).toBe(0);
    for (let i = 0; i < pixels.length; i += 4)
      expect(Math.max(pixels[i]!, pixels[i + 1]!, pixels[i + 2]!)).toBeLessThanOrEqual(pixels[i + 3]!);
  });
});
