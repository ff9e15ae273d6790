import type { Slot } from '../../../shared/contract/index.ts';
import { formatBytes, inUnitOf } from '../../parts/format.ts';
import { memoryWords } from '../../parts/memory.ts';
import { t } from '../../strings/text.ts';
import { isEstimate, type DeviceMemory } from '../hardware/memory.ts';

/**
 * The memory of a slot in a line: what it reserves while it serves, what is expected while it loads, what it lacks when it
 * did not fit, and what is free while it is empty. Pure.
 */
export function slotMemoryWords(
  slot: Pick<Slot, 'reserved' | 'reserved_basis' | 'load_state' | 'load_error'>,
  memory: DeviceMemory,
): { readonly words: string; readonly isOver: boolean } {
  const { reserved } = slot;
  const { total, used } = memory;
  if (reserved === null)
    return {
      words:
        total === null || used === null
          ? memoryWords(memory)
          : t('slots.memoryFree', { free: formatBytes(total - used), total: inUnitOf(total, total) }),
      isOver: false,
    };
  const lack = lackOf(memory);
  if (slot.load_state === 'error' && (lack > 0 || slot.load_error?.error === 'insufficient_vram'))
    return {
      words: t(lack > 0 ? 'slots.memoryOver' : 'slots.memoryNeeds', {
        low: inUnitOf(reserved.low_bytes, total ?? reserved.high_bytes),
        high: withUnit(reserved.high_bytes, total ?? reserved.high_bytes),
        over: inUnitOf(lack, total ?? reserved.high_bytes),
      }),
      isOver: true,
    };
  if (slot.load_state !== 'loaded' && isEstimate(slot as Slot))
    return {
      words: t('slots.memoryExpected', {
        low: inUnitOf(reserved.low_bytes, total ?? reserved.high_bytes),
        high: withUnit(reserved.high_bytes, total ?? reserved.high_bytes),
      }),
      isOver: false,
    };
  return { words: memoryWords(memory), isOver: false };
}

function withUnit(bytes: number, whole: number): string {
  return `${inUnitOf(bytes, whole)} ${formatBytes(whole).split(' ')[1] ?? ''}`;
}

/** What is asked of the device over what it has, in bytes. */
function lackOf({ segments, total }: DeviceMemory): number {
  const asked = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  return total === null ? 0 : Math.max(0, asked - total);
}
