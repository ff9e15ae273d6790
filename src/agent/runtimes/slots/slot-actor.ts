import { AppError, type Slot } from '../../../shared/contract/index.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { RunningRuntime } from '../drivers/driver.ts';
import type { AttachedRuntime } from './attached-runtime.ts';
import type { SlotEndpoint } from './endpoint.ts';
import { FailureTracker } from './failure-tracker.ts';
import { toAttempt, type LogQuery, type SlotLog } from './attempt-view.ts';
import { settingsOf } from './launcher.ts';
import { AttemptLogs } from './log-buffer.ts';
import { pendingChanges, type RuntimeSettings } from './pending-changes.ts';
import { pickAdopted, planSlot, type SlotDesire } from './plan.ts';
import type { SlotActorDeps } from './slot-deps.ts';
import { SlotReporter } from './slot-reporter.ts';
import { SlotRuntimes } from './slot-runtimes.ts';
import { toSlot, type SlotObserved } from './slot-state.ts';
import { SlotSteps } from './slot-steps.ts';
import type { SlotRow } from './slot-store.ts';

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
  readonly #runtimes: SlotRuntimes;
  readonly #steps: SlotSteps;
  readonly #firstLook = Promise.withResolvers<void>();
  /** What was found running, for the next step. */
  #found: (readonly RunningRuntime[])[] = [];
  #effect: AbortController | null = null;
  #timer: NodeJS.Timeout | null = null;
  #dirty = false;
  #active: Promise<void> | null = null;
  #closed = false;

  constructor(row: SlotRow, deps: SlotActorDeps) {
    this.id = row.id;
    this.#deps = deps;
    this.#log = deps.log.child({ slot_id: row.id });
    this.#logs = new AttemptLogs(deps.logDirectory, row.id);
    this.#failures = new FailureTracker(deps.rules, deps.retry);
    this.#reporter = new SlotReporter(row, deps, () => this.view());
    this.#runtimes = new SlotRuntimes({
      ...deps,
      slotId: row.id,
      log: this.#log,
      logs: this.#logs,
      onLine: (runtime, line, isMilestone) => this.#reporter.line(runtime.running.attempt, line, isMilestone),
      onExit: (runtime) => {
        // A step that works on it, or that counts on it to go on serving, is over.
        const { current, next } = this.#runtimes;
        if (runtime === current || runtime === next) this.wake(true);
      },
      onFailure: () => this.wake(),
      onLeft: () => {
        this.tell();
        this.wake();
      },
    });
    this.#steps = new SlotSteps(deps, {
      slotId: row.id,
      log: this.#log,
      logs: this.#logs,
      reporter: this.#reporter,
      runtimes: this.#runtimes,
      failures: this.#failures,
      again: () => {
        this.#dirty = true;
      },
      found: (running) => {
        this.#found.push(running);
        this.#dirty = true;
      },
      schedule: (at) => this.#schedule(at),
      looked: () => this.#firstLook.resolve(),
    });
  }

  /** Resolves once the slot has been looked at after a start of the agent. */
  get observedOnce(): Promise<void> {
    return this.#firstLook.promise;
  }

  /** The container that counts as the slot, from its start to its end; null where none is. */
  /** The containers of the slot: of what counts, of what shall replace it, and of what answers its last requests. */
  get containerIds(): string[] {
    return this.#runtimes.all.flatMap(({ running }) => running.containerId ?? []);
  }

  get containerId(): string | null {
    return this.#runtimes.current?.running.containerId ?? null;
  }

  /** What serves now, or null: also while another runtime comes up to take its place. */
  get endpoint(): SlotEndpoint | null {
    return this.#runtimes.endpoint;
  }

  get observed(): Readonly<SlotObserved> {
    return this.#reporter.observed;
  }

  /** What the runtime that counts as the slot was started with; null without one. */
  get settings(): RuntimeSettings | null {
    return this.#runtimes.current?.settings ?? null;
  }

  /** The engine of that runtime: image id, or version of the embedded one. */
  get engineId(): string | null {
    return this.#runtimes.current?.running.engine.id ?? null;
  }

  /** Whether anything of it runs, were it only to answer its last requests. */
  get runs(): boolean {
    return this.#runtimes.all.some((runtime) => runtime.running.containerId !== null);
  }

  view(): Slot {
    const { store, models, launcher, fit } = this.#deps;
    const row = store.get(this.id);
    const model = row.desired_model_id === null ? undefined : models.find(row.desired_model_id);
    const effective = model === undefined ? null : launcher.effectiveOrNull(row, model);
    const { current, next, inFlight } = this.#runtimes;
    const settings = current?.settings ?? null;
    return toSlot(row, this.observed, {
      inFlight,
      usualLoadMs: row.desired_model_id === null ? null : store.usualLoadMs(this.id, row.desired_model_id),
      effective,
      memory: fit.view(this.id),
      pendingChanges:
        settings === null || effective === null ? [] : pendingChanges(settings, settingsOf(row, effective)),
      measuredMemoryBytes:
        current === null
          ? null
          : (store.attempt(this.id, current.running.attempt)?.measured_memory_bytes ?? null),
      metrics: this.#deps.metrics.latest(this.endpoint),
      replacement:
        next === null
          ? null
          : {
              attempt: next.running.attempt,
              phase: next.phase,
              milestones: next.progress.milestones,
              since: next.since,
            },
    });
  }

  /** Something that matters may have changed. `interrupt` gives up a step that is under way. */
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

  /** Something else is wished for: what failed before is past, and what is under way is given up. */
  wished(): void {
    this.#reporter.observed.error = null;
    this.wake(true);
  }

  /** What is to leave now, or next, does not wait for its last requests. */
  cut(): void {
    this.#runtimes.cut();
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

  /** Tells it what was found running for it; `wake` makes it look at that. */
  adopt(found: readonly RunningRuntime[]): void {
    this.#found.push(found);
  }

  /** How many attempts have a log that is kept. */
  async keptLogs(): Promise<number> {
    return (await this.#logs.attempts()).length;
  }

  /** The log of an attempt, the running or last one when none is named. A search reads all that is kept of it. */
  async logs({ attempt: wanted, tail, query }: LogQuery): Promise<SlotLog> {
    const attempts = await this.#logs.attempts();
    const current = this.observed.attempt === 0 ? (attempts[0] ?? 0) : this.observed.attempt;
    const attempt = wanted ?? current;
    const live = this.#runtimes.byAttempt(attempt);
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
    await this.#runtimes.close();
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
    await this.#takeOverFound(row);
    await this.#steps.noteEnds();
    const desire = desireOf(row);
    const { current, next, anyLeaving } = this.#runtimes;
    const step = planSlot(
      desire,
      {
        current:
          current === null
            ? null
            : {
                modelId: current.running.modelId,
                generation: current.generation,
                serves: current.endpoint !== null,
                adopted: current.adopted,
              },
        next: next === null ? null : { modelId: next.running.modelId, generation: next.generation },
        leaving: anyLeaving,
        failure: this.#failures.current,
      },
      clock.now(),
    );
    switch (step.do) {
      case 'stop':
        await this.#steps.stop();
        this.#dirty = true;
        break;
      case 'start':
        await this.#effectOf('current', (signal) => this.#steps.start(row, step.modelId, signal));
        break;
      case 'replace':
        await this.#effectOf('next', (signal) => this.#steps.replace(row, step.modelId, signal));
        break;
      case 'finish_next':
        await this.#effectOf('next', (signal) => this.#steps.finishNext(row, signal));
        break;
      case 'drop_next':
        if (next !== null) await this.#runtimes.end(next, null);
        this.#dirty = true;
        break;
      case 'promote':
        this.#runtimes.current = next;
        this.#runtimes.next = null;
        this.#dirty = true;
        break;
      case 'watch':
        await this.#effectOf('current', (signal) => this.#steps.watch(row, step.until, signal));
        break;
      case 'wait':
        this.#schedule(step.until);
        break;
      case 'wait_leaving':
        if (current === null) await this.#reporter.setState('reconciling', 'draining');
        break;
      case 'rest':
        await this.#steps.rest(row, desire !== null);
        break;
    }
  }

  /** Runs a step that a new wish can interrupt, and records how it failed. */
  async #effectOf(place: 'current' | 'next', run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const effect = new AbortController();
    this.#effect = effect;
    try {
      await run(effect.signal);
    } catch (error) {
      // Superseded: the next step ends what was half started. When the agent stops, containers stay.
      if (effect.signal.aborted) this.#dirty = true;
      else await this.#steps.fail(place, error);
    } finally {
      this.#effect = null;
    }
  }

  /**
   * Takes over what a former agent started, and has ended what is neither the slot nor its replacement. What is taken
   * over is probed like a fresh one. What it knows already is left alone.
   */
  async #takeOverFound(row: SlotRow): Promise<void> {
    if (this.#found.length === 0) return;
    const { store, database } = this.#deps;
    const runtimes = this.#runtimes;
    const known = new Set(runtimes.all.map((one) => one.running.containerId));
    const candidates = this.#found
      .flat()
      .filter((one, at, all) => all.findIndex((other) => other.containerId === one.containerId) === at)
      .filter((one) => !known.has(one.containerId))
      .map((running) => ({
        running,
        modelId: running.modelId,
        generation: running.generation,
        attempt: running.attempt,
        loaded: store.attempt(this.id, running.attempt)?.loaded_at != null,
      }));
    this.#found = [];
    const { current, next, strays } =
      runtimes.current === null && runtimes.next === null
        ? pickAdopted(desireOf(row), candidates)
        : { current: null, next: null, strays: candidates };
    if (current !== null) {
      runtimes.current = this.#attachAdopted(current.running);
      // Not told yet: a restart that finds all as it was is no news.
      Object.assign(this.#reporter.observed, {
        attempt: current.attempt,
        milestones: runtimes.current.progress.milestones,
        loadState: 'reconciling',
        phase: 'probing',
      } satisfies Partial<SlotObserved>);
    }
    if (next !== null) runtimes.next = this.#attachAdopted(next.running);
    await Promise.all(
      strays.map(async ({ running }) => {
        this.#log.warn(
          { container: running.containerId, attempt: running.attempt },
          'a runtime that does not count as the slot is stopped',
        );
        await running.stop(1000);
      }),
    );
    const alive = runtimes.all.map((one) => one.running.attempt);
    if (store.hasForgotten(this.id, alive)) await database.transact(() => store.endForgotten(this.id, alive));
  }

  #attachAdopted(running: RunningRuntime): AttachedRuntime {
    const { store, launcher } = this.#deps;
    const settings = store.attempt(this.id, running.attempt)?.settings ?? null;
    const spec = settings === null ? null : launcher.specOrNull(settings.runtime_spec);
    return this.#runtimes.attach(running, spec, settings, true);
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
