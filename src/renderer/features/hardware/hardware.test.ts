import { describe, expect, it } from 'vitest';
import type { Gpu, GpuSample, Runtime, Slot } from '../../../shared/contract/index.ts';
import { slotMemoryWords } from '../slots/memory-words.ts';
import { proposalsFor } from '../slots/proposals.ts';
import { courseOf } from './course.ts';
import { memoryOfGpu, memoryOfMachine, memoryOfSlot } from './memory.ts';
import { commandsOf } from './NoGpus.tsx';
import { gpusTitle, throttleWords } from './words.ts';

const GIB = 1024 ** 3;

const gpu = (index: number, more: Partial<Gpu> = {}): Gpu =>
  ({
    index,
    uuid: `GPU-${index}`,
    name: 'NVIDIA GeForce RTX 4090',
    parent_uuid: null,
    memory_total_bytes: 24 * GIB,
    memory_used_bytes: 2 * GIB,
    processes: [],
    slot_ids: [],
    usable: true,
    throttle_reasons: [],
    ...more,
  }) as unknown as Gpu;

const needs = (total: number, low = total, high = total): Slot['reserved'] => ({
  weights_bytes: total * GIB,
  kv_cache_bytes: 0,
  compute_bytes: 0,
  overhead_bytes: 0,
  total_bytes: total * GIB,
  low_bytes: low * GIB,
  high_bytes: high * GIB,
});

const slot = (id: string, more: Partial<Slot>): Slot =>
  ({
    id,
    load_state: 'loaded',
    load_error: null,
    reserved: null,
    reserved_basis: 'measured',
    runtime_spec: 'vllm',
    ...more,
  }) as Slot;

const sizes = (segments: readonly { kind: string; bytes: number }[]): unknown[] =>
  segments.filter(({ bytes }) => bytes > 0).map(({ kind, bytes }) => [kind, bytes / GIB]);

describe('what lies in the memory of a GPU', () => {
  const a = slot('a', { reserved: needs(8) });

  it('is what slots take, then what the driver says besides', () => {
    const card = gpu(0, { slot_ids: ['a'], memory_used_bytes: 9 * GIB });
    expect(sizes(memoryOfGpu(card, [a], [card]).segments)).toEqual([
      ['weights', 8],
      ['other', 1],
    ]);
  });

  it('is shared evenly by the cards of one slot', () => {
    const cards = [gpu(0, { slot_ids: ['a'] }), gpu(1, { slot_ids: ['a'] })];
    expect(memoryOfGpu(cards[0] as Gpu, [a], cards).reserved).toBe(4 * GIB);
    expect(memoryOfSlot(a, cards, [a], cards)).toMatchObject({ reserved: 8 * GIB, total: 48 * GIB });
  });

  it('takes processes that are not ours as they are told, and not the rest of what is used', () => {
    const card = gpu(0, {
      slot_ids: ['a'],
      memory_used_bytes: 4 * GIB,
      processes: [{ pid: 1, name: 'x', memory_used_bytes: 3 * GIB, slot_id: null }],
    });
    expect(sizes(memoryOfGpu(card, [a], [card]).segments)).toEqual([
      ['weights', 8],
      ['other', 3],
    ]);
  });

  it('has nothing of a slot that failed, whatever it wants', () => {
    const failed = slot('a', { reserved: needs(30), load_state: 'error' });
    const card = gpu(0, { slot_ids: ['a'] });
    expect(memoryOfGpu(card, [failed], [card]).reserved).toBe(0);
    expect(memoryOfSlot(failed, [card], [failed], [card]).reserved).toBe(30 * GIB);
  });

  it('is not known where the driver does not say', () => {
    const card = gpu(0, { memory_total_bytes: null, memory_used_bytes: null });
    expect(memoryOfSlot(a, [card], [a], [card])).toMatchObject({ total: null, used: null });
  });
});

describe('the memory of a slot in words', () => {
  const card = gpu(0, { slot_ids: ['a'], memory_used_bytes: 0.4 * GIB });
  const told = (one: Slot) => slotMemoryWords(one, memoryOfSlot(one, [card], [one], [card]));

  it.each([
    [slot('a', { reserved: needs(18.1) }), '18.1 GiB reserved, 0.4 used of 24.0', false],
    [
      slot('a', { reserved: needs(1.5, 1.4, 1.6), reserved_basis: 'estimated', load_state: 'loading' }),
      '1.4 to 1.6 GiB expected',
      false,
    ],
    [
      slot('a', { reserved: needs(27.4, 26.8, 28.6), reserved_basis: 'estimated', load_state: 'error' }),
      'needs 26.8 to 28.6 GiB, 3.8 over',
      true,
    ],
    [slot('a', { load_state: 'empty' }), '23.6 GiB free of 24.0', false],
  ])('%#', (one, words, isOver) => {
    expect(told(one)).toEqual({ words, isOver });
  });

  it('in the memory of the machine leaves out what is not there yet', () => {
    const memory = { total_bytes: 64 * GIB, available_bytes: 43 * GIB };
    const loading = slot('a', {
      reserved: needs(4),
      reserved_basis: 'estimated',
      load_state: 'loading',
    });
    expect(sizes(memoryOfMachine(loading, memory).segments)).toEqual([
      ['weights', 4],
      ['other', 21],
    ]);
    expect(sizes(memoryOfMachine(slot('a', { reserved: needs(4) }), memory).segments)).toEqual([
      ['weights', 4],
      ['other', 17],
    ]);
  });
});

