import { kvElementBytes } from './kv-types.ts';
import {
  about,
  exactly,
  MIB,
  roundUp,
  weightBytes,
  type Estimate,
  type FitPlace,
  type FitSettings,
  type LayerGeometry,
  type ModelGeometry,
  type Need,
  type Range,
} from './geometry.ts';

/**
 * Memory of llama.cpp (llama-server and the embedded runtime): weights by tensor, the KV cache by its own rules of
 * padding, and the compute buffer by the largest set of tensors that its graph holds at once. The rules of cells are
 * those of llama-context.cpp, llama-kv-cache.cpp, llama-kv-cache-iswa.cpp and llama-memory-recurrent.cpp; the factors of
 * the compute buffer were read off what build 11669 reserves for 40 generated shapes (test/docker/fit.test.ts repeats 16).
 */
/** llama.cpp pads every cache to this many cells. */
const CELLS = 256;
const F32 = 4;
/** A process on the CPU: code, vocabulary, HTTP. Measured on build 11669: 60 to 110 MiB beside the buffers. */
const PROCESS: Range = { low: 40 * MIB, expected: 96 * MIB, high: 256 * MIB };
/** A CUDA context with cuBLAS, for each GPU that is used. gguf-parser counts 250 MiB, Ollama reserves 457. */
const CUDA: Range = { low: 250 * MIB, expected: 400 * MIB, high: 640 * MIB };
/** With several GPUs, llama.cpp keeps this many copies of a graph's inputs, so that they work in turn. */
const PIPELINE_COPIES = 4;

export function estimateLlama(
  model: ModelGeometry,
  settings: FitSettings,
  places: { readonly gpus: readonly FitPlace[]; readonly memory: FitPlace },
): Estimate {
  const cells = cellsOf(model, settings);
  const compute = computeBytes(model, settings, cells);
  const kvByLayer = model.layers.map((layer) => layerCache(layer, settings, cells));
  const assumptions = [...model.notes];
  if (places.gpus.length === 0) {
    const parts = {
      weights: exactly(weightBytes(model.tensors)),
      kv_cache: exactly(sum(kvByLayer)),
      compute: computeRange(model, settings, compute.total),
      overhead: PROCESS,
    };
    return { needs: [{ place: places.memory, parts }], assumptions };
  }
  if (settings.gpuLayers === 'auto') assumptions.push('Every layer is put on the GPU.');
  const split = splitLayers(model, settings, places.gpus);
  const copies = places.gpus.length > 1 ? PIPELINE_COPIES : 1;
  const needs: Need[] = places.gpus.map((place, index) => {
    const own = split.layers.flatMap((at, layer) => (at === index ? [layer] : []));
    const hasOutput = split.output === index;
    const head = hasOutput ? outputBytes(model) + model.tensors.other : 0;
    return {
      place,
      parts: {
        weights: exactly(sum(own.map((layer) => model.tensors.layers[layer] ?? 0)) + head),
        kv_cache: exactly(sum(own.map((layer) => kvByLayer[layer] ?? 0))),
        compute: computeRange(model, settings, compute.work + compute.inputs * copies),
        overhead: CUDA,
      },
    };
  });
  const onHost = split.layers.flatMap((at, layer) => (at === null ? [layer] : []));
  if (onHost.length > 0) {
    // Whatever is not on a GPU works in the machine's memory, and the token embedding always lies there.
    needs.push({
      place: places.memory,
      parts: {
        weights: exactly(
          sum(onHost.map((layer) => model.tensors.layers[layer] ?? 0)) + model.tensors.tokenEmbedding,
        ),
        kv_cache: exactly(sum(onHost.map((layer) => kvByLayer[layer] ?? 0))),
        compute: computeRange(model, settings, compute.total),
        overhead: PROCESS,
      },
    });
    assumptions.push(`${onHost.length} of ${model.layers.length} layers stay in the memory of the machine.`);
  }
  return { needs, assumptions };
}

export interface Cells {
  /** Cells of one request's cache, and how many caches there are. */
  readonly base: number;
  readonly streams: number;
  /** Of layers with a sliding window. */
  readonly window: number;
  readonly sequences: number;
  /** Tokens that one step of the graph works on. */
  readonly tokens: number;
}

/** How many cells llama.cpp makes: padded to 256 for each request; a window holds itself and one micro-batch. */
export function cellsOf(model: ModelGeometry, settings: FitSettings): Cells {
  const { parallel } = settings;
  const base = roundUp(Math.max(1, settings.contextLength), CELLS);
  const batch = model.encoder ? settings.batch : Math.min(base * parallel, settings.batch);
  const tokens = Math.min(batch, settings.ubatch);
  const window = roundUp(Math.min(base, model.window + tokens), CELLS);
  return { base, streams: parallel, window, sequences: parallel, tokens };
}

function layerCache(layer: LayerGeometry, settings: FitSettings, cells: Cells): number {
  const state = layer.recurrentElements * F32 * cells.sequences;
  const count = (layer.attention === 'window' ? cells.window : cells.base) * cells.streams;
  const type = settings.kvCacheType === 'auto' ? 'f16' : settings.kvCacheType;
  const bytes = kvElementBytes(type);
  switch (layer.attention) {
    case 'none':
      return state;
    case 'latent':
      return state + layer.keyLength * count * bytes;
    default:
      return state + layer.kvHeads * (layer.keyLength + layer.valueLength) * count * bytes;
  }
}

