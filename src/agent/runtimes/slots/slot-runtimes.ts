import type { LoadError } from '../../../shared/contract/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Egress } from '../../kernel/egress.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { MemoryFit } from '../fit/memory-fit.ts';
import type { RunningRuntime } from '../drivers/driver.ts';
import { DEFAULT_PROBE, type RuntimeSpec } from '../specs/spec.ts';
import { AttachedRuntime } from './attached-runtime.ts';
import type { SlotEndpoint } from './endpoint.ts';
import type { AttemptLogs, NumberedLine } from './log-buffer.ts';
import type { RuntimeSettings } from './pending-changes.ts';
import type { SlotStore } from './slot-store.ts';

const STOP_GRACE_MS = 10_000;
/** One that failed has nothing to finish, and one that hangs does not hear. */
const FAILED_GRACE_MS = 2000;
const POOL_CONNECTIONS = 128;
/** Of an engine whose spec was taken away while it runs. */
const UNKNOWN_STALL_MS = 300_000;

export interface SlotRuntimesDeps {
  readonly slotId: string;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly database: Database;
  readonly store: SlotStore;
  readonly fit: MemoryFit;
  readonly log: Logger;
  readonly logs: AttemptLogs;
  /** How long a stop waits for requests that are being answered. */
  readonly drainMs: number;
  readonly onLine: (runtime: AttachedRuntime, line: NumberedLine, isMilestone: boolean) => void;
  readonly onExit: (runtime: AttachedRuntime) => void;
  readonly onFailure: () => void;
  /** A replaced runtime is gone. */
  readonly onLeft: () => void;
}

/** What runs for a slot: the one that counts, the one that shall replace it, and those that answer their last requests. */
export class SlotRuntimes {
  current: AttachedRuntime | null = null;
  next: AttachedRuntime | null = null;
  #cut = Promise.withResolvers<void>();
  readonly #leaving = new Map<AttachedRuntime, Promise<void>>();
  readonly #deps: SlotRuntimesDeps;

  constructor(deps: SlotRuntimesDeps) {
    this.#deps = deps;
  }

  get anyLeaving(): boolean {
    return this.#leaving.size > 0;
  }

  get all(): AttachedRuntime[] {
    return [this.current, this.next, ...this.#leaving.keys()].filter((one) => one !== null);
  }

  /** What serves now, or null: also while another one comes up to take its place. */
  get endpoint(): SlotEndpoint | null {
    const endpoint = this.current?.endpoint ?? null;
    return endpoint?.open === true && this.current?.exit === null ? endpoint : null;
  }

  byAttempt(attempt: number): AttachedRuntime | null {
    return this.all.find((one) => one.running.attempt === attempt) ?? null;
  }

  attach(
    running: RunningRuntime,
    spec: RuntimeSpec | null,
    settings: RuntimeSettings | null,
    adopted: boolean,
  ): AttachedRuntime {
    const { egress, clock, logs, onLine, onExit, onFailure } = this.#deps;
    // What was cut has left, or is what this one follows.
    this.#cut = Promise.withResolvers<void>();
    return new AttachedRuntime(running, {
      pool: egress.runtimePool(running.address, POOL_CONNECTIONS),
      logPath: logs.path(running.attempt),
      milestones: spec?.milestones ?? [],
      stallMs: spec === null ? UNKNOWN_STALL_MS : spec.stall_seconds * 1000,
      device: spec?.device ?? 'cpu',
      probe: spec?.probe ?? DEFAULT_PROBE,
      settings,
      adopted,
      now: () => clock.now(),
      onLine,
      onExit,
      onFailure,
    });
  }

  /** Takes no more requests; resolves when the last was answered, or the time for that is over, or it ended. */
  async drain(runtime: AttachedRuntime): Promise<void> {
    if (runtime.endpoint === null) return;
    const drained = runtime.endpoint.drain();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#deps.drainMs).unref();
    });
    await Promise.race([drained, runtime.running.exited, timeout, this.#cut.promise]);
    clearTimeout(timer);
  }

  /** Whoever drains now, or next, does not wait for its last requests. */
  cut(): void {
    this.#cut.resolve();
  }

  /** Ends it, records how, and lets go of it. @throws when the engine does not let it be ended. */
  async end(runtime: AttachedRuntime, failure: LoadError | null): Promise<void> {
    const { database, store, slotId } = this.#deps;
    await runtime.running.stop(STOP_GRACE_MS);
    const { code } = await runtime.running.exited;
    await database.transact(() => store.attemptEnded(slotId, runtime.running.attempt, code, failure));
    await this.#letGo(runtime);
  }

  /** As `end`, for one that failed: what cannot be removed now is removed when the engine can be asked again. */
  async endFailed(runtime: AttachedRuntime, failure: LoadError): Promise<void> {
    const { database, store, slotId, log } = this.#deps;
    await runtime.running.stop(FAILED_GRACE_MS).catch((cause: unknown) => {
      log.warn({ err: cause }, 'what is left of a runtime could not be removed');
    });
    const code = runtime.exit?.code ?? null;
    await database.transact(() => store.attemptEnded(slotId, runtime.running.attempt, code, failure));
    await this.#letGo(runtime);
  }

  /** A replaced one: answers what it was asked already, then ends. Nobody waits for it but the next start. */
  leave(runtime: AttachedRuntime): void {
    const { log, onLeft } = this.#deps;
    const gone = this.drain(runtime)
      .then(() => this.end(runtime, null))
      .catch(async (error: unknown) => {
        log.warn({ err: error }, 'a replaced runtime could not be ended');
        await this.#letGo(runtime);
      })
      .finally(() => {
        this.#leaving.delete(runtime);
        onLeft();
      });
    this.#leaving.set(runtime, gone);
  }

  /** The requests that are being answered, by whichever of them. */
  get inFlight(): number {
    return this.all.reduce((sum, one) => sum + (one.endpoint?.inFlight ?? 0), 0);
  }

  /** Lets go of all without ending them. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((one) => one.detach()));
  }

  async #letGo(runtime: AttachedRuntime): Promise<void> {
    if (this.current === runtime) {
      this.current = null;
      this.#deps.fit.stopped(this.#deps.slotId);
    }
    if (this.next === runtime) this.next = null;
    await runtime.detach();
    await this.#deps.logs.prune();
  }
}
