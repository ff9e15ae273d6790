import type { Capability } from '../../../shared/contract/index.ts';
import type { AttachedRuntime } from './attached-runtime.ts';
import { probeModel, waitHealthy, type ProbeResult } from './probe.ts';

export interface BringUp {
  readonly capability: Capability;
  readonly now: () => number;
  readonly onPhase: () => void;
  readonly signal: AbortSignal;
}

/**
 * From a running process to a model that computes: healthy, lists the model, answers one token.
 * @throws {RuntimeExitedError}, {AppError} `runtime_stalled`, `runtime_wrong_model`, `upstream_failed`, the reason of `signal`.
 */
export async function bringUp(
  runtime: AttachedRuntime,
  { capability, now, onPhase, signal }: BringUp,
): Promise<ProbeResult> {
  const { running, pool, progress, probe } = runtime;
  progress.restart(now());
  await waitHealthy({
    pool,
    health: probe.health,
    exited: running.exited,
    stallMs: runtime.stallMs,
    progress,
    saysReady: runtime.saysReady,
    now,
    signal,
  });
  runtime.phase = 'probing';
  onPhase();
  return probeModel({ pool, probe, modelId: running.modelId }, capability, signal);
}
