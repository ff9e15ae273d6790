import type { GpuEvent, Gpus as GpusView } from '../../shared/contract/index.ts';
import { findProgram, hasNvidiaCard } from '../adapters/nvidia/index.ts';
import type { Clock, Timers } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import type { EventHub } from '../kernel/event-hub.ts';
import type { Logger } from '../kernel/logger.ts';
import { GpuEvents } from './gpu-events.ts';
import { GpuHistory } from './gpu-history.ts';
import { GpuStore } from './gpu-store.ts';
import { viewOf, type GpuState } from './gpu-view.ts';
import { KernelLog } from './kernel-log.ts';
import type { GpuUsers } from './ports.ts';
import { containerOfProcess } from './process-owner.ts';
import { Telemetry } from './telemetry.ts';
import type { GpuTiming } from './timing.ts';

export interface GpusDeps {
  readonly database: Database;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly users: GpuUsers;
  /** Path of nvidia-smi when a person named it. */
  readonly nvidiaSmi: string | null;
  /** The kernel's log. */
  readonly kernelLog: string;
  readonly timing: GpuTiming;
}

/** Memory of one GPU or MIG instance, in bytes; null for what the driver does not say. */
export interface GpuMemory {
  readonly uuid: string;
  readonly totalBytes: number | null;
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
  readonly observedAt: string;
}

type GpuHistoryWindow = '1h' | '24h';

/** The NVIDIA GPUs of the machine: what they are, what they do now, and what they did. */
export class Gpus {
  readonly #deps: GpusDeps;
  readonly #telemetry: Telemetry;
  readonly #history: GpuHistory;
  readonly #events: GpuEvents;
  readonly #kernelLog: KernelLog;
  readonly #listeners = new Set<(view: GpusView) => void>();
  #stopHearing: () => void = () => undefined;

  constructor(deps: GpusDeps) {
    this.#deps = deps;
    const store = new GpuStore(deps.database);
    this.#history = new GpuHistory(store, deps.clock);
    this.#events = new GpuEvents(store, deps.clock);
    this.#kernelLog = new KernelLog({
      path: deps.kernelLog,
      clock: deps.clock,
      everyMs: deps.timing.kernelLogMs,
      onXid: (xid) => this.#events.xid(xid, this.#telemetry.state.cards),
    });
    this.#telemetry = new Telemetry({
      clock: deps.clock,
      timers: deps.timers,
      log: deps.log,
      timing: deps.timing,
      configured: deps.nvidiaSmi,
      findProgram: (configured) => findProgram(configured),
      hasCard: hasNvidiaCard,
      containerOfProcess,
      onChange: (before, now, isTick) => this.#changed(before, now, isTick),
    });
  }

  /** Begins to look; the first answer comes later, and `snapshot()` says that nothing is known until then. */
  start(): void {
    const { hub } = this.#deps;
    this.#stopHearing = hub.onAudience((topic, hasReaders) => {
      if (topic === 'telemetry') this.#telemetry.watch(hasReaders);
    });
    this.#telemetry.watch(hub.hasReaders('telemetry'));
    this.#telemetry.start();
  }

  /** Ends nvidia-smi and writes what was not written yet. */
  async stop(): Promise<void> {
    this.#stopHearing();
    await this.#telemetry.stop();
    await this.#kernelLog.close();
    if (this.#deps.database.state !== 'corrupt') this.#history.flush();
  }

  /** What is known now; asks nobody. */
  snapshot(): GpusView {
    return viewOf(this.#telemetry.state, {
      users: this.#deps.users,
      lastXid: (uuid) => this.#events.lastXid(uuid),
      kernelLog: this.#kernelLog.problem,
    });
  }

  /** Asks the driver, unless it was asked within a second; looks for nvidia-smi again when there was none. */
  async refresh(signal: AbortSignal): Promise<GpusView> {
    await this.#telemetry.refresh(signal);
    return this.snapshot();
  }

  /** No card is plugged in, as far as one can see, and nobody named a nvidia-smi: there is nothing to repair. */
  get needsNoDriver(): boolean {
    const { problem, cardWithoutDriver } = this.#telemetry.state;
    return problem?.state === 'absent' && !cardWithoutDriver && this.#deps.nvidiaSmi === null;
  }

  /** Of a card or a MIG instance, by UUID or a card's index; null when there is no such GPU. */
  memoryOf(id: string): GpuMemory | null {
    const gpu = this.snapshot().gpus.find(
      ({ uuid, index, parent_uuid: parent }) => uuid === id || (parent === null && String(index) === id),
    );
    if (gpu === undefined) return null;
    return {
      uuid: gpu.uuid,
      totalBytes: gpu.memory_total_bytes,
      usedBytes: gpu.memory_used_bytes,
      freeBytes: gpu.memory_free_bytes,
      observedAt: gpu.observed_at,
    };
  }

  /** Why no container can be given this GPU, in a sentence; null when one can. Asks the driver. */
  async problemOf(id: string, signal: AbortSignal): Promise<string | null> {
    const { gpus, reason } = await this.refresh(signal);
    const gpu = gpus.find(
      ({ uuid, index, parent_uuid: parent }) => uuid === id || (parent === null && String(index) === id),
    );
    if (gpu === undefined) return `There is no GPU ${id} here. ${reason ?? ''}`.trim();
    return gpu.usable
      ? null
      : `GPU ${id} cannot be used: ${gpu.unusable_reason ?? 'the driver does not say why'}.`;
  }

  /** Tells every new reading and every change of the driver's state. @returns what ends it */
  onChange(listener: (view: GpusView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The processes of the GPUs are read again soon; for whoever started or ended one. */
  processesChanged(): void {
    this.#telemetry.lookAtProcesses();
  }

  samples(uuid: string, window: GpuHistoryWindow) {
    return this.#history.samples(uuid, window);
  }

  /** What happened to a GPU, oldest first. */
  events(uuid: string, window: GpuHistoryWindow): GpuEvent[] {
    const card = this.#telemetry.state.cards.find((one) => one.uuid === uuid);
    const names = card === undefined ? [uuid] : [uuid, String(card.index)];
    return this.#events.of(names, window, this.#deps.users);
  }

  #changed(before: GpuState, now: GpuState, isTick: boolean): void {
    const { database, log, hub } = this.#deps;
    try {
      if (database.state !== 'corrupt') {
        this.#events.changed(before, now);
        if (isTick) this.#history.add(now);
      }
      if (now.cards.length > 0) this.#kernelLog.poll();
    } catch (error) {
      // A full disk must not end the telemetry.
      log.warn({ err: error }, 'what the GPUs did could not be kept');
    }
    const isRead = hub.hasReaders('telemetry');
    if (!isRead && this.#listeners.size === 0) return;
    const view = this.snapshot();
    if (isRead) hub.publish('telemetry', 'gpus', view);
    for (const listener of this.#listeners) listener(view);
  }
}
