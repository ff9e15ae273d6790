import { AppError, type Slot, type SlotMetrics } from '../../../shared/contract/index.ts';
import type { BlobStore } from '../../artifacts/index.ts';
import type { ModelLifecycle, ModelStore } from '../../catalog/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import { runtimeAddressText, type Egress } from '../../kernel/egress.ts';
import type { EventHub } from '../../kernel/event-hub.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { DiagnosisRule } from '../diagnosis/rule.ts';
import type { RunningRuntime } from '../drivers/driver.ts';
import { AttemptStarter } from './attempt-starter.ts';
import { AttachedRuntime } from './attached-runtime.ts';
import type { SlotEndpoint } from './endpoint.ts';
import { FailureTracker } from './failure-tracker.ts';
import type { Launcher, PreparedLaunch } from './launcher.ts';
import { toAttempt, type LogQuery, type SlotLog } from './attempt-view.ts';
import { AttemptLogs, type NumberedLine } from './log-buffer.ts';
import { planSlot, type RetryPolicy, type SlotDesire } from './plan.ts';
import { advertisedModels, probeModel, RuntimeExitedError, waitHealthy, type ProbeResult } from './probe.ts';
import { SlotReporter } from './slot-reporter.ts';
import { NOTHING_RUNS, toSlot, type SlotObserved } from './slot-state.ts';
import type { SlotRow, SlotStore } from './slot-store.ts';

export interface SlotActorDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly log: Logger;
  readonly egress: Egress;
  readonly store: SlotStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly blobs: BlobStore;
  readonly launcher: Launcher;
  readonly rules: readonly DiagnosisRule[];
  /** What engines say of themselves. */
  readonly metrics: { latest(endpoint: SlotEndpoint | null): SlotMetrics | null };
  readonly logDirectory: string;
  readonly retry: RetryPolicy;
  /** How often a loaded runtime is asked what it advertises. */
  readonly watchMs: number;
  /** How long a stop waits for requests that are being answered. */
  readonly drainMs: number;
}

const STOP_GRACE_MS = 10_000;
const POOL_CONNECTIONS = 128;
const DIAGNOSED_LINES = 1000;
/** A runtime that served this long and then died is not in a crash loop. */
const HEALTHY_MS = 60_000;
const WATCH_AGAIN_MS = 1000;
const MISSED_WATCHES = 3;
/** Attempts that are told of with a log. */
const HISTORY = 50;

/**
 * The one owner of a slot. Everybody else writes a wish into the table and wakes it; it compares the wish with what
 * it observes and does one step at a time. No decision is made on a state read outside of it.
 */
export class SlotActor {
  readonly id: string;
  readonly #deps: SlotActorDeps;
  readonly #log: Logger;
  readonly #logs: AttemptLogs;
  readonly #reporter: SlotReporter;
  readonly #failures: FailureTracker;
  readonly #starter: AttemptStarter;
  readonly #firstLook = Promise.withResolvers<void>();
  #runtime: AttachedRuntime | null = null;
  #effect: AbortController | null = null;
  #lastProgress = 0;
  #missedWatches = 0;
  #timer: NodeJS.Timeout | null = null;
  #dirty = false;
  #active: Promise<void> | null = null;
  #closed = false;

  constructor(row: SlotRow, deps: SlotActorDeps) {
    this.id = row.id;
    this.#deps = deps;
    this.#log = deps.log.child({ slot_id: row.id });
    this.#logs = new AttemptLogs(deps.logDirectory, row.id);
    this.#starter = new AttemptStarter(deps, this.#logs);
    this.#failures = new FailureTracker(deps.rules, deps.retry);
    this.#reporter = new SlotReporter(row, deps, () => this.view());
  }

  /** Resolves once the slot has been looked at after a start of the agent. */
  get observedOnce(): Promise<void> {
    return this.#firstLook.promise;
  }

  /** The container at hand, from its start to its end; null where none is. */
  get containerId(): string | null {
    return this.#runtime?.running.containerId ?? null;
  }

  /** What serves now, or null. */
  get endpoint(): SlotEndpoint | null {
    const endpoint = this.#runtime?.endpoint ?? null;
    return this.#observed.loadState === 'loaded' && endpoint?.open === true ? endpoint : null;
  }

  get observed(): Readonly<SlotObserved> {
    return this.#reporter.observed;
  }

