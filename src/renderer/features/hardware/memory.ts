import type { Gpu, Runtime, Slot } from '../../../shared/contract/index.ts';
import { segmentsOf, type MemorySegment } from '../../parts/memory.ts';

/** What lies in the memory of a device, by slot. Pure. */

export interface DeviceMemory {
  readonly segments: readonly MemorySegment[];
  /** By slots of ours, in bytes. */
  readonly reserved: number;
  /** As the driver says. */
  readonly used: number | null;
  readonly total: number | null;
}

/** The GPUs that a slot runs on, as the agent says; none: it runs in the memory of the machine, or nobody knows. */
export function gpusOf(slotId: string, gpus: readonly Gpu[]): readonly Gpu[] {
  return gpus.filter((gpu) => gpu.slot_ids.includes(slotId));
}

/** One GPU: what each slot reserves of it, then what is used besides and is not ours. */
export function memoryOfGpu(gpu: Gpu, slots: readonly Slot[], gpus: readonly Gpu[]): DeviceMemory {
  const segments = slots.flatMap((slot) => shareOf(slot, gpu, gpus));
  const reserved = sum(segments);
  const other = notOurs(gpu, reserved);
  return {
    segments: [...segments, ...(other > 0 ? [otherOf(other)] : [])],
    reserved,
    used: gpu.memory_used_bytes,
    total: gpu.memory_total_bytes,
  };
}

/** All devices of one slot as one: what this slot takes, then everything else that is there. */
export function memoryOfSlot(
  slot: Slot,
  devices: readonly Gpu[],
  slots: readonly Slot[],
  gpus: readonly Gpu[],
): DeviceMemory {
  const own =
    slot.reserved === null ? [] : segmentsOf(slot.id, slot.reserved, { estimated: isEstimate(slot) });
  const each = devices.map((gpu) => memoryOfGpu(gpu, slots, gpus));
  const all = each.reduce((bytes, { segments }) => bytes + sum(segments), 0);
  const other = Math.max(0, all - (holdsMemory(slot) ? sum(own) : 0));
  return {
    segments: [...own, ...(other > 0 ? [otherOf(other)] : [])],
    reserved: sum(own),
    used: total(each.map(({ used }) => used)),
    total: total(each.map((one) => one.total)),
  };
}

/** A slot in the memory of the machine. What is used besides is not the slot's. */
export function memoryOfMachine(
  slot: Slot,
  memory: { readonly total_bytes: number; readonly available_bytes: number },
): DeviceMemory {
  const own =
    slot.reserved === null ? [] : segmentsOf(slot.id, slot.reserved, { estimated: isEstimate(slot) });
  const used = memory.total_bytes - memory.available_bytes;
  const other = Math.max(0, used - (isEstimate(slot) ? 0 : sum(own)));
  return {
    segments: [...own, ...(other > 0 ? [otherOf(other)] : [])],
    reserved: sum(own),
    used,
    total: memory.total_bytes,
  };
}

/** Where a slot keeps its model: on GPUs, or in the memory of the machine. Null: not known. */
export function placeOfSlot(slot: Slot, runtimes: readonly Runtime[] | undefined): 'gpu' | 'memory' | null {
  const runtime = runtimes?.find((one) => one.id === slot.runtime_spec);
  return runtime === undefined ? null : runtime.device === 'cuda' ? 'gpu' : 'memory';
}

/** Not measured yet, or nothing runs that could have been measured. */
export function isEstimate(slot: Slot): boolean {
  return slot.reserved_basis !== 'measured';
}

/** Where nothing runs, nothing is taken, whatever is wanted there. */
function holdsMemory(slot: Slot): boolean {
  return slot.load_state !== 'empty' && slot.load_state !== 'error';
}

/** What a slot takes of one of its GPUs: the same of each. */
function shareOf(slot: Slot, gpu: Gpu, gpus: readonly Gpu[]): MemorySegment[] {
  if (slot.reserved === null || !gpu.slot_ids.includes(slot.id) || !holdsMemory(slot)) return [];
  const share = 1 / Math.max(1, gpusOf(slot.id, gpus).length);
  return segmentsOf(slot.id, slot.reserved, { share, estimated: isEstimate(slot) });
}

/** Of processes that are not ours; where the driver does not name them all, what is used over what is reserved. */
function notOurs(gpu: Gpu, reserved: number): number {
  const foreign = gpu.processes.filter((process) => process.slot_id === null);
  const told = foreign.every((process) => process.memory_used_bytes !== null);
  const theirs = foreign.reduce((bytes, process) => bytes + (process.memory_used_bytes ?? 0), 0);
  if (told && theirs > 0) return theirs;
  return Math.max(0, (gpu.memory_used_bytes ?? 0) - reserved);
}

function otherOf(bytes: number): MemorySegment {
  return { id: 'other', kind: 'other', bytes };
}

function sum(segments: readonly MemorySegment[]): number {
  return segments.reduce((bytes, segment) => bytes + segment.bytes, 0);
}

/** Null as soon as one is not known. */
function total(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (all, value) => (all === null || value === null ? null : all + value),
    values.length === 0 ? null : 0,
  );
}
