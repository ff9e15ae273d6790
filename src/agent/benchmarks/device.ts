import { cpus } from 'node:os';

/** A GPU as far as a name needs it. */
export interface NamedGpu {
  readonly uuid: string;
  readonly index: number;
  readonly name: string | null;
}

/**
 * What computes, in words that can be compared between slots: the processor, or the names of the GPUs, counted.
 * @param gpuIds UUIDs or indexes; empty for a slot that takes what the engine chooses
 */
export function deviceName(
  device: 'cpu' | 'cuda',
  gpuIds: readonly string[],
  gpus: readonly NamedGpu[],
  processor = cpus()[0]?.model.trim(),
): string {
  if (device === 'cpu') return processor === undefined || processor === '' ? 'CPU' : processor;
  const names = gpuIds.map((id) => {
    const gpu = gpus.find(({ uuid, index }) => uuid === id || String(index) === id);
    return gpu?.name ?? id;
  });
  if (names.length === 0) return gpus.length === 1 ? (gpus[0]?.name ?? 'GPU') : 'GPU';
  const counted = [...new Set(names)].map((name) => {
    const times = names.filter((one) => one === name).length;
    return times === 1 ? name : `${times} x ${name}`;
  });
  return counted.join(', ');
}
