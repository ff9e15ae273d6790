import { AppError, type LoadError } from '../../../shared/contract/index.ts';
import { runtimeAddressText } from '../../kernel/egress.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { RunningRuntime } from '../drivers/driver.ts';
import type { AttachedRuntime } from './attached-runtime.ts';
import { AttemptStarter } from './attempt-starter.ts';
import { bringUp } from './bring-up.ts';
import type { FailureTracker } from './failure-tracker.ts';
import { cpuFallback, lostGpu, saysGpuLost, unusedGpus, usesItsGpus } from './gpu-check.ts';
import type { PreparedLaunch } from './launcher.ts';
import { Liveness } from './liveness.ts';
import type { AttemptLogs } from './log-buffer.ts';
import { RuntimeExitedError, type ProbeResult } from './probe.ts';
import type { SlotActorDeps } from './slot-deps.ts';
import type { SlotReporter } from './slot-reporter.ts';
import type { SlotRuntimes } from './slot-runtimes.ts';
import { NOTHING_RUNS, type SlotObserved } from './slot-state.ts';
import type { SlotRow } from './slot-store.ts';

const DIAGNOSED_LINES = 1000;
/** A runtime that served this long and then died is not in a crash loop. */
const HEALTHY_MS = 60_000;
const WATCH_AGAIN_MS = 1000;

/** What the steps share with the owner of the slot. */
export interface StepContext {
  readonly slotId: string;
  readonly log: Logger;
  readonly logs: AttemptLogs;
  readonly reporter: SlotReporter;
  readonly runtimes: SlotRuntimes;
  readonly failures: FailureTracker;
  /** There is more to do at once. */
  again(): void;
  /** These run for the slot, and nobody knew. */
  found(running: readonly RunningRuntime[]): void;
  /** There is more to do at this time. */
  schedule(at: number): void;
  /** The slot has been looked at: what follows takes its time. */
  looked(): void;
}

/** What the owner of a slot does, one step at a time. Only it calls them. */
export class SlotSteps {
  readonly #deps: SlotActorDeps;
  readonly #context: StepContext;
  readonly #starter: AttemptStarter;
  readonly #liveness: Liveness;
  /** When the GPUs of what serves were last looked at, and whether it was seen to use them. */
  #gpusSeen = { at: 0, used: false };
  /** Written down, but never came to run. */
  #unstarted: number | null = null;

  constructor(deps: SlotActorDeps, context: StepContext) {
    this.#deps = deps;
    this.#context = context;
    this.#starter = new AttemptStarter(deps, context.logs);
    this.#liveness = new Liveness(deps.liveness, () => deps.clock.now());
  }

