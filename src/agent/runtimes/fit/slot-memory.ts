import type { RequiredMemory } from '../../../shared/contract/index.ts';
import { exactly, totalOf, type Estimate, type Parts } from '../../gpus/index.ts';
import type { MeasuredMemory } from './engine-report.ts';
import { requiredOf, sumParts } from './fit-view.ts';
import type { EngineFamily } from './problem.ts';

/** The memory of a slot as its page shows it. */
export interface SlotMemoryView {
  readonly reserved: RequiredMemory | null;
  readonly reserved_basis: 'measured' | 'estimated' | null;
}

const NOTHING: SlotMemoryView = { reserved: null, reserved_basis: null };

interface Held {
  readonly view: SlotMemoryView;
  /** What comes free when its runtime stops, by GPU; the machine's memory under ''. Empty while none runs. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** What every slot holds or will hold, in memory: an estimate until its engine has told. */
export class SlotMemory {
  readonly #held = new Map<string, Held>();

  view(slotId: string): SlotMemoryView {
    return this.#held.get(slotId)?.view ?? NOTHING;
  }

  heldBy(slotId: string): ReadonlyMap<string, number> {
    return this.#held.get(slotId)?.bytes ?? new Map();
  }

  /** A model shall come; nothing runs yet. */
  expect(slotId: string, estimate: Estimate): void {
    this.#held.set(slotId, {
      view: {
        reserved: requiredOf(sumParts(estimate)),
        reserved_basis: 'estimated',
      },
      bytes: bytesOf(estimate),
    });
  }

  /** The engine has told what it took. */
  measured(slotId: string, estimate: Estimate, told: MeasuredMemory): void {
    const parts = measuredParts(sumParts(estimate), told);
    const reserved = requiredOf(parts);
    const factor = reserved.total_bytes / Math.max(1, requiredOf(sumParts(estimate)).total_bytes);
    const bytes = new Map([...bytesOf(estimate)].map(([place, held]) => [place, held * factor]));
    this.#held.set(slotId, { view: { reserved, reserved_basis: 'measured' }, bytes });
  }

  /** Its runtime is gone; what it wants is still known. */
  stopped(slotId: string): void {
    const held = this.#held.get(slotId);
    if (held !== undefined) this.#held.set(slotId, { ...held, bytes: new Map() });
  }

  /** It wants nothing any more. */
  forget(slotId: string): void {
    this.#held.delete(slotId);
  }
}

/** What is told stands for what was calculated; the rest stays as it was calculated. Pure. */
function measuredParts(parts: Parts, told: MeasuredMemory): Parts {
  const of = (part: keyof MeasuredMemory): Parts[keyof Parts] => {
    const bytes = told[part];
    return bytes === null || part === 'overhead' ? parts[part] : exactly(bytes);
  };
  return {
    weights: of('weights'),
    kv_cache: of('kv_cache'),
    compute: of('compute'),
    overhead: of('overhead'),
  };
}

/** All that an engine told it took. Pure. */
export function toldBytes({ weights, kv_cache: kv, compute }: MeasuredMemory): number {
  return (weights ?? 0) + (kv ?? 0) + (compute ?? 0);
}

function bytesOf({ needs }: Estimate): Map<string, number> {
  return new Map(
    needs.map(({ place, parts }) => [
      place.uuid ?? '',
      // Weights that are mapped from a file count as free memory already.
      place.uuid === null ? totalOf({ ...parts, weights: exactly(0) }).expected : totalOf(parts).expected,
    ]),
  );
}

/** What was calculated, in the shape of what engines tell; KV cache of vLLM is all that is left, so it tells nothing. Pure. */
export function calculatedOf(family: EngineFamily, estimate: Estimate): MeasuredMemory {
  const parts = sumParts(estimate);
  return {
    weights: Math.round(parts.weights.expected),
    kv_cache: family === 'vllm' ? null : Math.round(parts.kv_cache.expected),
    compute: Math.round(parts.compute.expected),
    overhead: null,
  };
}
