import { AppError } from '../../../shared/contract/index.ts';
import type { DiagnosisRule } from '../diagnosis/rule.ts';

/** A GPU of a slot, as its driver sees it now. */
export interface SlotGpu {
  readonly id: string;
  /** null when the driver does not say. */
  readonly usedBytes: number | null;
  /** Processes on it, each with the slot whose container it runs in. */
  readonly processes: readonly { readonly slotId: string | null; readonly memoryBytes: number | null }[];
}

/** What a slot asks about its GPUs; composition fills it. */
export interface SlotGpus {
  /** Why a GPU cannot be used any more; null when it can. Asks the driver, at most once a second. */
  problemOf(gpuId: string, signal: AbortSignal): Promise<string | null>;
  /** What the driver said last; null for a GPU that is not there. */
  read(gpuId: string): SlotGpu | null;
  /** An engine began or ended: who runs on the GPUs is read again soon. */
  processesChanged(): void;
}

/** A context of the driver alone takes more than this, so less on a GPU means that nobody computes on it. */
const IDLE_BYTES = 200 * 1024 * 1024;

/**
 * Whether an engine that has loaded a model really holds memory on the GPUs of its slot. Where the driver lists no
 * processes (Windows, WSL), memory in use decides. null when nobody can say. Pure.
 */
export function usesItsGpus(slotId: string, gpus: readonly SlotGpu[]): boolean | null {
  if (gpus.length === 0) return null;
  if (gpus.some((gpu) => gpu.processes.some((process) => process.slotId === slotId))) return true;
  if (gpus.some((gpu) => gpu.usedBytes === null)) return null;
  // Somebody has memory there: perhaps ours, in a process that could not be placed.
  return gpus.every((gpu) => (gpu.usedBytes ?? 0) < IDLE_BYTES) ? false : null;
}

/** What the log of an engine on GPUs tells of running without them, by the rules that know such lines; null when nothing. */
export function cpuFallback(
  rules: readonly DiagnosisRule[],
  engine: string,
  lines: readonly { readonly text: string }[],
): AppError | null {
  for (const rule of rules) {
    if (rule.code !== 'runtime_gpu_unused' || rule.pattern === undefined) continue;
    if (rule.engines !== undefined && !rule.engines.includes(engine)) continue;
    const pattern = new RegExp(rule.pattern);
    const line = lines.find(({ text }) => pattern.test(text));
    if (line !== undefined)
      return new AppError('runtime_gpu_unused', `${rule.cause} It was stopped.`, {
        hint: rule.fix,
        details: { rule: rule.id, line: line.text },
      });
  }
  return null;
}

/** It loaded, and holds nothing on any of its GPUs. */
export function unusedGpus(gpuIds: readonly string[]): AppError {
  const named = gpuIds.length === 1 ? `GPU ${gpuIds[0] ?? ''}` : `GPUs ${gpuIds.join(', ')}`;
  return new AppError(
    'runtime_gpu_unused',
    `The slot asks for ${named}, but its engine holds no memory there: it runs on the CPU. It was stopped.`,
    { hint: 'Check the NVIDIA container toolkit, or choose a CPU runtime.', details: { gpu_ids: gpuIds } },
  );
}

/** A GPU of a running engine went away. */
export function lostGpu(problem: string): AppError {
  return new AppError('runtime_gpu_lost', `The engine lost its GPU. ${problem}`, {
    details: { reason: 'gpu_lost' },
  });
}

/** What `nvidia-smi -L` prints in a container that lost its GPUs, as after a reload of systemd. Pure. */
export function saysGpuLost(output: string): boolean {
  return /Failed to initialize NVML|GPU is lost|Unable to determine the device handle|No devices were found/.test(
    output,
  );
}
