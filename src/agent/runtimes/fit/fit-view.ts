import type { Fit, FitDevice, FitWay, MemoryRange, RequiredMemory } from '../../../shared/contract/index.ts';
import {
  addRanges,
  largestThatFits,
  PART_NAMES,
  totalOf,
  type Estimate,
  type FitPlace,
  type Need,
  type Parts,
} from '../../gpus/index.ts';
import { estimateOf, fitsNow, shareNeeded, type FitProblem } from './problem.ts';
import { otherWays, type Neighbour } from './ways.ts';
import { count, placesInWords, size, sizeBeside, sizeRange } from './words.ts';

export interface FitQuestion {
  readonly problem: FitProblem;
  readonly modelId: string;
  readonly engine: string | null;
  readonly otherGpus: readonly FitPlace[];
  readonly neighbours: readonly Neighbour[];
  /** Settings that the runtime takes. */
  readonly settings: readonly string[];
  readonly assumptions: readonly string[];
}

/** Contexts are tried in steps of what llama.cpp pads to; beyond this nobody was trained. */
const CONTEXT_STEP = 256;
const MOST_CONTEXT = 1_048_576;
/** llama.cpp's own limit (LLAMA_MAX_SEQ). */
const MOST_PARALLEL = 256;

/** Whether a model fits, and everything a person needs to decide. Pure. */
export function answerFit(question: FitQuestion): Fit {
  const { problem } = question;
  const { settings, geometry } = problem;
  const estimate = estimateOf(problem);
  const fits = fitsNow(problem, estimate);
  const isKept = geometry.layers.some((layer) => layer.attention !== 'none');
  const tries = (change: Partial<typeof settings>): boolean =>
    fitsNow(problem, estimateOf(problem, { ...settings, ...change }));
  const maxContext = isKept
    ? largestContext(geometry.trainedContext, settings.contextLength, fits, (contextLength) =>
        tries({ contextLength }),
      )
    : fits
      ? settings.contextLength
      : null;
  const maxParallel = largestThatFits(1, MOST_PARALLEL, (parallel) => tries({ parallel }));
  const ways = otherWays({ ...question, maxContext, maxParallel, fits });
  const places = estimate.needs.map(({ place, parts }) => deviceOf(problem, { place, parts }));
  const parts = sumParts(estimate);
  const missing = estimate.needs.map(({ place, parts: needed }) =>
    Math.max(0, totalOf(needed).expected - (place.availableBytes ?? Number.MAX_SAFE_INTEGER)),
  );
  const available = estimate.needs.map(({ place }) => place.availableBytes ?? 0);
  return {
    fits,
    verdict: verdictOf(question, estimate, { fits, maxContext, ways }),
    place: problem.gpus.length > 0 ? 'gpu' : 'memory',
    context_length: settings.contextLength,
    parallel: settings.parallel,
    required: requiredOf(parts),
    breakdown: breakdownOf(parts),
    available_bytes: sum(available),
    missing_bytes: Math.round(sum(missing)),
    max_context_length: maxContext,
    max_parallel: maxParallel,
    trained_context_length: geometry.trainedContext,
    gpu_memory_utilization: shareNeeded(problem),
    per_gpu: places,
    ways,
    assumptions: [...question.assumptions, ...estimate.assumptions],
    learned: learnedOf(question),
  };
}

/** Up to what the model was trained for, or what is asked for when that is more. */
function largestContext(
  trained: number | null,
  asked: number,
  fits: boolean,
  tries: (contextLength: number) => boolean,
): number | null {
  const most = Math.max(trained ?? MOST_CONTEXT, fits ? asked : 0);
  if (fits && most <= asked) return asked;
  const found = largestThatFits(CONTEXT_STEP, most, tries);
  if (fits && (found === null || found < asked)) return asked;
  // A model that was trained for a number between two steps may have all of it.
  return found !== null && most - found < CONTEXT_STEP && tries(most) ? most : found;
}

export function requiredOf(parts: Parts): RequiredMemory {
  const total = totalOf(parts);
  return {
    weights_bytes: Math.round(parts.weights.expected),
    kv_cache_bytes: Math.round(parts.kv_cache.expected),
    compute_bytes: Math.round(parts.compute.expected),
    overhead_bytes: Math.round(parts.overhead.expected),
    total_bytes: Math.round(total.expected),
    low_bytes: Math.round(total.low),
    high_bytes: Math.round(total.high),
  };
}

export function sumParts({ needs }: Estimate): Parts {
  const of = (part: (typeof PART_NAMES)[number]) => addRanges(...needs.map(({ parts }) => parts[part]));
  return {
    weights: of('weights'),
    kv_cache: of('kv_cache'),
    compute: of('compute'),
    overhead: of('overhead'),
  };
}

