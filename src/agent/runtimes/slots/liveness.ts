import { AppError, type Capability } from '../../../shared/contract/index.ts';
import type { AttachedRuntime } from './attached-runtime.ts';
import { advertisedModels, computeOnce, counters } from './probe.ts';

export interface LivenessTiming {
  /** A runtime that answered nobody for this long is asked for one token. */
  readonly probeMs: number;
  /** How long that one token may take while nothing else is asked. */
  readonly deadlineMs: number;
  /** A request without a byte, in an engine whose counters stand still, for this long: it hangs. */
  readonly hungMs: number;
  /** How often the GPUs of a slot are looked at. */
  readonly gpusMs: number;
}

export const LIVENESS: LivenessTiming = {
  probeMs: 60_000,
  deadlineMs: 30_000,
  hungMs: 300_000,
  gpusMs: 20_000,
};

const MISSED_LOOKS = 3;

/**
 * Whether a loaded runtime still serves: it lists its model, and it computes. A hung GPU leaves `/health` at 200, so an
 * idle engine is asked for one token now and then, and a busy one has to get further. Answers to callers count as well.
 */
export class Liveness {
  readonly #timing: LivenessTiming;
  readonly #now: () => number;
  #missed = 0;
  #aliveAt = 0;
  #counters: string | null = null;

  constructor(timing: LivenessTiming, now: () => number) {
    this.#timing = timing;
    this.#now = now;
  }

  /** Another runtime serves from now on. */
  reset(): void {
    this.#missed = 0;
    this.#aliveAt = this.#now();
    this.#counters = null;
  }

  /** Whether the last look found it listing its model. */
  get isListed(): boolean {
    return this.#missed === 0;
  }

  /** @throws {AppError} `upstream_failed` when it does not list its model any more, `runtime_stalled` when it hangs. */
  async look(runtime: AttachedRuntime, capability: Capability, signal: AbortSignal): Promise<void> {
    const ids = await advertisedModels(
      { pool: runtime.pool, probe: runtime.probe, modelId: runtime.running.modelId },
      signal,
    ).then(
      (answer) => answer.ids,
      () => null,
    );
    signal.throwIfAborted();
    if (ids?.includes(runtime.running.modelId) !== true) {
      this.#missed += 1;
      // That it ended is told by its exit, with the reason.
      if (runtime.exit === null && this.#missed >= MISSED_LOOKS) throw silentRuntime(ids);
      return;
    }
    this.#missed = 0;
    const { endpoint } = runtime;
    if (endpoint === null || !runtime.probe.compute) return;
    this.#aliveAt = Math.max(this.#aliveAt, endpoint.answeredAt ?? 0);
    if (this.#now() - this.#aliveAt < this.#timing.probeMs) return;
    await (endpoint.inFlight === 0
      ? this.#askOneToken(runtime, capability, signal)
      : this.#lookAtCounters(runtime, signal));
  }

  async #askOneToken(runtime: AttachedRuntime, capability: Capability, signal: AbortSignal): Promise<void> {
    const { deadlineMs } = this.#timing;
    const started = this.#now();
    const timeout = AbortSignal.timeout(deadlineMs);
    try {
      await computeOnce(
        runtime.pool,
        runtime.running.modelId,
        capability,
        AbortSignal.any([signal, timeout]),
      );
      this.#aliveAt = this.#now();
    } catch (error) {
      signal.throwIfAborted();
      const { endpoint } = runtime;
      // Callers came in between and are served before us: that is no answer to the question.
      const busy = (endpoint?.inFlight ?? 0) > 0 || (endpoint?.answeredAt ?? 0) >= started;
      if (busy || runtime.exit !== null) return;
      if (!timeout.aborted) throw error;
      throw hung(`A request for one token was not answered in ${Math.round(deadlineMs / 1000)} s`);
    }
  }

  async #lookAtCounters(runtime: AttachedRuntime, signal: AbortSignal): Promise<void> {
    const now = await counters(
      runtime.pool,
      AbortSignal.any([signal, AbortSignal.timeout(this.#timing.deadlineMs)]),
    );
    signal.throwIfAborted();
    // An engine that counts nothing cannot be told from one that works on something long.
    if (now === 'none') return;
    if (now !== null && now !== this.#counters) {
      this.#counters = now;
      this.#aliveAt = this.#now();
      return;
    }
    const silentMs = this.#now() - this.#aliveAt;
    if (silentMs < this.#timing.hungMs) return;
    throw hung(
      `Running requests got nothing for ${Math.round(silentMs / 1000)} s and its counters stand still`,
    );
  }
}

function hung(what: string): AppError {
  return new AppError(
    'runtime_stalled',
    `The engine says that it is healthy but does not compute. ${what}.`,
    {
      hint: 'It is started again. If that repeats, look at the GPU and at the log of the slot.',
      details: { reason: 'hung' },
    },
  );
}

function silentRuntime(ids: readonly string[] | null): AppError {
  const what =
    ids === null
      ? 'The runtime runs but does not answer any more.'
      : `The runtime advertises ${ids.join(', ') || 'nothing'} now.`;
  return new AppError('upstream_failed', what, { details: { reason: 'not_answering' } });
}
