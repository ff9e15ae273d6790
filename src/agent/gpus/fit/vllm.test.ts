import { describe, expect, it } from 'vitest';
import { GIB, type FitSettings, type LayerGeometry, type ModelGeometry } from './geometry.ts';
import { activationBytes, estimateVllm, vllmTokenBytes } from './vllm.ts';

/**
 * Against what vLLM wrote when it started, as people have published it. Each row names its source; the shapes are those
 * of the models' config.json. A GiB in a log has two decimals, so small figures are not exact themselves.
 */
interface Recorded {
  readonly name: string;
  readonly source: string;
  readonly model: Shape;
  readonly ranks?: number;
  readonly weightsGib?: number;
  readonly kv?: { readonly gib: number; readonly tokens: number };
  readonly activation?: { readonly gib: number; readonly sequences: number; readonly batched: number };
}

interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly intermediate: number;
  readonly vocabulary: number;
  /** Bytes of all safetensors files. */
  readonly bytes: number;
}

const LLAMA_8B: Shape = {
  layers: 32,
  hidden: 4096,
  heads: 32,
  kvHeads: 8,
  headSize: 128,
  intermediate: 14_336,
  vocabulary: 128_256,
  bytes: 16_060_522_496,
};
const QWEN25_1_5B: Shape = {
  layers: 28,
  hidden: 1536,
  heads: 12,
  kvHeads: 2,
  headSize: 128,
  intermediate: 8960,
  vocabulary: 151_936,
  bytes: 3_087_428_608,
};
const QWEN3_8B: Shape = {
  layers: 36,
  hidden: 4096,
  heads: 32,
  kvHeads: 8,
  headSize: 128,
  intermediate: 12_288,
  vocabulary: 151_936,
  bytes: 16_381_470_720,
};
const QWEN3_30B_A3B: Shape = {
  layers: 48,
  hidden: 2048,
  heads: 32,
  kvHeads: 4,
  headSize: 128,
  intermediate: 6144,
  vocabulary: 151_936,
  bytes: 61_064_245_248,
};
const QWEN3_235B: Shape = {
  layers: 94,
  hidden: 4096,
  heads: 64,
  kvHeads: 4,
  headSize: 128,
  intermediate: 12_288,
  vocabulary: 151_936,
  bytes: 0,
};

const RECORDED: readonly Recorded[] = [
  {
    name: 'Llama 3.1 8B on a 24 GB card, vLLM 0.7',
    source:
      'Hugging Face inference endpoints, "Loading model weights took 14.9888 GB", 2356 blocks of 4.60 GiB',
    model: LLAMA_8B,
    weightsGib: 14.9888,
    kv: { gib: 4.6, tokens: 2356 * 16 },
  },
  {
    name: 'Llama 3.1 8B on an 80 GB card, vLLM 0.6',
    source: 'notes on a book about serving models, "PyTorch activation peak memory takes 1.19GiB"',
    model: LLAMA_8B,
    weightsGib: 14.99,
    activation: { gib: 1.19, sequences: 256, batched: 2048 },
  },
  {
    name: 'Qwen2.5 1.5B on a T4, vLLM 0.7',
    source: 'a notebook on GitHub, "Loading model weights took 2.8875 GB", 5519 blocks of 2.36 GiB',
    model: QWEN25_1_5B,
    weightsGib: 2.8875,
    kv: { gib: 2.36, tokens: 5519 * 16 },
  },
  {
    name: 'Qwen2.5 1.5B on a DGX Spark, vLLM V1',
    source:
      'a routing demo on GitHub, "Available KV cache memory: 0.56 GiB", "GPU KV cache size: 20,992 tokens"',
    model: QWEN25_1_5B,
    weightsGib: 2.89,
    kv: { gib: 0.56, tokens: 20_992 },
  },
  {
    name: 'Qwen3 8B on four cards, vLLM 0.8.5',
    source:
      'a deployment guide on GitHub, "model weights take 3.85GiB", 14.49 GiB for 6.44 times 65536 tokens',
    model: QWEN3_8B,
    ranks: 4,
    weightsGib: 3.85,
    kv: { gib: 14.49, tokens: 6.44 * 65_536 },
    activation: { gib: 1.45, sequences: 256, batched: 8192 },
  },
  {
    name: 'Qwen3 30B A3B on two cards',
    source: 'a development log on GitHub, "28.4767 GiB" for each worker',
    model: QWEN3_30B_A3B,
    ranks: 2,
    weightsGib: 28.4767,
  },
  {
    name: 'Qwen3 235B A22B FP8 on four H100, vLLM V1',
    source: 'vllm-project/vllm issue 21348, 8.11 GiB for 178,880 tokens',
    model: QWEN3_235B,
    ranks: 4,
    kv: { gib: 8.11, tokens: 178_880 },
  },
];

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

