import type { FitWay } from '../../../shared/contract/index.ts';
import { totalOf, type Estimate, type FitPlace, type FitSettings } from '../../gpus/index.ts';
import { estimateOf, fitsNow, shareNeeded, type FitProblem } from './problem.ts';
import { count, placesInWords, size } from './words.ts';

/** A slot beside this one that holds memory on the same places. */
export interface Neighbour {
  readonly slotId: string;
  /** Bytes it would give back, by GPU; the machine's memory under ''. */
  readonly heldBytes: ReadonlyMap<string, number>;
}

export interface WaysInput {
  readonly problem: FitProblem;
  /** GPUs of the node besides those that were chosen. */
  readonly otherGpus: readonly FitPlace[];
  readonly neighbours: readonly Neighbour[];
  /** Settings that the runtime takes. */
  readonly settings: readonly string[];
  readonly maxContext: number | null;
  readonly maxParallel: number | null;
  readonly fits: boolean;
}

/** Other ways to make a model fit, each with what it would need: for the person to choose from. Pure. */
export function otherWays(input: WaysInput): FitWay[] {
  const { problem, maxContext, maxParallel, settings: takes } = input;
  const { settings } = problem;
  const ways: (FitWay | null)[] = [];
  if (maxContext !== null && maxContext < settings.contextLength && takes.includes('context_length'))
    ways.push(
      tried(input, `Use ${count(maxContext)} tokens of context`, { context_length: maxContext }, (now) => ({
        ...now,
        contextLength: maxContext,
      })),
    );
  if (maxParallel !== null && maxParallel < settings.parallel && takes.includes('parallel'))
    ways.push(
      tried(input, `Answer ${maxParallel} at once`, { parallel: maxParallel }, (now) => ({
        ...now,
        parallel: maxParallel,
      })),
    );
  if (input.fits) return ways.filter((way) => way !== null);
  ways.push(smallerShare(input), smallerCache(input), moreGpus(input));
  if (problem.family === 'vllm' && !settings.enforceEager && takes.includes('enforce_eager'))
    ways.push(
      tried(input, 'Without CUDA graphs', { enforce_eager: true }, (now) => ({ ...now, enforceEager: true })),
    );
  ways.push(...unloading(input));
  return ways.filter((way) => way !== null);
}

/** vLLM wants its share to be free, needed or not. */
function smallerShare({ problem, settings: takes }: WaysInput): FitWay | null {
  const share = shareNeeded(problem);
  if (share === null || problem.share === null || share === problem.share) return null;
  if (!takes.includes('gpu_memory_utilization')) return null;
  const estimate = estimateOf({ ...problem, share });
  return {
    ...sums(estimate),
    label: `Give it ${Math.round(share * 100)} % of the GPU`,
    fits: fitsNow({ ...problem, share }, estimate),
    patch: { gpu_memory_utilization: share },
    gpu_ids: null,
    unload: [],
  };
}

function smallerCache(input: WaysInput): FitWay | null {
  const { problem, settings: takes } = input;
  if (!takes.includes('kv_cache_type') || problem.family === 'other') return null;
  const type = problem.family === 'vllm' ? 'fp8' : 'q8_0';
  const isLarge = ['auto', 'f32', 'f16', 'bf16'].includes(problem.settings.kvCacheType);
  if (!isLarge) return null;
  return tried(input, `KV cache ${type}`, { kv_cache_type: type }, (now) => ({ ...now, kvCacheType: type }));
}

function moreGpus(input: WaysInput): FitWay | null {
  const { problem, otherGpus } = input;
  if (problem.gpus.length === 0 || otherGpus.length === 0) return null;
  // The emptiest first: fewer is better than all.
  const spare = otherGpus.toSorted((a, b) => (b.availableBytes ?? 0) - (a.availableBytes ?? 0));
  let last: FitWay | null = null;
  for (let more = 1; more <= spare.length; more += 1) {
    const gpus = [...problem.gpus, ...spare.slice(0, more)];
    const isVllm = problem.family === 'vllm';
    if (isVllm && !divides(problem, gpus.length)) continue;
    const settings = isVllm ? { ...problem.settings, tensorParallel: gpus.length } : problem.settings;
    const estimate = estimateOf(problem, settings, gpus);
    const fits = fitsNow(problem, estimate);
    last = {
      ...sums(estimate),
      label: placesInWords(gpus.map(({ label }) => label)),
      fits,
      patch: isVllm ? { tensor_parallel_size: gpus.length } : {},
      gpu_ids: gpus.flatMap(({ uuid }) => (uuid === null ? [] : [uuid])),
      unload: [],
    };
    if (fits) return last;
  }
  return last;
}

/** vLLM gives every rank whole attention heads. */
function divides({ geometry }: FitProblem, ranks: number): boolean {
  return geometry.layers.every(({ heads }) => heads % ranks === 0);
}

function unloading({ problem, neighbours }: WaysInput): FitWay[] {
  const estimate = estimateOf(problem);
  const chosen: Neighbour[] = [];
  const ways: FitWay[] = [];
  const bySize = neighbours.toSorted((a, b) => total(b) - total(a));
  // One that is enough by itself is better than several.
  for (const one of bySize) ways.push(without(problem, estimate, [one]));
  const enough = ways.some((way) => way.fits);
  if (!enough && bySize.length > 1) {
    for (const one of bySize) {
      chosen.push(one);
      const way = without(problem, estimate, chosen);
      if (chosen.length > 1 && (way.fits || chosen.length === bySize.length)) {
        ways.push(way);
        break;
      }
    }
  }
  return ways.toSorted((a, b) => Number(b.fits) - Number(a.fits)).slice(0, 3);
}

function without(problem: FitProblem, estimate: Estimate, freed: readonly Neighbour[]): FitWay {
  const more = (place: FitPlace): FitPlace => ({
    ...place,
    availableBytes:
      place.availableBytes === null
        ? null
        : place.availableBytes +
          freed.reduce((sum, { heldBytes }) => sum + (heldBytes.get(place.uuid ?? '') ?? 0), 0),
  });
  const needs = estimate.needs.map(({ place, parts }) => ({ place: more(place), parts }));
  const fits = fitsNow(problem, { ...estimate, needs });
  const names = freed.map(({ slotId }) => slotId).join(' and ');
  return {
    ...sums({ ...estimate, needs }),
    label: fits
      ? `Unload ${names}`
      : `Unload ${names}: not enough, it frees ${size(freed.reduce((sum, one) => sum + total(one), 0))}`,
    fits,
    patch: {},
    gpu_ids: null,
    unload: freed.map(({ slotId }) => slotId),
  };
}

function tried(
  { problem }: WaysInput,
  label: string,
  patch: FitWay['patch'],
  change: (settings: FitSettings) => FitSettings,
): FitWay {
  const estimate = estimateOf(problem, change(problem.settings));
  return {
    ...sums(estimate),
    label,
    fits: fitsNow(problem, estimate),
    patch,
    gpu_ids: null,
    unload: [],
  };
}

function sums({ needs }: Estimate): Pick<FitWay, 'total_bytes' | 'spare_bytes'> {
  const totals = needs.map(({ place, parts }) => ({ place, bytes: totalOf(parts).expected }));
  const spare = totals.map(({ place, bytes }) => (place.availableBytes ?? bytes) - bytes);
  return {
    total_bytes: Math.round(totals.reduce((sum, { bytes }) => sum + bytes, 0)),
    spare_bytes: Math.round(Math.min(...spare)),
  };
}

function total({ heldBytes }: Neighbour): number {
  return [...heldBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
}
