import { NVIDIA_SMI_TIMING, type NvidiaSmiTiming } from '../adapters/nvidia/index.ts';

/** How often what is looked at; milliseconds. */
export interface GpuTiming extends NvidiaSmiTiming {
  /** While somebody reads the telemetry, and otherwise. */
  readonly watchedMs: number;
  readonly idleMs: number;
  /** A page that is left for another goes on being watched for so long. */
  readonly lingerMs: number;
  readonly processesWatchedMs: number;
  readonly processesIdleMs: number;
  /** After a failure; doubled each time up to the longest. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** How often a missing nvidia-smi is looked for. */
  readonly lookAgainMs: number;
  readonly kernelLogMs: number;
}

export const GPU_TIMING: GpuTiming = {
  ...NVIDIA_SMI_TIMING,
  watchedMs: 1000,
  idleMs: 15_000,
  lingerMs: 10_000,
  processesWatchedMs: 5000,
  processesIdleMs: 60_000,
  retryMs: 1000,
  retryMaxMs: 60_000,
  lookAgainMs: 300_000,
  kernelLogMs: 5000,
};

/** nvidia-smi may take a hundredth of a core. */
const SHARE = 100;
/** Intervals below this much of a difference are not worth a new start of the program. */
const WORTH = 1.25;

/** The interval at which a look that costs `costMs` of a processor stays within its share. Pure. */
export function affordable(wantedMs: number, costMs: number | null): number {
  if (costMs === null || costMs * SHARE <= wantedMs * WORTH) return wantedMs;
  return Math.ceil((costMs * SHARE) / 100) * 100;
}

/** When to try again after `failures` failures in a row. Pure. */
export function retryAfter({ retryMs, retryMaxMs }: GpuTiming, failures: number): number {
  return Math.min(retryMaxMs, retryMs * 2 ** Math.min(16, Math.max(0, failures - 1)));
}
