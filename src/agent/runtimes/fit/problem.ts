import type { Capability, SlotConfig } from '../../../shared/contract/index.ts';
import {
  about,
  estimateLlama,
  estimateVllm,
  exactly,
  totalOf,
  weightBytes,
  type Estimate,
  type FitPlace,
  type FitSettings,
  type ModelGeometry,
  type Need,
  type Parts,
  type Range,
} from '../../gpus/index.ts';
import type { RuntimeSpec } from '../specs/spec.ts';
import type { MeasuredMemory } from './engine-report.ts';

/** Which rules of memory an engine follows. */
export type EngineFamily = 'llama.cpp' | 'node-llama-cpp' | 'vllm' | 'other';

/** A question that has an answer: this model, these settings, these places. */
export interface FitProblem {
  readonly family: EngineFamily;
  readonly geometry: ModelGeometry;
  readonly settings: FitSettings;
  /** Empty for a runtime on the CPU. */
  readonly gpus: readonly FitPlace[];
  readonly memory: FitPlace;
  /** The part of a GPU that a person gave the engine; null when nobody did. */
  readonly share: number | null;
  /** What the engine reported of exactly this, beside what was calculated then. */
  readonly measured: Measurement | null;
}

export interface Measurement {
  readonly measured: MeasuredMemory;
  readonly estimated: MeasuredMemory;
  readonly count: number;
}

export function familyOf(spec: Pick<RuntimeSpec, 'engine'>): EngineFamily {
  const families: readonly EngineFamily[] = ['llama.cpp', 'node-llama-cpp', 'vllm'];
  return families.find((family) => family === spec.engine) ?? 'other';
}

const DEFAULTS = { batch: 2048, ubatch: 512 } as const;

/** What of the settings in force changes memory. Pure. */
export function fitSettings(
  spec: Pick<RuntimeSpec, 'engine' | 'device' | 'inferred_context_cap'>,
  values: SlotConfig,
  capability: Capability,
  gpuCount: number,
): FitSettings {
  const isEmbedded = familyOf(spec) === 'node-llama-cpp';
  return {
    contextLength: values.context_length ?? spec.inferred_context_cap,
    parallel: values.parallel ?? 1,
    kvCacheType: values.kv_cache_type ?? 'auto',
    flashAttention: values.flash_attention ?? 'auto',
    batch: isEmbedded ? DEFAULTS.ubatch : (values.batch_size ?? DEFAULTS.batch),
    ubatch: values.ubatch_size ?? DEFAULTS.ubatch,
    gpuLayers: spec.device === 'cuda' ? (values.gpu_layers ?? 'auto') : 0,
    tensorParallel: values.tensor_parallel_size ?? Math.max(1, gpuCount),
    enforceEager: values.enforce_eager ?? false,
    maxBatchedTokens: values.max_num_batched_tokens ?? null,
    // node-llama-cpp takes batches of 512 and keeps an output for each of their tokens.
    allOutputs: isEmbedded || capability !== 'llm_inference',
  };
}

/** What the problem needs under `settings` on `gpus`. Pure. */
export function estimateOf(
  problem: FitProblem,
  settings: FitSettings = problem.settings,
  gpus: readonly FitPlace[] = problem.gpus,
): Estimate {
  const estimate = calculated(problem, settings, gpus);
  const corrected = problem.measured === null ? estimate : correct(estimate, problem);
  if (problem.share === null) return corrected;
  return { ...corrected, needs: corrected.needs.map((need) => fillShare(need, problem.share ?? 1)) };
}

function calculated(
  { family, geometry, memory }: FitProblem,
  settings: FitSettings,
  gpus: readonly FitPlace[],
): Estimate {
  switch (family) {
    case 'vllm':
      return estimateVllm(geometry, settings, gpus.length === 0 ? [memory] : gpus);
    case 'other':
      return estimateOther(geometry, gpus.length === 0 ? [memory] : gpus);
    default:
      return estimateLlama(geometry, settings, { gpus, memory });
  }
}

/** An engine without rules here: its weights, and a share of them for whatever it does besides. */
function estimateOther(geometry: ModelGeometry, places: readonly FitPlace[]): Estimate {
  const each = weightBytes(geometry.tensors) / places.length;
  const parts: Parts = {
    weights: about(each, 1, 1.1),
    kv_cache: exactly(0),
    compute: { low: 0.05 * each, expected: Math.round(0.15 * each), high: 0.5 * each },
    overhead: { low: 256 * 1024 ** 2, expected: 512 * 1024 ** 2, high: 1024 ** 3 },
  };
  return {
    needs: places.map((place) => ({ place, parts })),
    assumptions: [
      ...geometry.notes,
      'How this engine uses memory is not known here: only its weights are counted, and a sixth of them besides.',
    ],
  };
}

/** vLLM takes the whole share it is given and uses what is left of it as KV cache. */
function fillShare({ place, parts }: Need, share: number): Need {
  if (place.totalBytes === null) return { place, parts };
  const { weights, compute, overhead } = parts;
  const rest = place.totalBytes * share - weights.expected - compute.expected - overhead.expected;
  const kv = Math.max(parts.kv_cache.expected, Math.round(rest));
  return { place, parts: { ...parts, kv_cache: exactly(kv) } };
}

/** What was reported stands in place of what was calculated, in proportion where settings are tried. */
function correct(estimate: Estimate, { measured, family }: FitProblem): Estimate {
  const factorOf = (part: keyof MeasuredMemory): number | null => {
    const was = measured?.measured[part] ?? null;
    const thought = measured?.estimated[part] ?? null;
    return was === null || thought === null || thought <= 0 ? null : was / thought;
  };
  const scale = (range: Range, part: keyof MeasuredMemory): Range => {
    const factor = factorOf(part);
    if (factor === null) return range;
    return about(range.expected * factor, 0.999, 1.005);
  };
  return {
    ...estimate,
    needs: estimate.needs.map(({ place, parts }) => ({
      place,
      parts: {
        weights: scale(parts.weights, 'weights'),
        // vLLM reports what it could take, not what these requests need.
        kv_cache: family === 'vllm' ? parts.kv_cache : scale(parts.kv_cache, 'kv_cache'),
        compute: scale(parts.compute, 'compute'),
        // An engine reports only some of what it takes besides.
        overhead: parts.overhead,
      },
    })),
  };
}

/** Whether every place has room for what is expected; a place that does not say what is free is not held against it. */
export function fitsNow(problem: FitProblem, { needs }: Estimate): boolean {
  return needs.every(({ place, parts }) => {
    const needed = totalOf(parts).expected;
    if (problem.share !== null && place.totalBytes !== null && needed > place.totalBytes * problem.share + 1)
      return false;
    return place.availableBytes === null || needed <= place.availableBytes;
  });
}

/**
 * The share of each GPU that is enough for an engine that takes all it is given: what is needed, rounded up to a hundredth.
 * null for other engines, and when not even a whole GPU is enough.
 */
export function shareNeeded(problem: FitProblem): number | null {
  if (problem.family !== 'vllm' || problem.gpus.length === 0) return null;
  const { needs } = estimateOf({ ...problem, share: null });
  const shares = needs.map(({ place, parts }) =>
    place.totalBytes === null ? Number.POSITIVE_INFINITY : totalOf(parts).expected / place.totalBytes,
  );
  const share = Math.ceil(Math.max(...shares) * 100) / 100;
  return share > 1 ? null : share;
}