  /** For its owner, who alone changes it. */
  get #observed(): SlotObserved {
    return this.#reporter.observed;
  }

  view(): Slot {
    const { store, models, launcher } = this.#deps;
    const row = store.get(this.id);
    const model = row.desired_model_id === null ? undefined : models.find(row.desired_model_id);
    return toSlot(row, this.#observed, {
      inFlight: this.#runtime?.endpoint?.inFlight ?? 0,
      usualLoadMs: row.desired_model_id === null ? null : store.usualLoadMs(this.id, row.desired_model_id),
      effective: model === undefined ? null : launcher.effectiveOrNull(row, model),
      metrics: this.#deps.metrics.latest(this.endpoint),
    });
  }

  /** Something that matters may have changed. `interrupt` gives up a start that is under way. */
  wake(interrupt = false): void {
    if (interrupt) this.#effect?.abort(new AppError('conflict', 'Another wish came in.'));
    this.#dirty = true;
    if (this.#active !== null || this.#closed) return;
    this.#active = this.#loop().finally(() => {
      this.#active = null;
      // A wake between the last look at the flag and here must not be lost.
      if (this.#dirty) this.wake();
    });
  }

  /** Sends the slot as it is to whoever listens. */
  tell(): void {
    this.#reporter.publish();
  }

  /** What the slot stands on is back: a failure that waited for it is over. */
  engineCameBack(): void {
    this.#failures.engineCameBack();
    this.wake();
  }

  /** An image was pulled or imported: a slot that failed for want of one tries again. */
  imageCame(): void {
    if (this.#failures.imageCame()) this.wake();
  }

  /** Takes over a runtime that a former agent started, unless it holds one. It is probed like a fresh one. */
  adopt(running: RunningRuntime): void {
    if (this.#runtime !== null) return;
    this.#attach(running);
    this.#observed.attempt = running.attempt;
    this.#observed.loadState = 'reconciling';
    this.#observed.phase = 'probing';
  }

  /** The log of an attempt, the running or last one when none is named. A search reads all that is kept of it. */
  async logs({ attempt: wanted, tail, query }: LogQuery): Promise<SlotLog> {
    const attempts = await this.#logs.attempts();
    const current = this.#observed.attempt === 0 ? (attempts[0] ?? 0) : this.#observed.attempt;
    const attempt = wanted ?? current;
    const live = this.#runtime?.running.attempt === attempt ? this.#runtime : null;
    const history = this.#deps.store
      .attempts(this.id, HISTORY)
      .map((row) => toAttempt(row, attempts.includes(row.attempt)));
    if (live !== null && query === undefined) return { attempt, attempts, history, lines: live.tail(tail) };
    await live?.flushLog();
    return { attempt, attempts, history, lines: await this.#logs.read(attempt, tail, query) };
  }

  /** Lets go without stopping the runtime: containers outlive the agent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#effect?.abort(new AppError('shutting_down', 'The agent is stopping.'));
    await this.#active?.catch(() => undefined);
    await this.#runtime?.detach();
  }

  async #loop(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      try {
        await this.#step();
      } catch (error) {
        this.#log.error({ err: error }, 'a step of the slot failed');
        // Without a pause, a fault of ours would spin.
        this.#schedule(this.#deps.clock.now() + 5000);
      }
    }
    this.#firstLook.resolve();
  }

  async #step(): Promise<void> {
    const { store, clock } = this.#deps;
    const row = store.find(this.id);
    if (row === undefined) return;
    const exit = this.#runtime?.exit ?? null;
    if (exit !== null) await this.#fail(new RuntimeExitedError(exit));
    const desire = desireOf(row);
    const step = planSlot(
      desire,
      { runtime: this.#runtime?.running ?? null, failure: this.#failures.current },
      clock.now(),
    );
    switch (step.do) {
      case 'stop':
        await this.#stop();
        this.#dirty = true;
        break;
      case 'start':
        await this.#effectOf((signal) => this.#start(row, step.modelId, signal));
        break;
      case 'watch':
        await this.#effectOf((signal) => this.#watch(row, signal));
        break;
      case 'wait':
        this.#schedule(step.until);
        break;
      case 'rest':
        await this.#rest(row, desire);
        break;
    }
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  async #start(row: SlotRow, modelId: string, signal: AbortSignal): Promise<void> {
    this.#observed.milestones = [];
    this.#observed.error = null;
    await this.#reporter.setState('loading', 'starting');
    this.#firstLook.resolve();
    const prepared = await this.#starter.prepare(row, modelId, signal);
    this.#observed.attempt = prepared.launch.attempt;
    this.#reporter.expectMilestones(prepared.spec);
    this.#attach(await prepared.driver.start(prepared.launch, signal));
    await this.#bringUp(prepared, signal);
  }

  /** A runtime is there and is the right one: bring an adopted one up, or look whether a loaded one still serves. */
  async #watch(row: SlotRow, signal: AbortSignal): Promise<void> {
    const runtime = this.#runtime;
    if (runtime === null) return;
    if (this.#observed.loadState === 'loaded') {
      await this.#look(runtime, signal);
      return;
    }
    const { launcher, models } = this.#deps;
    const { running } = runtime;
    const prepared = await launcher.prepare(row, models.get(running.modelId), running.attempt, signal);
    if (prepared.launch.configHash === running.configHash) {
      this.#reporter.expectMilestones(prepared.spec);
      await this.#bringUp(prepared, signal);
      return;
    }
    // It was started under other settings or from another image; what is wished for now counts.
    await this.#stop();
    this.#dirty = true;
  }

  /** From a running process to a model that is served. */
  async #bringUp(prepared: PreparedLaunch, signal: AbortSignal): Promise<void> {
    const { clock, store } = this.#deps;
    const runtime = this.#runtime;
    if (runtime === null) return;
    this.#lastProgress = clock.now();
    await waitHealthy({
      pool: runtime.pool,
      exited: runtime.running.exited,
      stallMs: prepared.spec.stall_seconds * 1000,
      lastProgress: () => this.#lastProgress,
      now: () => clock.now(),
      signal,
    });
    this.#reporter.setPhase('probing');
    const { capability } = store.get(this.id);
    const probed = await probeModel(runtime.pool, runtime.running.modelId, capability, signal);
    await this.#serve(runtime, prepared, probed);
  }

  async #serve(runtime: AttachedRuntime, prepared: PreparedLaunch, probed: ProbeResult): Promise<void> {
    const { clock, store, database, watchMs } = this.#deps;
    const { running } = runtime;
    const now = clock.now();
    for (const milestone of this.#observed.milestones) milestone.reachedAt ??= now;
    await database.transact(() => store.attemptLoaded(this.id, running.attempt));
    const attempt = store.attempt(this.id, running.attempt);
    Object.assign(this.#observed, {
      loadedModelId: running.modelId,
      runtimeModelId: running.modelId,
      identity: prepared.identity,
      imageId: running.engine.imageId,
      engineVersion: probed.engineVersion ?? running.engine.version,
      containerId: running.containerId,
      isolation: running.isolation,
      endpoint: runtimeAddressText(running.address),
      contextLength: probed.contextLength,
      parallel: probed.parallel,
      loadMs: attempt?.loaded_at == null ? null : attempt.loaded_at - attempt.started_at,
      error: null,
    } satisfies Partial<SlotObserved>);
    runtime.serve(prepared.identity, prepared.spec.refuse_parameters);
    this.#failures.loaded();
    this.#missedWatches = 0;
    await this.#reporter.setState('loaded', 'ready');
    this.#schedule(now + watchMs);
  }

  async #look(runtime: AttachedRuntime, signal: AbortSignal): Promise<void> {
    const { clock, watchMs } = this.#deps;
    const ids = await advertisedModels(runtime.pool, signal).then(
      (answer) => answer.ids,
      () => null,
    );
    signal.throwIfAborted();
    if (ids?.includes(runtime.running.modelId) === true) {
      this.#missedWatches = 0;
      this.#observed.observedAt = clock.now();
      if (clock.now() - (this.#observed.since ?? 0) > HEALTHY_MS) this.#failures.forget();
      this.#reporter.publish();
    } else {
      this.#missedWatches += 1;
      // That it ended is told by its exit, with the reason.
      if (runtime.exit === null && this.#missedWatches >= MISSED_WATCHES) throw silentRuntime(ids);
    }
    this.#schedule(clock.now() + (this.#missedWatches > 0 ? WATCH_AGAIN_MS : watchMs));
  }

  async #stop(): Promise<void> {
    const runtime = this.#runtime;
    if (runtime === null) return;
    const { drainMs, database, store } = this.#deps;
    if (runtime.endpoint !== null) {
      const drained = runtime.endpoint.drain();
      await this.#reporter.setState('reconciling', 'draining');
      const timeout = new Promise((resolve) => setTimeout(resolve, drainMs).unref());
      await Promise.race([drained, runtime.running.exited, timeout]);
    }
    await this.#reporter.setState('reconciling', 'stopping');
    await runtime.running.stop(STOP_GRACE_MS);
    const { code } = await runtime.running.exited;
    await database.transact(() => store.attemptEnded(this.id, runtime.running.attempt, code, null));
    await this.#detach();
  }

  async #rest(row: SlotRow, desire: SlotDesire | null): Promise<void> {
    if (desire !== null) {
      if (this.#observed.loadState !== 'error') await this.#reporter.setState('error', null);
      return;
    }
    this.#failures.forget();
    this.#observed.error = null;
    this.#observed.milestones = [];
    if (this.#observed.loadState !== 'empty' || row.load_state !== 'empty')
      await this.#reporter.setState('empty', null);
    this.#observed.observedAt = this.#deps.clock.now();
  }

  // ---- failures ----------------------------------------------------------------------------------------------------

  /** Runs a step that a new wish can interrupt, and records how it failed. */
  async #effectOf(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const effect = new AbortController();
    this.#effect = effect;
    try {
      await run(effect.signal);
    } catch (error) {
      // Superseded: the next step stops what was half started. When the agent stops, containers stay.
      if (effect.signal.aborted) this.#dirty = true;
      else await this.#fail(error);
    } finally {
      this.#effect = null;
    }
  }

  async #fail(error: unknown): Promise<void> {
    const { store, clock, database } = this.#deps;
    const row = store.find(this.id);
    if (row === undefined) return;
    const runtime = this.#runtime;
    const hadServed = this.#observed.loadState === 'loaded';
    // The lines that tell why may still be on their way.
    if (runtime?.exit != null) await runtime.logEnd();
    if (!(error instanceof RuntimeExitedError) && !(error instanceof AppError))
      this.#log.error({ err: error }, 'loading failed');
    const loadError = this.#failures.record(error, {
      lines: runtime?.tail(DIAGNOSED_LINES) ?? [],
      attempt: runtime?.running.attempt ?? this.#observed.attempt,
      generation: row.generation,
      hadServed,
      now: clock.now(),
      subject: this.#deps.launcher.diagnosed(row),
    });
    if (runtime !== null) {
      await runtime.running.stop(STOP_GRACE_MS).catch((cause: unknown) => {
        this.#log.warn({ err: cause }, 'what is left of a runtime could not be removed');
      });
    }
    // Also one that never ran: its container was refused, or its image was not there.
    const attempt = runtime?.running.attempt ?? this.#observed.attempt;
    await database.transact(() =>
      store.attemptEnded(this.id, attempt, runtime?.exit?.code ?? null, loadError),
    );
    if (runtime !== null) await this.#detach();
    this.#observed.error = loadError;
    const retries = loadError.will_retry && loadError.error !== 'runtime_unavailable';
    await this.#reporter.setState(retries ? 'reconciling' : 'error', loadError.will_retry ? 'backoff' : null);
    this.#dirty = true;
  }

  // ---- the runtime at hand -----------------------------------------------------------------------------------------

  #attach(running: RunningRuntime): void {
    const attached = new AttachedRuntime(running, {
      pool: this.#deps.egress.runtimePool(running.address, POOL_CONNECTIONS),
      logPath: this.#logs.path(running.attempt),
      onLine: (line) => this.#onLine(running, line),
      onExit: () => {
        if (this.#runtime === attached) this.wake();
      },
      onFailure: () => this.wake(),
    });
    this.#runtime = attached;
  }

  async #detach(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = null;
    Object.assign(this.#observed, NOTHING_RUNS);
    await runtime?.detach();
    await this.#logs.prune();
  }

  #onLine(running: RunningRuntime, line: NumberedLine): void {
    this.#lastProgress = this.#deps.clock.now();
    this.#reporter.line(running.attempt, line);
  }

  #schedule(at: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.max(0, at - this.#deps.clock.now()));
    this.#timer.unref();
  }
}

function desireOf(row: SlotRow): SlotDesire | null {
  return row.enabled && row.desired_model_id !== null
    ? { modelId: row.desired_model_id, generation: row.generation }
    : null;
}

function silentRuntime(ids: readonly string[] | null): AppError {
  const what =
    ids === null
      ? 'The runtime runs but does not answer any more.'
      : `The runtime advertises ${ids.join(', ') || 'nothing'} now.`;
  return new AppError('upstream_failed', what, { details: { reason: 'not_answering' } });
}
