import { freemem } from 'node:os';
import type { ModelRow } from '../../catalog/index.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { SlotRow } from './slot-store.ts';

/** Whether memory allows a second runtime of a slot, so that it can be replaced without a gap. Composition fills it. */
export interface RoomBeside {
  hasRoomBeside(slot: SlotRow, model: ModelRow, signal: AbortSignal): Promise<boolean>;
}

/** What an engine takes besides the weights, as long as nobody calculates it better. */
const ENGINE_BYTES = 512 * 1024 * 1024;
const WEIGHTS_FACTOR = 1.25;

/** On the processor: the weights, a quarter more and an engine have to fit into what is free now. Pure. */
export function fitsBeside(weightsBytes: number, freeBytes: number): boolean {
  return weightsBytes * WEIGHTS_FACTOR + ENGINE_BYTES <= freeBytes;
}

/** Without an estimate: free memory of the machine for processors; GPUs are taken to be full. */
export class FreeMemoryRoom implements RoomBeside {
  readonly #specs: SpecRegistry;

  constructor(specs: SpecRegistry) {
    this.#specs = specs;
  }

  async hasRoomBeside(slot: SlotRow, model: ModelRow): Promise<boolean> {
    if (this.#specs.get(slot.runtime_spec).device !== 'cpu') return false;
    return fitsBeside(model.size_bytes, freemem());
  }
}