describe('the history of a GPU', () => {
  const now = Date.parse('2026-11-21T12:00:10.000Z');
  const sample = (at: string): GpuSample => ({ at, utilization_percent: 5 }) as GpuSample;
  const event = { gpu_uuid: null, kind: 'xid', code: 79, message: 'gone' } as const;

  it('has a place for every step, gaps where nothing was sampled, and round times to name', () => {
    const course = courseOf(
      {
        window: '1h',
        resolution_ms: 15_000,
        samples: [sample('2026-11-21T11:59:31.000Z'), sample('2026-11-21T12:00:05.000Z')],
        events: [
          { ...event, at: '2026-11-21T11:30:00.000Z' },
          { ...event, at: '2026-11-21T10:00:00.000Z' },
        ],
      },
      now,
    );
    expect(course.places).toHaveLength(240);
    expect(course.samples.flatMap((one, place) => (one === null ? [] : [place]))).toEqual([237, 239]);
    expect(course.named).toHaveLength(6);
    expect(course.events.map(({ place }) => place)).toEqual([119]);
  });
});

describe('words', () => {
  it.each([
    [[gpu(0)], 'GPU 0'],
    [[gpu(0), gpu(1)], 'GPU 0 and 1'],
    [[gpu(0), gpu(2), gpu(5)], 'GPU 0, 2 and 5'],
    [[gpu(0), gpu(1), gpu(2), gpu(3)], 'GPU 0 to 3'],
    [[gpu(1, { parent_uuid: 'GPU-1', mig_profile: '1g.5gb' })], 'MIG 1g.5gb of GPU 1'],
  ])('name GPUs: %#', (gpus, title) => {
    expect(gpusTitle(gpus)).toBe(title);
  });

  it('do not call rest a reason', () => {
    expect(throttleWords({ throttle_reasons: ['idle'] })).toBeNull();
    expect(throttleWords({ throttle_reasons: ['idle', 'hardware_thermal'] })).toBe(
      'Clock held down: too hot, hardware protects itself',
    );
  });

  it('find the commands in a hint', () => {
    expect(commandsOf('Try: `sudo modprobe nvidia`, then `nvidia-smi`.')).toEqual([
      'sudo modprobe nvidia',
      'nvidia-smi',
    ]);
    expect(commandsOf('Restart the machine.')).toEqual([]);
  });
});

describe('proposals', () => {
  const runtime = (id: string, name: string, available = true): Runtime =>
    ({ id, name, available, capabilities: ['llm_inference'] }) as unknown as Runtime;
  const all = [
    runtime('vllm', 'vLLM'),
    runtime('llama-cpp-cuda', 'llama.cpp on GPUs'),
    runtime('llama-cpp-cpu', 'llama.cpp'),
  ];
  const labels = (gpus: Gpu[], runtimes = all, slots: Slot[] = []): string[] =>
    proposalsFor(gpus, runtimes, slots).map(({ label }) => label);

  it('are one for each free GPU, all alike together, and the processor', () => {
    expect(labels([])).toEqual(['CPU: llama.cpp']);
    expect(labels([gpu(0)])).toEqual(['GPU 0, 24.0 GiB: vLLM', 'CPU: llama.cpp']);
    expect(labels([gpu(0), gpu(1)])).toEqual([
      'GPU 0, 24.0 GiB: vLLM',
      'GPU 1, 24.0 GiB: vLLM',
      'GPU 0 and 1 together, 48.0 GiB: vLLM',
      'CPU: llama.cpp',
    ]);
  });

  it('leave out what is taken or cannot be used, and prefer what can run', () => {
    const taken = [gpu(0, { slot_ids: ['a'] }), gpu(1, { usable: false })];
    expect(labels(taken, all, [slot('b', { runtime_spec: 'llama-cpp-cpu' })])).toEqual([]);
    const noVllm = [runtime('vllm', 'vLLM', false), runtime('llama-cpp-cuda', 'llama.cpp on GPUs')];
    expect(labels([gpu(0)], noVllm)).toEqual(['GPU 0, 24.0 GiB: llama.cpp on GPUs']);
  });
});
