import type { ModelRow } from '../../catalog/index.ts';
import type { SlotRow } from './slot-store.ts';

/** Whether memory allows a second runtime of a slot, so that it can be replaced without a gap. Composition fills it. */
export interface RoomBeside {
  hasRoomBeside(slot: SlotRow, model: ModelRow, signal: AbortSignal): Promise<boolean>;
}