function breakdownOf(parts: Parts): MemoryRange[] {
  return PART_NAMES.map((part) => ({
    part,
    low_bytes: Math.round(parts[part].low),
    expected_bytes: Math.round(parts[part].expected),
    high_bytes: Math.round(parts[part].high),
  }));
}

function deviceOf(problem: FitProblem, need: Need): FitDevice {
  return {
    gpu_uuid: need.place.uuid,
    name: need.place.uuid === null ? need.place.name : `${need.place.label}, ${need.place.name}`,
    total_bytes: need.place.totalBytes,
    available_bytes: need.place.availableBytes,
    required: requiredOf(need.parts),
    fits: fitsNow(problem, { needs: [need], assumptions: [] }),
  };
}

function learnedOf({ problem: { measured }, engine }: FitQuestion): Fit['learned'] {
  if (measured === null || engine === null) return null;
  const parts = ['weights', 'kv_cache', 'compute'] as const;
  const told = parts.filter((part) => measured.measured[part] !== null && measured.estimated[part] !== null);
  const was = sum(told.map((part) => measured.measured[part] ?? 0));
  const thought = sum(told.map((part) => measured.estimated[part] ?? 0));
  return {
    measurements: measured.count,
    engine,
    last_error_percent: was === 0 ? null : Math.round((thought / was - 1) * 1000) / 10,
  };
}

/** One sentence in the words of the interface: fits where, or how much is missing and what helps. */
function verdictOf(
  { problem, modelId }: FitQuestion,
  estimate: Estimate,
  { fits, maxContext, ways }: { fits: boolean; maxContext: number | null; ways: readonly FitWay[] },
): string {
  const labels = estimate.needs.map(({ place }) => place.label);
  const where = placesInWords(labels);
  const tight = estimate.needs.find(
    ({ place, parts }) => place.availableBytes !== null && totalOf(parts).high > place.availableBytes,
  );
  if (estimate.needs.some(({ place }) => place.availableBytes === null)) {
    const { low, high } = totalOf(sumParts(estimate));
    return `${modelId} needs ${sizeRange(low, high)}; how much of ${where} is free is not known.`;
  }
  if (fits && tight !== undefined) {
    const { low, high } = totalOf(tight.parts);
    return `Fits ${where} narrowly: it needs ${sizeRange(low, high)} of ${size(tight.place.availableBytes ?? 0)}.`;
  }
  if (fits) {
    const upTo = maxContext === null ? '' : `, up to ${count(maxContext)} tokens`;
    return `Fits ${labels.length === 1 && labels[0] === 'memory' ? 'into memory' : where}${labels.length > 1 ? ' together' : ''}${upTo}.`;
  }
  return `${shortfall(problem, estimate, modelId)} ${wayOut(maxContext, problem, ways)}`.trim();
}

function shortfall(problem: FitProblem, estimate: Estimate, modelId: string): string {
  const worst = estimate.needs.find((need) => !fitsNow(problem, { needs: [need], assumptions: [] }));
  const { place, parts } = worst ?? { place: problem.memory, parts: sumParts(estimate) };
  const { low, high } = totalOf(parts);
  const needs = `${modelId} needs ${sizeRange(low, high)}`;
  const on = estimate.needs.length > 1 ? ` on ${place.label}` : '';
  const free = place.availableBytes ?? 0;
  const has = place.label === 'memory' ? 'the machine has' : `${place.label} has`;
  if (problem.share !== null && free >= totalOf(parts).expected)
    return `${needs}${on}, and the slot may take ${Math.round(problem.share * 100)} % of ${place.label}.`;
  return `${needs}${on}; ${has} ${sizeBeside(free, high)} free.`;
}

function wayOut(maxContext: number | null, problem: FitProblem, ways: readonly FitWay[]): string {
  const fitting = ways.find((way) => way.fits && (way.gpu_ids !== null || way.unload.length > 0));
  if (maxContext !== null && maxContext < problem.settings.contextLength)
    return `It fits with ${count(maxContext)} tokens of context.`;
  const share = ways.find((way) => way.fits)?.patch['gpu_memory_utilization'];
  if (typeof share === 'number') return `It fits with ${Math.round(share * 100)} % of the GPU.`;
  if (fitting === undefined) return 'No context is short enough to make it fit.';
  return fitting.gpu_ids === null
    ? `It fits when ${fitting.unload.join(' and ')} is unloaded.`
    : `It fits ${fitting.label} together.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