  get #observed(): SlotObserved {
    return this.#context.reporter.observed;
  }

  async start(row: SlotRow, modelId: string, signal: AbortSignal): Promise<void> {
    this.#observed.milestones = [];
    this.#observed.error = null;
    await this.#context.reporter.setState('loading', 'starting');
    this.#context.looked();
    const prepared = await this.#starter.prepare(row, modelId, signal);
    // Its engine may have been away when this agent looked for what runs: that is taken over, not started beside.
    const known = new Set(this.#context.runtimes.all.map(({ running }) => running.containerId));
    const unknown = (await prepared.driver.findRunning(signal, row.id)).filter(
      ({ containerId }) => !known.has(containerId),
    );
    if (unknown.length > 0) {
      this.#context.found(unknown);
      return;
    }
    const runtime = await this.#startAttempt(prepared, 'current', signal);
    const probed = await this.#bringUp(runtime, signal);
    await this.#serve(runtime, probed, prepared);
  }

  /** Beside the one that serves where memory allows it; else that one drains and ends first. */
  async replace(row: SlotRow, modelId: string, signal: AbortSignal): Promise<void> {
    const { room, models, clock, watchMs } = this.#deps;
    const { current } = this.#context.runtimes;
    if (current === null) return;
    const prepared = await this.#starter.prepare(row, modelId, signal);
    if (prepared.launch.configHash === current.running.configHash) {
      // The wish changed nothing that what runs would do otherwise.
      current.generation = row.generation;
      this.#context.failures.loaded();
      this.#observed.error = null;
      this.#observed.identity = prepared.identity;
      await this.#context.reporter.setState('loaded', 'ready');
      this.#context.schedule(clock.now() + watchMs);
      return;
    }
    const isRoom = await room.hasRoomBeside(row, models.get(modelId), signal);
    signal.throwIfAborted();
    if (!isRoom) {
      await this.stop();
      this.#context.again();
      return;
    }
    await this.#context.reporter.setState('reconciling', 'ready');
    await this.#startAttempt(prepared, 'next', signal);
    await this.#takeOver(prepared, signal);
  }

  /** The start of a replacement was interrupted, or a former agent left it half done. */
  async finishNext(row: SlotRow, signal: AbortSignal): Promise<void> {
    const { next } = this.#context.runtimes;
    if (next === null) return;
    const { launcher, models } = this.#deps;
    await this.#context.reporter.setState('reconciling', 'ready');
    const { running } = next;
    const prepared = await launcher.prepare(row, models.get(running.modelId), running.attempt, signal);
    if (prepared.launch.configHash === running.configHash) await this.#takeOver(prepared, signal);
    else {
      await this.#context.runtimes.end(next, null);
      this.#context.again();
    }
  }

  /** Brings the next one up, lets the gateway turn to it at once, and lets the former one answer its last requests. */
  async #takeOver(prepared: PreparedLaunch, signal: AbortSignal): Promise<void> {
    const { next } = this.#context.runtimes;
    if (next === null) return;
    const probed = await this.#bringUp(next, signal);
    const former = this.#context.runtimes.current;
    this.#context.runtimes.current = next;
    this.#context.runtimes.next = null;
    try {
      await this.#serve(next, probed, prepared);
    } finally {
      // The gateway has turned already; ending the former one need not keep that from being told.
      if (former !== null) this.#context.runtimes.leave(former);
    }
  }

  /** A runtime is there: bring an adopted one up, or look whether a loaded one still serves. */
  async watch(row: SlotRow, until: number | null, signal: AbortSignal): Promise<void> {
    const { current } = this.#context.runtimes;
    if (current === null) return;
    if (current.endpoint !== null) {
      await this.#look(current, until, signal);
      return;
    }
    const { launcher, models } = this.#deps;
    const { running } = current;
    const wanted = row.desired_model_id === null ? undefined : models.find(row.desired_model_id);
    // It serves what it was started with, also when what is wished for now cannot be resolved.
    const prepared =
      wanted === undefined
        ? null
        : await launcher.prepare(row, wanted, running.attempt, signal).catch((error: unknown) => {
            signal.throwIfAborted();
            this.#context.log.debug({ err: error }, 'what is wished for cannot be resolved now');
            return null;
          });
    const fits = prepared?.launch.configHash === running.configHash;
    if (!fits && !current.adopted) {
      await this.stop();
      this.#context.again();
      return;
    }
    current.generation = fits ? row.generation : -1;
    const probed = await this.#bringUp(current, signal);
    await this.#serve(current, probed, fits ? prepared : null);
    if (!fits) this.#context.again();
  }

  async #startAttempt(
    prepared: PreparedLaunch,
    place: 'current' | 'next',
    signal: AbortSignal,
  ): Promise<AttachedRuntime> {
    const { attempt } = prepared.launch;
    this.#unstarted = attempt;
    if (place === 'current') this.#observed.attempt = attempt;
    if (place === 'current') await this.#expectMemory(prepared, signal);
    try {
      const running = await this.#starter.start(prepared, signal);
      this.#unstarted = null;
      const runtime = this.#context.runtimes.attach(running, prepared.spec, prepared.settings, false);
      this.#context.runtimes[place] = runtime;
      if (place === 'current') this.#observed.milestones = runtime.progress.milestones;
      return runtime;
    } catch (error) {
      if (signal.aborted) await this.#starter.ended(this.#context.slotId, attempt, null);
      throw error;
    }
  }

  /** @throws also {AppError} `runtime_gpu_unused`: not one call is answered by a processor in place of a GPU. */
  async #bringUp(runtime: AttachedRuntime, signal: AbortSignal): Promise<ProbeResult> {
    const { clock, store, launcher, rules } = this.#deps;
    const { reporter, runtimes, slotId } = this.#context;
    const probed = await bringUp(runtime, {
      capability: store.get(slotId).capability,
      now: () => clock.now(),
      onPhase: () => {
        if (runtime === runtimes.current) reporter.setPhase('probing');
        else reporter.publish();
      },
      signal,
    });
    if (runtime.device === 'cpu') return probed;
    const engine = launcher.specOrNull(runtime.settings?.runtime_spec ?? '')?.engine ?? '';
    const fallback = cpuFallback(rules, engine, runtime.tail(DIAGNOSED_LINES));
    if (fallback !== null) throw fallback;
    return probed;
  }

  /** @param prepared null for one that was started under other settings than are wished for now */
  async #serve(
    runtime: AttachedRuntime,
    probed: ProbeResult,
    prepared: PreparedLaunch | null,
  ): Promise<void> {
    const { clock, store, database, launcher, watchMs } = this.#deps;
    const { running } = runtime;
    const now = clock.now();
    const before = store.attempt(this.#context.slotId, running.attempt);
    const identity = prepared?.identity ?? before?.runtime_identity ?? '';
    const spec = prepared?.spec ?? launcher.specOrNull(runtime.settings?.runtime_spec ?? '');
    if (spec?.device === 'cuda') {
      this.#gpusSeen = { at: now, used: false };
      this.#deps.gpus.processesChanged();
    }
    runtime.serve(identity, spec?.refuse_parameters ?? []);
    if (before?.loaded_at == null)
      await database.transact(() => store.attemptLoaded(this.#context.slotId, running.attempt));
    Object.assign(this.#observed, {
      attempt: running.attempt,
      milestones: runtime.progress.milestones,
      loadedModelId: running.modelId,
      runtimeModelId: running.modelId,
      identity,
      imageId: running.engine.imageId,
      engineVersion: probed.engineVersion ?? running.engine.version,
      containerId: running.containerId,
      isolation: running.isolation,
      endpoint: runtimeAddressText(running.address),
      contextLength: probed.contextLength,
      parallel: probed.parallel,
      loadMs: before === undefined ? null : (before.loaded_at ?? now) - before.started_at,
      error: null,
    } satisfies Partial<SlotObserved>);
    this.#context.failures.loaded();
    this.#liveness.reset();
    // What serves under former settings is replaced next; until then the slot is not what it shall be.
    await this.#context.reporter.setState(prepared === null ? 'reconciling' : 'loaded', 'ready');
    this.#context.schedule(now + watchMs);
    if (prepared !== null) await this.#noteMemory(runtime);
  }

  /** So that the slot shows what it will take. */
  async #expectMemory({ launch }: PreparedLaunch, signal: AbortSignal): Promise<void> {
    const { fit, store, models } = this.#deps;
    await fit.expect(store.get(this.#context.slotId), models.get(launch.modelId), launch.engine, signal);
  }

  /** It serves already; what its engine told of memory is for people and for the next estimate. */
  async #noteMemory(runtime: AttachedRuntime): Promise<void> {
    const { fit, store, models } = this.#deps;
    const { engine, attempt, modelId } = runtime.running;
    const model = models.find(modelId);
    if (model === undefined) return;
    const slot = store.get(this.#context.slotId);
    await fit.loaded({ slot, model, engine, attempt }, runtime.report.measured());
    this.#context.reporter.publish();
  }

  /** @param until when the next try of a replacement is due that failed; null when none is */
  async #look(runtime: AttachedRuntime, until: number | null, signal: AbortSignal): Promise<void> {
    const { clock, watchMs, store } = this.#deps;
    await this.#liveness.look(runtime, store.get(this.#context.slotId).capability, signal);
    await this.#lookAtGpus(runtime, signal);
    const { isListed } = this.#liveness;
    if (isListed) {
      this.#observed.observedAt = clock.now();
      if (until === null && clock.now() - (this.#observed.since ?? 0) > HEALTHY_MS)
        this.#context.failures.forget();
      this.#context.reporter.publish();
    }
    const again = clock.now() + (isListed ? watchMs : WATCH_AGAIN_MS);
    this.#context.schedule(until === null ? again : Math.min(until, again));
  }

  /** @throws {AppError} `runtime_gpu_lost`, `runtime_gpu_unused`. */
  async #lookAtGpus(runtime: AttachedRuntime, signal: AbortSignal): Promise<void> {
    const { gpus, clock, liveness } = this.#deps;
    const ids = runtime.settings?.gpu_ids ?? [];
    if (runtime.device !== 'cuda' || ids.length === 0) return;
    if (clock.now() - this.#gpusSeen.at < liveness.gpusMs) return;
    this.#gpusSeen.at = clock.now();
    for (const id of ids) {
      const problem = await gpus.problemOf(id, signal);
      if (problem !== null) throw lostGpu(problem);
    }
    const said = await runtime.running.ask?.(['nvidia-smi', '-L'], signal).catch(() => null);
    signal.throwIfAborted();
    if (said != null && saysGpuLost(said))
      throw lostGpu(`In its container, nvidia-smi says: ${said.trim().slice(0, 200)}`);
    if (this.#gpusSeen.used) return;
    const uses = usesItsGpus(
      this.#context.slotId,
      ids.flatMap((id) => gpus.read(id) ?? []),
    );
    if (uses === false) throw unusedGpus(ids);
    this.#gpusSeen.used = uses === true;
  }

  async stop(): Promise<void> {
    const { current } = this.#context.runtimes;
    if (current === null) return;
    if (current.endpoint !== null) {
      const drained = this.#context.runtimes.drain(current);
      await this.#context.reporter.setState('reconciling', 'draining');
      await drained;
    }
    await this.#context.reporter.setState('reconciling', 'stopping');
    await this.#context.runtimes.end(current, null);
    Object.assign(this.#observed, NOTHING_RUNS);
  }

  /** @param wanted a model is wished for, and given up */
  async rest(row: SlotRow, wanted: boolean): Promise<void> {
    if (wanted) {
      if (this.#observed.loadState !== 'error') await this.#context.reporter.setState('error', null);
      return;
    }
    this.#context.failures.forget();
    this.#deps.fit.forget(this.#context.slotId);
    this.#observed.error = null;
    this.#observed.milestones = [];
    if (this.#observed.loadState !== 'empty' || row.load_state !== 'empty')
      await this.#context.reporter.setState('empty', null);
    this.#observed.observedAt = this.#deps.clock.now();
  }

  /** Runtimes that ended while no step was working on them. */
  async noteEnds(): Promise<void> {
    for (const place of ['current', 'next'] as const) {
      const exit = this.#context.runtimes[place]?.exit ?? null;
      if (exit !== null) await this.fail(place, new RuntimeExitedError(exit));
    }
  }

  async fail(place: 'current' | 'next', error: unknown): Promise<void> {
    const { store, clock } = this.#deps;
    const row = store.find(this.#context.slotId);
    if (row === undefined) return;
    const runtime = this.#context.runtimes[place];
    // The lines that tell why may still be on their way.
    if (runtime?.exit != null) await runtime.logEnd();
    if (!(error instanceof RuntimeExitedError) && !(error instanceof AppError))
      this.#context.log.error({ err: error }, 'loading failed');
    const loadError = this.#context.failures.record(error, {
      lines: runtime?.tail(DIAGNOSED_LINES) ?? [],
      attempt: runtime?.running.attempt ?? this.#unstarted ?? this.#observed.attempt,
      generation: row.generation,
      hadServed: runtime?.endpoint != null,
      now: clock.now(),
      subject: this.#deps.launcher.diagnosed(row),
    });
    if (runtime !== null) await this.#context.runtimes.endFailed(runtime, loadError);
    else if (this.#unstarted !== null)
      await this.#starter.ended(this.#context.slotId, this.#unstarted, loadError);
    this.#unstarted = null;
    this.#observed.error = loadError;
    const { current } = this.#context.runtimes;
    if (place === 'next' && loadError.error === 'artifact_not_ready' && current !== null) {
      // The files it serves from are not what they were: it must not go on with them.
      if (current.running.modelId === row.desired_model_id)
        await this.#context.runtimes.endFailed(current, loadError);
    }
    await this.#tellFailure(place, loadError);
    this.#context.again();
  }

  /** The one that serves goes on where its replacement failed; the slot then says why it has not what is wished for. */
  async #tellFailure(place: 'current' | 'next', { will_retry: retries, error }: LoadError): Promise<void> {
    if (place === 'next' && this.#context.runtimes.endpoint !== null) {
      await this.#context.reporter.setState(
        retries ? 'reconciling' : 'loaded',
        retries ? 'backoff' : 'ready',
      );
      return;
    }
    Object.assign(this.#observed, NOTHING_RUNS);
    const waits = retries && error !== 'runtime_unavailable';
    await this.#context.reporter.setState(waits ? 'reconciling' : 'error', retries ? 'backoff' : null);
  }
}
