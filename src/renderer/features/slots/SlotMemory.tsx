import type { ReactNode } from 'react';
import type { Gpu, Slot } from '../../../shared/contract/index.ts';
import { useGpuList } from '../../data/hardware.ts';
import { useSlots } from '../../data/live.ts';
import { runtimesQuery, useSystem } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { cx } from '../../parts/cx.ts';
import { MemoryBar } from '../../parts/MemoryBar.tsx';
import { t } from '../../strings/text.ts';
import { gpusOf, memoryOfMachine, memoryOfSlot, placeOfSlot, type DeviceMemory } from '../hardware/memory.ts';
import { gpusTitle } from '../hardware/words.ts';
import { slotMemoryWords } from './memory-words.ts';
import css from './SlotMemory.module.css';

/** The memory of the devices of a slot: what it takes of them, what else lies there, and the same in words. */
export function SlotMemory({ slot }: { readonly slot: Slot }): ReactNode {
  const gpus = useGpuList();
  const slots = useSlots() ?? [];
  const { data: runtimes } = useQuery(runtimesQuery);
  const { data: system } = useSystem();
  const place = placeOfSlot(slot, runtimes);
  const devices = devicesOf(slot, gpus, place);
  if (place === 'memory' && system !== undefined)
    return <Told slot={slot} name={t('slots.ram')} memory={memoryOfMachine(slot, system.memory)} />;
  if (devices.length > 0)
    return <Told slot={slot} name={gpusTitle(devices)} memory={memoryOfSlot(slot, devices, slots, gpus)} />;
  return <div className={css.memory} />;
}

/** The GPUs of a slot; the only one there is where the slot names none. Pure. */
function devicesOf(slot: Slot, gpus: readonly Gpu[], place: 'gpu' | 'memory' | null): readonly Gpu[] {
  const own = gpusOf(slot.id, gpus);
  if (own.length > 0 || place !== 'gpu') return own;
  const usable = gpus.filter((gpu) => gpu.usable);
  return usable.length === 1 ? usable : [];
}

function Told({
  slot,
  name,
  memory,
}: {
  readonly slot: Slot;
  readonly name: string;
  readonly memory: DeviceMemory;
}): ReactNode {
  const { words, isOver } = slotMemoryWords(slot, memory);
  const text = t('slots.memoryOn', { device: name, words });
  return (
    <div className={css.memory}>
      <MemoryBar {...memory} text={text} />
      <div className={cx(css.words, isOver && css.over)}>{text}</div>
    </div>
  );
}
