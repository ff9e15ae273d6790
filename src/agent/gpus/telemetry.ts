import {
  absentProblem,
  DriverFailure,
  NvidiaSmi,
  type DriverProblem,
  type LiveQuery,
  type LiveReading,
  type Tick,
} from '../adapters/nvidia/index.ts';
import type { Clock, Timers } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { NOTHING_KNOWN, type GpuState, type PlacedProcess } from './gpu-view.ts';
import { byUuid, lostBy, mergeCards, sameSet } from './state-rules.ts';
import { affordable, retryAfter, type GpuTiming } from './timing.ts';

export interface TelemetryDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly timing: GpuTiming;
  /** Where nvidia-smi is named by a person; null looks for it. */
  readonly configured: string | null;
  readonly findProgram: (configured: string | null) => Promise<string | null>;
  readonly hasCard: () => Promise<boolean>;
  readonly containerOfProcess: (pid: number) => Promise<string | null>;
  /** After every change; `tick` when the figures are new ones. */
  readonly onChange: (before: GpuState, now: GpuState, isTick: boolean) => void;
}

/** A changed memory means that a program came or went. */
const MEMORY_MOVED_BYTES = 64 * 1024 * 1024;
const COST_EVERY_TICKS = 10;
/** So many ticks in a row forget earlier failures. */
const SOUND_TICKS = 3;
const BUSY_LOOK_MS = 2000;

/**
 * The one owner of everything that is known of the GPUs. Looks for nvidia-smi, follows it, and starts it again when it
 * fails; whatever calls the program waits in one queue. Costs nothing but a rare look at a few paths where there is
 * none.
 */
