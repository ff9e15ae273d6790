import { describe, expect, it } from 'vitest';
import { GIB, MIB, totalOf, type FitSettings, type LayerGeometry, type ModelGeometry } from './geometry.ts';
import { cellsOf, estimateLlama } from './llama.ts';
import { largestThatFits } from './solve.ts';

// What build 11669 of llama-server reports of the same shapes stands in test/docker/fit.test.ts.

const LAYER: LayerGeometry = {
  heads: 16,
  kvHeads: 4,
  keyLength: 64,
  valueLength: 64,
  feedForward: 2816,
  experts: null,
  attention: 'full',
  recurrentElements: 0,
};
const MODEL: ModelGeometry = {
  format: 'gguf',
  architecture: 'llama',
  embedding: 1024,
  vocabulary: 32_000,
  trainedContext: 8192,
  window: 512,
  layers: Array.from({ length: 4 }, () => LAYER),
  tensors: {
    tokenEmbedding: 100 * MIB,
    output: 100 * MIB,
    layers: [10, 20, 30, 40].map((n) => n * MIB),
    other: 0,
  },
  tied: false,
  encoder: false,
  elementBytes: 2,
  notes: [],
};
const SETTINGS: FitSettings = {
  contextLength: 4096,
  parallel: 1,
  kvCacheType: 'auto',
  flashAttention: 'auto',
  batch: 2048,
  ubatch: 512,
  gpuLayers: 'auto',
  tensorParallel: 1,
  enforceEager: false,
  maxBatchedTokens: null,
  allOutputs: false,
};
const memory = {
  uuid: null,
  name: 'memory',
  label: 'memory',
  totalBytes: 64 * GIB,
  availableBytes: 64 * GIB,
};
const gpu = (index: number, free: number) => ({
  uuid: `GPU-${index}`,
  name: 'a card',
  label: `GPU ${index}`,
  totalBytes: 24 * GIB,
  availableBytes: free * GIB,
});
const onCpu = (model: ModelGeometry, settings: Partial<FitSettings> = {}) =>
  estimateLlama(model, { ...SETTINGS, ...settings }, { gpus: [], memory }).needs[0]!.parts;
const kv = (model: ModelGeometry, settings: Partial<FitSettings> = {}): number =>
  onCpu(model, settings).kv_cache.expected;
const layersOf = (more: Partial<LayerGeometry>): ModelGeometry => ({
  ...MODEL,
  layers: [{ ...LAYER, ...more }],
});

describe('cells of llama.cpp', () => {
  it.each([
    [4096, 1, 4096],
    [1000, 1, 1024],
    [333, 3, 512],
    [4096, 4, 4096],
  ])('%d tokens for each of %d requests: %d', (contextLength, parallel, base) => {
    expect(cellsOf(MODEL, { ...SETTINGS, contextLength, parallel })).toMatchObject({
      base,
      streams: parallel,
    });
  });

  it('hold a window and one micro-batch, never more than the context', () => {
    const window = (settings: Partial<FitSettings>): number =>
      cellsOf(MODEL, { ...SETTINGS, ...settings }).window;
    expect(window({})).toBe(1024);
    expect(window({ ubatch: 100 })).toBe(768);
    expect(window({ contextLength: 512 })).toBe(512);
  });
});

describe('the KV cache of llama.cpp', () => {
  const perToken = 4 * (64 + 64);
  it.each([
    ['full attention', layersOf({}), {}, 4096 * perToken * 2],
    ['eight bits', layersOf({}), { kvCacheType: 'q8_0' }, 4096 * perToken * 1.0625],
    ['four bits', layersOf({}), { kvCacheType: 'q4_0' }, 4096 * perToken * 0.5625],
    ['a window', layersOf({ attention: 'window' }), {}, 1024 * perToken * 2],
    ['a latent row', layersOf({ attention: 'latent', keyLength: 576, valueLength: 512 }), {}, 4096 * 576 * 2],
    [
      'a state of two requests',
      layersOf({ attention: 'none', recurrentElements: 1000 }),
      { parallel: 2 },
      8000,
    ],
    ['an encoder', layersOf({ attention: 'none' }), {}, 0],
  ] as const)('of %s', (_name, model, settings, bytes) => {
    expect(kv(model, settings)).toBe(bytes);
  });
});

describe('the compute buffer of llama.cpp', () => {
  it('grows with the attention matrix without flash attention, and with all outputs', () => {
    const compute = (settings: Partial<FitSettings>): number => onCpu(MODEL, settings).compute.expected;
    expect(compute({ flashAttention: 'off' }) - compute({})).toBeGreaterThan(100 * MIB);
    expect(compute({ allOutputs: true })).toBeGreaterThan(512 * 32_000 * 4);
    // A quantised cache turns flash attention on.
    expect(compute({ flashAttention: 'off', kvCacheType: 'q8_0' })).toBe(compute({}));
  });

  it('is a range that reaches what older builds took', () => {
    const { low, expected, high } = onCpu(MODEL).compute;
    expect(low).toBeLessThan(expected);
    expect(high).toBeGreaterThan(512 * 32_000 * 4);
  });
});

describe('layers on GPUs', () => {
  const split = (gpus: ReturnType<typeof gpu>[], settings: Partial<FitSettings> = {}, model = MODEL) =>
    estimateLlama(model, { ...SETTINGS, ...settings }, { gpus, memory }).needs.map(({ place, parts }) => ({
      place: place.label,
      weights: parts.weights.expected / MIB,
    }));

  it('are all on one, with the output but without the token embedding', () => {
    expect(split([gpu(0, 20)])).toEqual([{ place: 'GPU 0', weights: 200 }]);
    expect(
      split([gpu(0, 20)], {}, { ...MODEL, tied: true, tensors: { ...MODEL.tensors, output: 0 } }),
    ).toEqual([{ place: 'GPU 0', weights: 200 }]);
  });

  it('are shared by what is free', () => {
    expect(split([gpu(0, 20), gpu(1, 20)])).toEqual([
      { place: 'GPU 0', weights: 60 },
      { place: 'GPU 1', weights: 140 },
    ]);
    expect(split([gpu(0, 4), gpu(1, 16)])).toEqual([
      { place: 'GPU 0', weights: 10 },
      { place: 'GPU 1', weights: 190 },
    ]);
  });

  it('stay in memory where the slot says so', () => {
    expect(split([gpu(0, 20)], { gpuLayers: 2 })).toEqual([
      { place: 'GPU 0', weights: 140 },
      { place: 'memory', weights: 160 },
    ]);
  });

  it('keep the cache where they are', () => {
    const all = estimateLlama(MODEL, SETTINGS, { gpus: [gpu(0, 20), gpu(1, 20)], memory }).needs;
    expect(all.reduce((sum, { parts }) => sum + parts.kv_cache.expected, 0)).toBe(kv(MODEL));
    for (const { parts } of all) expect(totalOf(parts).expected).toBeGreaterThan(400 * MIB);
  });
});

describe('the largest that fits', () => {
  it.each([
    [1050, 1000],
    [99, null],
    [10_000, 2500],
    [100, 100],
  ])('below %d is %s', (limit, found) => {
    expect(largestThatFits(100, 2500, (value) => value <= limit)).toBe(found);
  });
});
