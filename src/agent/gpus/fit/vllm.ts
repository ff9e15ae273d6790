import { kvElementBytes } from './kv-types.ts';
import {
  about,
  exactly,
  GIB,
  MIB,
  roundUp,
  weightBytes,
  type Estimate,
  type FitPlace,
  type FitSettings,
  type LayerGeometry,
  type ModelGeometry,
  type Range,
} from './geometry.ts';

/**
 * Memory of vLLM, for each GPU of a tensor-parallel group. Weights and KV cache follow vllm/v1/core/kv_cache_utils.py;
 * the peak of activations is the larger of the forward pass of one batch and of sampling (which sorts the logits of
 * every running request), read off published start logs (src/agent/gpus/fit/vllm.test.ts names them).
 */

/** Tokens of a block of the cache. */
const BLOCK_TOKENS = 16;
/** What vLLM batches without being told, on GPUs of workstations. */
const DEFAULT_BATCHED_TOKENS = 2048;
/** Copies of the logits that sampling holds at its peak: 9.7 to 9.8 in the logs. */
const SAMPLING_COPIES = 9.75;
/** CUDA context, NCCL and workspaces beside what PyTorch counts. */
const CONTEXT: Range = { low: 0.3 * GIB, expected: 0.5 * GIB, high: 0.9 * GIB };
const GRAPHS: Range = { low: 0.15 * GIB, expected: 0.5 * GIB, high: 1.5 * GIB };
/** Every rank keeps norms and biases whole, and pads what does not divide. */
const REPLICATED = 1.002;

export interface VllmEstimate extends Estimate {
  /** Bytes of the KV cache on each GPU, for `--kv-cache-memory-bytes`. */
  readonly kvCacheBytes: number;
}

export function estimateVllm(
  model: ModelGeometry,
  settings: FitSettings,
  gpus: readonly FitPlace[],
): VllmEstimate {
  const ranks = Math.max(1, settings.tensorParallel);
  const kvCacheBytes = kvBytes(model, settings, ranks);
  const weights = (weightBytes(model.tensors) / ranks) * (ranks > 1 ? REPLICATED : 1);
  const parts = {
    weights: about(weights, 0.99, 1.03),
    kv_cache: exactly(kvCacheBytes),
    compute: about(activationBytes(model, settings, ranks), 0.6, 1.6),
    overhead: overheadOf(settings),
  };
  const assumptions = [...model.notes];
  if (!settings.enforceEager) assumptions.push('vLLM captures CUDA graphs, which take 0.2 to 1.5 GiB.');
  return {
    needs: gpus.slice(0, ranks).map((place) => ({ place, parts })),
    assumptions,
    kvCacheBytes,
  };
}

/** Bytes that one token takes on one of `ranks` GPUs, over the layers that keep every token. */
export function vllmTokenBytes(model: ModelGeometry, type: string, ranks: number): number {
  return model.layers
    .filter((layer) => layer.attention === 'full' || layer.attention === 'latent')
    .reduce((sum, layer) => sum + layerTokenBytes(layer, model, type, ranks), 0);
}

function layerTokenBytes(layer: LayerGeometry, model: ModelGeometry, type: string, ranks: number): number {
  const bytes = type === 'auto' ? model.elementBytes : kvElementBytes(type);
  if (layer.attention === 'none') return 0;
  // Latent rows serve all heads, so every rank needs all of them.
  if (layer.attention === 'latent') return layer.keyLength * bytes;
  const heads = Math.max(1, Math.ceil(layer.kvHeads / ranks));
  return heads * (layer.keyLength + layer.valueLength) * bytes;
}

function kvBytes(model: ModelGeometry, settings: FitSettings, ranks: number): number {
  if (model.encoder) return 0;
  const tokens = roundUp(settings.contextLength, BLOCK_TOKENS);
  const batched = batchedTokens(settings);
  const windowed = Math.min(tokens, roundUp(model.window - 1 + batched, BLOCK_TOKENS) + BLOCK_TOKENS);
  const perRequest = model.layers.reduce((sum, layer) => {
    const kept = layer.attention === 'window' ? windowed : tokens;
    const state = (layer.recurrentElements * model.elementBytes) / ranks;
    return sum + layerTokenBytes(layer, model, settings.kvCacheType, ranks) * kept + state;
  }, 0);
  return Math.round(perRequest * settings.parallel);
}

function batchedTokens({ maxBatchedTokens }: FitSettings): number {
  return maxBatchedTokens ?? DEFAULT_BATCHED_TOKENS;
}

/** Peak of activations on one GPU. */
export function activationBytes(model: ModelGeometry, settings: FitSettings, ranks: number): number {
  const tokens = batchedTokens(settings);
  const widest = Math.max(
    0,
    ...model.layers.map((layer) => {
      const dense = layer.feedForward;
      const experts = layer.experts === null ? 0 : layer.experts.used * layer.experts.feedForward;
      return Math.max(dense, experts) / ranks;
    }),
  );
  // Gate, up and their product, beside four rows of the residual stream.
  const forward = tokens * (4 * model.embedding + 3 * widest) * model.elementBytes;
  const sampling = SAMPLING_COPIES * settings.parallel * model.vocabulary * 4;
  return Math.max(forward, model.encoder ? 0 : sampling, 64 * MIB);
}

function overheadOf({ enforceEager }: FitSettings): Range {
  if (enforceEager) return CONTEXT;
  return {
    low: CONTEXT.low + GRAPHS.low,
    expected: CONTEXT.expected + GRAPHS.expected,
    high: CONTEXT.high + GRAPHS.high,
  };
}