export class Telemetry {
  readonly #deps: TelemetryDeps;
  readonly #stopping = new AbortController();
  #state: GpuState = NOTHING_KNOWN;
  #smi: NvidiaSmi | null = null;
  #live: LiveQuery | null = null;
  #ids: readonly string[] = [];
  #watched = false;
  #failures = 0;
  #tickCostMs: number | null = null;
  #costMark: { ticks: number; cpuMs: number } | null = null;
  #processes: { at: number; costMs: number; usedBytes: ReadonlyMap<string, number | null> } = {
    at: 0,
    costMs: 0,
    usedBytes: new Map(),
  };
  #queue: Promise<unknown> = Promise.resolve();
  #cancelLook: () => void = () => undefined;
  #cancelLinger: () => void = () => undefined;

  constructor(deps: TelemetryDeps) {
    this.#deps = deps;
  }

  get state(): GpuState {
    return this.#state;
  }

  /** Begins to look; does not wait for it. */
  start(): void {
    void this.#inTurn(() => this.#look());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelLook();
    this.#cancelLinger();
    this.#live?.stop();
    this.#live = null;
    await this.#queue;
  }

  /** Somebody reads the figures, or nobody any more. */
  watch(watched: boolean): void {
    this.#cancelLinger();
    this.#cancelLinger = () => undefined;
    if (watched === this.#watched) return;
    if (watched) {
      this.#watched = true;
      void this.#inTurn(() => this.#adjust());
      return;
    }
    this.#cancelLinger = this.#deps.timers.after(this.#deps.timing.lingerMs, () => {
      this.#watched = false;
      void this.#inTurn(() => this.#adjust());
    });
  }

  /** Asks the driver now, unless it was asked a moment ago. @throws the reason of `signal` */
  async refresh(signal: AbortSignal): Promise<GpuState> {
    const asked = this.#deps.clock.now();
    const done = this.#inTurn(() => this.#refresh(asked));
    await raceAbort(done, signal);
    return this.#state;
  }

  /** The processes again, as soon as the program is free. */
  lookAtProcesses(): void {
    void this.#inTurn(() => this.#readProcesses());
  }

  async #refresh(asked: number): Promise<void> {
    const { timing } = this.#deps;
    const { observedAt, problem } = this.#state;
    if (this.#smi === null || problem !== null || observedAt === null) {
      // Others who waited in the queue for the same answer.
      if (this.#lookedAt < asked) await this.#look();
      return;
    }
    if (observedAt < asked - timing.watchedMs) {
      const signal = this.#stopping.signal;
      try {
        this.#onTick(await this.#smi.read(signal, this.#ids));
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    // Instances have their memory in the same answer as their processes.
    const freshMs = this.#state.mig.length > 0 ? timing.watchedMs : timing.processesWatchedMs;
    if (this.#processes.at < asked - freshMs) await this.#readProcesses();
  }

  #lookedAt = 0;

  /** Finds out what there is, and follows it. */
  async #look(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    this.#cancelLook();
    this.#live?.stop();
    this.#live = null;
    try {
      await this.#detect(signal);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#lookedAt = this.#deps.clock.now();
    }
  }

  async #detect(signal: AbortSignal): Promise<void> {
    const { findProgram, hasCard, configured, timing } = this.#deps;
    const path = await findProgram(configured);
    if (path === null) {
      this.#smi = null;
      const cardWithoutDriver = await hasCard();
      this.#set({
        problem: absentProblem(configured, cardWithoutDriver),
        cardWithoutDriver,
        samplingMs: null,
        live: new Map(),
        processes: [],
      });
      this.#lookIn(timing.lookAgainMs);
      return;
    }
    if (this.#smi?.path !== path) this.#smi = new NvidiaSmi(path, timing);
    const smi = this.#smi;
    const { cards, problem, ids } = await this.#cards(smi, signal);
    this.#ids = ids;
    const readings = await smi.read(signal, ids);
    const known = mergeCards(this.#state.cards, cards);
    const mig = cards.some(({ migMode }) => migMode === 'enabled') ? await smi.migDevices(signal) : [];
    // Instances have their memory in the report only; for the rest it may come later.
    const report = mig.length > 0 ? await this.#report(smi, mig) : {};
    this.#set({
      cards: known,
      mig,
      ...report,
      problem,
      lost: new Set(
        known.filter(({ uuid }) => !readings.some((one) => one.uuid === uuid)).map(({ uuid }) => uuid),
      ),
    });
    this.#onTick(readings);
    this.#follow(smi);
    // Those that are followed by name say nothing of one that comes back.
    if (problem !== null) this.#lookIn(timing.retryMaxMs);
    if (this.#state.cudaVersion === null) this.#set(await this.#report(smi, mig));
    await this.#readProcesses();
  }

  /** With a lost card the driver refuses to speak of any, but not of those that are asked for by name. */
  async #cards(
    smi: NvidiaSmi,
    signal: AbortSignal,
  ): Promise<{ cards: GpuState['cards']; problem: DriverProblem | null; ids: readonly string[] }> {
    try {
      return { cards: await smi.cards(signal), problem: null, ids: [] };
    } catch (error) {
      if (!(error instanceof DriverFailure) || error.problem.state !== 'lost') throw error;
      const ids = await smi.answering(signal);
      if (ids.length === 0) throw error;
      return { cards: await smi.cards(signal, ids), problem: error.problem, ids };
    }
  }

  #interval(): number {
    const { watchedMs, idleMs } = this.#deps.timing;
    return affordable(this.#watched ? watchedMs : idleMs, this.#tickCostMs);
  }

  #follow(smi: NvidiaSmi): void {
    if (this.#stopping.signal.aborted) return;
    const intervalMs = this.#interval();
    this.#costMark = null;
    this.#live = smi.follow({
      intervalMs,
      ids: this.#ids,
      expected: this.#state.cards.length - this.#state.lost.size,
      timers: this.#deps.timers,
      onTick: (tick) => {
        this.#onTick(tick);
        if (this.#live !== null) this.#afterTick(this.#live);
      },
      onEnd: (problem) => {
        this.#live = null;
        this.#fail(new DriverFailure(problem));
      },
    });
    if (this.#state.samplingMs !== intervalMs) this.#set({ samplingMs: intervalMs });
  }

  /** Another interval means another program; one that is still right goes on. */
  async #adjust(): Promise<void> {
    if (this.#live === null || this.#smi === null || this.#live.intervalMs === this.#interval()) return;
    this.#live.stop();
    this.#follow(this.#smi);
    if (this.#watched && this.#processesDue()) await this.#readProcesses();
  }

  #onTick(tick: Tick): void {
    const { cards, lost: before } = this.#state;
    const live = new Map<string, LiveReading>(tick.map((reading) => [reading.uuid, reading]));
    const lost = new Set(
      cards.map(({ uuid }) => uuid).filter((uuid) => live.get(uuid) === undefined || live.get(uuid)?.lost),
    );
    const isNew = tick.some(({ uuid }) => !cards.some((card) => card.uuid === uuid));
    this.#set(
      { live, lost: sameSet(lost, before) ? before : lost, observedAt: this.#deps.clock.now() },
      true,
    );
    // A card that nobody knew, or one that has just gone: the driver is asked about all of them.
    if (isNew || (lost.size > before.size && this.#live !== null)) this.#lookIn(0);
  }

  #afterTick(live: LiveQuery): void {
    if (live.ticks >= SOUND_TICKS) this.#failures = 0;
    if (live.ticks % COST_EVERY_TICKS === 1) void this.#measure(live);
    if (this.#processesDue()) {
      // Marked now: the next tick may come before its turn.
      this.#processes = { ...this.#processes, at: this.#deps.clock.now() };
      this.lookAtProcesses();
    }
  }

  /** What a tick costs nvidia-smi. Its start is left out: it opens the driver once. */
  async #measure(live: LiveQuery): Promise<void> {
    const ticks = live.ticks;
    const cpuMs = await live.costMs();
    if (cpuMs === null || live !== this.#live) return;
    const mark = this.#costMark;
    this.#costMark = { ticks, cpuMs };
    if (mark === null || ticks <= mark.ticks) return;
    this.#tickCostMs = (cpuMs - mark.cpuMs) / (ticks - mark.ticks);
    if (this.#interval() !== live.intervalMs) await this.#inTurn(() => this.#adjust());
  }

  #processesDue(): boolean {
    const { processesWatchedMs, processesIdleMs } = this.#deps.timing;
    const { at, costMs, usedBytes } = this.#processes;
    const since = this.#deps.clock.now() - at;
    // The clock was set back; what looks like the future is not.
    if (since < 0) return true;
    if (since >= affordable(this.#watched ? processesWatchedMs : processesIdleMs, costMs)) return true;
    return (
      since >= Math.max(Math.min(BUSY_LOOK_MS, processesWatchedMs), costMs * 20) &&
      [...this.#state.live.values()].some(
        ({ uuid, memoryUsedBytes }) =>
          Math.abs((memoryUsedBytes ?? 0) - (usedBytes.get(uuid) ?? 0)) >= MEMORY_MOVED_BYTES,
      )
    );
  }

  async #readProcesses(): Promise<void> {
    const { signal } = this.#stopping;
    const smi = this.#smi;
    if (smi === null || signal.aborted || this.#live === null) return;
    const usedBytes = new Map(
      [...this.#state.live.values()].map(({ uuid, memoryUsedBytes }) => [uuid, memoryUsedBytes]),
    );
    try {
      const whole = await smi.processes(signal);
      const report = this.#state.mig.length === 0 ? null : await smi.fullReport(this.#state.mig, signal);
      const divided = new Set(this.#state.mig.map(({ parentUuid }) => parentUuid));
      const all = [
        ...whole.value.filter(({ uuid }) => !divided.has(uuid)),
        ...(report?.value.processes ?? []),
      ];
      const placed = await Promise.all(
        all.map(async (process): Promise<PlacedProcess> => ({
          ...process,
          containerId: await this.#deps.containerOfProcess(process.pid),
        })),
      );
      const costMs = whole.costMs + (report?.costMs ?? 0);
      this.#processes = { at: this.#deps.clock.now(), costMs, usedBytes };
      this.#set({
        processes: placed,
        ...(report === null ? {} : { migReadings: byUuid(report.value.instances) }),
      });
    } catch (error) {
      this.#processes = { ...this.#processes, at: this.#deps.clock.now(), usedBytes };
      // The driver's own state is what the looping program tells; a list that did not come is only older.
      if (!signal.aborted) this.#deps.log.debug({ err: error }, 'the processes of the GPUs cannot be read');
    }
  }

  /** What only the long report says; nothing when it cannot be had. */
  async #report(
    smi: NvidiaSmi,
    mig: GpuState['mig'],
  ): Promise<Partial<Pick<GpuState, 'cudaVersion' | 'migReadings'>>> {
    try {
      const { value } = await smi.fullReport(mig, this.#stopping.signal);
      return { cudaVersion: value.cudaVersion, migReadings: byUuid(value.instances) };
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'the report of nvidia-smi cannot be read');
      return {};
    }
  }

  /** The state says what is wrong; another look follows, later each time. */
  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    if (!(error instanceof DriverFailure))
      this.#deps.log.error({ err: error }, 'the GPUs cannot be looked at');
    const problem: DriverProblem =
      error instanceof DriverFailure
        ? error.problem
        : { state: 'failed', reason: 'The GPUs cannot be looked at.', hint: "See the agent's log." };
    this.#live?.stop();
    this.#live = null;
    this.#failures += 1;
    const { cards, lost } = this.#state;
    this.#set({
      problem,
      samplingMs: null,
      live: new Map(),
      processes: [],
      migReadings: new Map(),
      lost: problem.state === 'lost' ? lostBy(problem, cards) : lost,
      observedAt: this.#deps.clock.now(),
    });
    this.#lookIn(retryAfter(this.#deps.timing, this.#failures));
  }

  #lookIn(ms: number): void {
    this.#cancelLook();
    if (this.#stopping.signal.aborted) return;
    this.#cancelLook = this.#deps.timers.after(ms, () => void this.#inTurn(() => this.#look()));
  }

  #set(changes: Partial<GpuState>, isTick = false): void {
    const before = this.#state;
    this.#state = { ...before, ...changes };
    this.#deps.onChange(before, this.#state, isTick);
  }

  /** One after the other. A turn never fails. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(work).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#fail(error);
    });
    this.#queue = turn;
    return turn;
  }
}

async function raceAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