/**
 * The largest set of tensors that the graph holds at once: the inputs (masks) all the time, and beside them the worst
 * of feed-forward, experts, attention and output.
 */
function computeBytes(
  model: ModelGeometry,
  settings: FitSettings,
  cells: Cells,
): { work: number; inputs: number; total: number } {
  const { tokens } = cells;
  const row = tokens * model.embedding * F32;
  const flash = settings.flashAttention !== 'off' || isQuantised(settings.kvCacheType);
  const kinds = new Set(model.layers.map((layer) => layer.attention));
  const maskBytes = flash ? 2 : F32;
  const masks =
    (kinds.has('full') || kinds.has('latent') ? cells.base : 0) + (kinds.has('window') ? cells.window : 0);
  const inputs = model.encoder ? tokens * tokens * maskBytes : tokens * masks * maskBytes;
  const layers = distinct(model.layers).map((layer) =>
    Math.max(
      feedForwardBytes(layer, tokens, row),
      attentionBytes(layer, tokens, row, flash ? 0 : model.encoder ? tokens : cells.base),
    ),
  );
  const outputs = settings.allOutputs ? tokens : cells.sequences;
  const logits = model.encoder ? 0 : outputs * model.vocabulary * F32;
  const work = Math.max(...layers, logits + (settings.allOutputs ? 5 * row : 0), row);
  // The buffer that answers are read from is one row of logits for each request.
  const result = cells.sequences * model.vocabulary * F32;
  return { work, inputs, total: work + inputs + (model.encoder ? 0 : result) };
}

function feedForwardBytes(layer: LayerGeometry, tokens: number, row: number): number {
  const dense = 5 * row + 3 * tokens * layer.feedForward * F32;
  if (layer.experts === null) return dense;
  const { used, feedForward } = layer.experts;
  const wide = 5 * row + 3 * tokens * used * feedForward * F32;
  // The answers of the chosen experts lie side by side twice: as they come, and weighted.
  const answers = 2 * used * row + 4.5 * row;
  return Math.max(wide, answers);
}

function attentionBytes(layer: LayerGeometry, tokens: number, row: number, scores: number): number {
  const queries = tokens * layer.heads * layer.keyLength * F32;
  const keys = tokens * layer.kvHeads * layer.keyLength * F32;
  const values = tokens * layer.kvHeads * layer.valueLength * F32;
  // A recurrent layer holds its inner rows in place of queries.
  const recurrent = layer.recurrentElements > 0 ? 8 * row : 0;
  if (layer.attention === 'none') return 3 * row + recurrent;
  if (scores === 0) return 3 * row + 2 * queries + 1.25 * (keys + values) + recurrent;
  return tokens * scores * layer.heads * F32 + 4 * row + 2 * queries + keys + values + recurrent;
}

function computeRange(model: ModelGeometry, settings: FitSettings, bytes: number): Range {
  const recurrent = model.layers.some((layer) => layer.recurrentElements > 0);
  const range = about(bytes, recurrent ? 0.6 : 0.85, recurrent ? 1.6 : 1.15);
  if (settings.allOutputs || model.encoder) return range;
  // Builds of before autumn 2026 kept logits for a whole micro-batch.
  const older = Math.min(settings.ubatch, settings.batch) * model.vocabulary * F32;
  return {
    ...range,
    high: Math.max(range.high, Math.round(older + 5 * settings.ubatch * model.embedding * F32)),
  };
}

/** Which GPU holds which layer, null for the machine: the last layers go to GPUs, split by what is free on them. */
function splitLayers(
  model: ModelGeometry,
  settings: FitSettings,
  gpus: readonly FitPlace[],
): { layers: (number | null)[]; output: number | null } {
  const count = model.layers.length;
  const wanted = typeof settings.gpuLayers === 'number' ? settings.gpuLayers : count + 1;
  const onGpu = Math.min(wanted, count + 1);
  const first = Math.max(0, count + 1 - onGpu);
  const free = gpus.map((gpu) => gpu.availableBytes ?? gpu.totalBytes ?? 1);
  const all = sum(free);
  const placeOf = (layer: number): number | null => {
    if (layer < first) return null;
    const share = (layer - first) / Math.max(1, onGpu);
    let reached = 0;
    for (const [index, bytes] of free.entries()) {
      reached += bytes / all;
      if (share < reached) return index;
    }
    return gpus.length - 1;
  };
  return {
    layers: Array.from({ length: count }, (_, layer) => placeOf(layer)),
    output: onGpu > 0 ? placeOf(count) : null,
  };
}

/** On a GPU a tied output is a second copy of the token embedding, which stays in memory. */
function outputBytes({ tensors, tied }: ModelGeometry): number {
  return tied ? tensors.tokenEmbedding : tensors.output;
}

function isQuantised(type: string): boolean {
  return !['auto', 'f32', 'f16', 'bf16'].includes(type);
}

/** Most models have one or two kinds of layer; the rest repeat them. */
function distinct(layers: readonly LayerGeometry[]): LayerGeometry[] {
  return [...new Map(layers.map((layer) => [JSON.stringify(layer), layer])).values()];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
