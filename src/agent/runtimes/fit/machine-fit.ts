import {
  largestThatFits,
  totalOf,
  type FitPlace,
  type FitSettings,
  type ModelGeometry,
} from '../../gpus/index.ts';
import { estimateOf, fitsNow, type EngineFamily, type FitProblem } from './problem.ts';
import { sumParts } from './fit-view.ts';
import type { Neighbour } from './ways.ts';
import { count, placesInWords, size, sizeBeside } from './words.ts';

export interface MachineFitInput {
  readonly geometry: ModelGeometry;
  /** Tokens somebody has in mind; null: at least a usual conversation. */
  readonly contextLength: number | null;
  readonly parallel: number;
  readonly gpus: readonly FitPlace[];
  readonly memory: FitPlace;
  readonly neighbours: readonly Neighbour[];
}

/** Where a model would run on this machine, in one sentence with its numbers. */
export interface MachineFit {
  readonly fits: boolean;
  /** `gpu`: on GPUs. `memory`: on the processor. null: nowhere. */
  readonly place: 'gpu' | 'memory' | null;
  readonly verdict: string;
  readonly gpu_ids: readonly string[];
  /** Slots that would have to be emptied. */
  readonly unload: readonly string[];
  readonly required_bytes: number;
  readonly available_bytes: number;
  readonly context_length: number;
  readonly max_context_length: number | null;
}

/** What a conversation needs at least; the suggestion asks for this much. */
const USUAL_CONTEXT = 8192;
const STEP = 256;
const MOST_CONTEXT = 1_048_576;

/**
 * The best place for a model: one GPU, several together, one after emptying another slot, the processor, or none. GGUF is
 * calculated for llama.cpp, safetensors for vLLM (which needs a GPU). Pure.
 */
export function machineFit(input: MachineFitInput): MachineFit {
  const { gpus, neighbours, geometry } = input;
  // One whose driver does not say what is free is no place to promise.
  const byRoom = gpus
    .filter(({ availableBytes }) => availableBytes !== null)
    .toSorted((a, b) => (b.availableBytes ?? 0) - (a.availableBytes ?? 0));
  for (const gpu of byRoom) {
    const found = tryOn(input, [gpu]);
    if (found !== null) return { ...found, verdict: `Fits ${gpu.label}${upTo(found)}.` };
  }
  for (let together = 2; together <= byRoom.length; together += 1) {
    const chosen = byRoom.slice(0, together).toSorted((a, b) => a.label.localeCompare(b.label));
    const found = tryOn(input, chosen);
    if (found !== null)
      return {
        ...found,
        verdict: `Fits ${placesInWords(chosen.map(({ label }) => label))} together${upTo(found)}.`,
      };
  }
  for (const { slotId, heldBytes } of neighbours) {
    const freed = byRoom.map((gpu) => withMore(gpu, heldBytes.get(gpu.uuid ?? '') ?? 0));
    for (const gpu of freed) {
      const found = tryOn(input, [gpu]);
      if (found !== null)
        return {
          ...found,
          unload: [slotId],
          verdict: `Fits ${gpu.label} when ${slotId} is unloaded${upTo(found)}.`,
        };
    }
  }
  const onProcessor = geometry.format === 'gguf' ? tryOn(input, []) : null;
  if (onProcessor !== null)
    return { ...onProcessor, verdict: `CPU only, slow: fits into memory${upTo(onProcessor)}.` };
  return tooLarge(input, byRoom);
}

function tryOn(input: MachineFitInput, gpus: readonly FitPlace[]): MachineFit | null {
  const problem = problemOf(input, gpus);
  const estimate = estimateOf(problem);
  if (!fitsNow(problem, estimate)) return null;
  const { settings } = problem;
  const tries = (contextLength: number): boolean =>
    fitsNow(problem, estimateOf(problem, { ...settings, contextLength }));
  const most = input.geometry.trainedContext ?? MOST_CONTEXT;
  return {
    ...numbersOf(input, gpus),
    fits: true,
    place: gpus.length > 0 ? 'gpu' : 'memory',
    gpu_ids: gpus.flatMap(({ uuid }) => (uuid === null ? [] : [uuid])),
    max_context_length: tries(most) ? most : largestThatFits(STEP, most, tries),
    verdict: '',
  };
}

function tooLarge(input: MachineFitInput, byRoom: readonly FitPlace[]): MachineFit {
  const [largest] = byRoom;
  const where = largest ?? input.memory;
  const numbers = numbersOf(input, largest === undefined ? [] : [largest]);
  const total = where.totalBytes ?? where.availableBytes ?? 0;
  const name = largest === undefined ? 'memory' : 'largest GPU';
  const needed = numbers.required_bytes;
  const isBusy = needed <= total;
  const verdict =
    input.geometry.format === 'safetensors' && largest === undefined
      ? `Needs a GPU with ${size(needed)}; this machine has none.`
      : isBusy
        ? `Does not fit now: ${size(needed)}, ${largest === undefined ? 'memory has' : `${where.label} has`} ${sizeBeside(where.availableBytes ?? 0, needed)} free.`
        : `Too large: ${size(needed)}, ${name} ${sizeBeside(total, needed)}.`;
  return { ...numbers, fits: false, place: null, gpu_ids: [], max_context_length: null, verdict };
}

function numbersOf(
  input: MachineFitInput,
  gpus: readonly FitPlace[],
): Pick<MachineFit, 'unload' | 'required_bytes' | 'available_bytes' | 'context_length'> {
  const problem = problemOf(input, gpus);
  const estimate = estimateOf(problem);
  return {
    unload: [],
    required_bytes: Math.round(totalOf(sumParts(estimate)).expected),
    available_bytes: estimate.needs.reduce((sum, { place }) => sum + (place.availableBytes ?? 0), 0),
    context_length: problem.settings.contextLength,
  };
}

function problemOf(input: MachineFitInput, gpus: readonly FitPlace[]): FitProblem {
  const { geometry, contextLength, parallel, memory } = input;
  const family: EngineFamily = geometry.format === 'gguf' ? 'llama.cpp' : 'vllm';
  const settings: FitSettings = {
    contextLength: contextLength ?? Math.min(USUAL_CONTEXT, geometry.trainedContext ?? USUAL_CONTEXT),
    parallel,
    kvCacheType: 'auto',
    flashAttention: 'auto',
    batch: 2048,
    ubatch: 512,
    gpuLayers: 'auto',
    tensorParallel: Math.max(1, gpus.length),
    enforceEager: false,
    maxBatchedTokens: null,
    allOutputs: geometry.encoder,
  };
  return { family, geometry, settings, gpus, memory, share: null, measured: null };
}

function withMore(place: FitPlace, bytes: number): FitPlace {
  return { ...place, availableBytes: place.availableBytes === null ? null : place.availableBytes + bytes };
}

function upTo({ max_context_length: most }: MachineFit): string {
  return most === null ? '' : `, up to ${count(most)} tokens`;
}