const layer = (shape: Shape, more: Partial<LayerGeometry> = {}): LayerGeometry => ({
  heads: shape.heads,
  kvHeads: shape.kvHeads,
  keyLength: shape.headSize,
  valueLength: shape.headSize,
  feedForward: shape.intermediate,
  experts: null,
  attention: 'full',
  recurrentElements: 0,
  ...more,
});

function geometry(shape: Shape, layers?: readonly LayerGeometry[]): ModelGeometry {
  return {
    format: 'safetensors',
    architecture: 'X',
    embedding: shape.hidden,
    vocabulary: shape.vocabulary,
    trainedContext: 32_768,
    window: 1024,
    layers: layers ?? Array.from({ length: shape.layers }, () => layer(shape)),
    tensors: { tokenEmbedding: 0, output: 0, layers: [shape.bytes], other: 0 },
    tied: false,
    encoder: false,
    elementBytes: 2,
    notes: [],
  };
}

const place = (index: number) => ({
  uuid: `GPU-${index}`,
  name: 'a card',
  label: `GPU ${index}`,
  totalBytes: 80 * GIB,
  availableBytes: 79 * GIB,
});

describe('vLLM', () => {
  it.each(RECORDED)('$name: within 10 % of its log', ({ model, ranks = 1, weightsGib, kv, activation }) => {
    const shape = geometry(model);
    const near = (calculated: number, gib: number): void => {
      expect(Math.abs(calculated / (gib * GIB) - 1)).toBeLessThan(0.1);
    };
    if (weightsGib !== undefined) {
      const settings = { ...SETTINGS, tensorParallel: ranks };
      const { needs } = estimateVllm(shape, settings, [0, 1, 2, 3].map(place));
      expect(needs).toHaveLength(ranks);
      near(needs[0]?.parts.weights.expected ?? 0, weightsGib);
    }
    if (kv !== undefined) near(vllmTokenBytes(shape, 'auto', ranks) * kv.tokens, kv.gib);
    if (activation !== undefined) {
      const settings = {
        ...SETTINGS,
        parallel: activation.sequences,
        maxBatchedTokens: activation.batched,
      };
      near(activationBytes(shape, settings, ranks), activation.gib);
    }
  });

  const perRequest = (layers: readonly LayerGeometry[], more: Partial<FitSettings> = {}, ranks = 1): number =>
    estimateVllm(
      geometry(LLAMA_8B, layers),
      { ...SETTINGS, tensorParallel: ranks, ...more },
      [0, 1, 2, 3].map(place),
    ).needs[0]?.parts.kv_cache.expected ?? 0;
  const full = layer(LLAMA_8B);

  it('keeps whole blocks of 16 tokens for each request', () => {
    expect(perRequest([full], { contextLength: 17 })).toBe(32 * 8 * 256 * 2);
    expect(perRequest([full], { contextLength: 32, parallel: 3 })).toBe(3 * 32 * 8 * 256 * 2);
  });

  it('halves it with one-byte floats, and shares heads among GPUs down to one each', () => {
    const whole = perRequest([full]);
    expect(perRequest([full], { kvCacheType: 'fp8' })).toBe(whole / 2);
    expect(perRequest([full], {}, 4)).toBe(whole / 4);
    expect(perRequest([layer(LLAMA_8B, { kvHeads: 2 })], {}, 4)).toBe(whole / 8);
  });

  it('keeps a latent row whole on each GPU, and no more than the window of a sliding layer', () => {
    const latent = layer(LLAMA_8B, { attention: 'latent', kvHeads: 1, keyLength: 576, valueLength: 512 });
    expect(perRequest([latent], {}, 4)).toBe(4096 * 576 * 2);
    const window = layer(LLAMA_8B, { attention: 'window' });
    expect(perRequest([window], { contextLength: 32_768 })).toBeLessThan(4096 * 8 * 256 * 2);
    expect(perRequest([window], { contextLength: 1024 })).toBe(perRequest([full], { contextLength: 1024 }));
  });

  it('keeps the state of a recurrent layer whatever the length', () => {
    const state = layer(LLAMA_8B, { attention: 'none', recurrentElements: 1000 });
    expect(perRequest([state], { contextLength: 256 })).toBe(2000);
    expect(perRequest([state], { contextLength: 32_768, parallel: 4 })).toBe(8000);
  });
});
