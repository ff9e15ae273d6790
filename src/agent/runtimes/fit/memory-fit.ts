import { AppError, type Fit, type SlotConfig } from '../../../shared/contract/index.ts';
import type { BlobStore } from '../../artifacts/index.ts';
import type { ModelRow, ModelStore } from '../../catalog/index.ts';
import type { FitPlace } from '../../gpus/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Engine } from '../drivers/driver.ts';
import type { Launcher } from '../slots/launcher.ts';
import type { SlotRow, SlotStore } from '../slots/slot-store.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { MeasuredMemory } from './engine-report.ts';
import { answerFit, type FitQuestion } from './fit-view.ts';
import { GeometryReader } from './geometry-reader.ts';
import { machineFit, type MachineFit, type MachineFitInput } from './machine-fit.ts';
import { MeasurementStore, settingsHash } from './measurement-store.ts';
import { estimateOf, familyOf, fitSettings, type EngineFamily, type FitProblem } from './problem.ts';
import { calculatedOf, SlotMemory, toldBytes, type SlotMemoryView } from './slot-memory.ts';

/** A GPU as memory sees it. */
export interface FitGpu {
  readonly uuid: string;
  readonly index: number;
  readonly name: string;
  readonly memory_total_bytes: number | null;
  readonly memory_free_bytes: number | null;
}

/** What of the machine an estimate asks for. Composition fills it. */
export interface FitDevices {
  /** GPUs that a slot can use, as they are now. */
  gpus(signal: AbortSignal): Promise<readonly FitGpu[]>;
  /** Of the machine: all of it, and what a new process can have. */
  memory(): { readonly total: number; readonly available: number };
}

export interface MemoryFitDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly models: ModelStore;
  readonly blobs: BlobStore;
  readonly specs: SpecRegistry;
  readonly launcher: Launcher;
  readonly store: SlotStore;
  readonly devices: FitDevices;
}

/** A slot as it is or would be. */
export type FitSlot = Pick<SlotRow, 'id' | 'runtime_spec' | 'capability' | 'config' | 'gpu_ids'>;

/** What the guard of a load is told, and what the journal keeps of it. */
export interface MemoryGate {
  readonly fits: boolean;
  readonly message: string;
  readonly details: {
    readonly required_bytes: number;
    readonly available_bytes: number;
    readonly missing_bytes: number;
    readonly max_context_length: number | null;
    readonly max_parallel: number | null;
  };
}

const RESOLVE_MS = 5000;

/**
 * Whether models fit: calculates from headers, corrects with what engines reported, keeps what each slot holds. The one
 * place that knows, so that the API, the gate before a load, the validators and the interface say the same.
 */
export class MemoryFit {
  readonly #deps: MemoryFitDeps;
  readonly #geometries: GeometryReader;
  readonly #measurements: MeasurementStore;
  readonly #held = new SlotMemory();

  constructor(deps: MemoryFitDeps) {
    this.#deps = deps;
    this.#geometries = new GeometryReader(deps);
    this.#measurements = new MeasurementStore(deps.database, deps.clock);
  }

  // ---- asking ------------------------------------------------------------------------------------------------------

  /**
   * The whole answer for a slot, as it is or as somebody thinks of changing it.
   * @throws {AppError} `unsupported_format`, `artifact_not_ready` when the header cannot be read.
   */
  async answer(slot: FitSlot, model: ModelRow, signal: AbortSignal): Promise<Fit> {
    return answerFit(await this.#question(slot, model, { givesBack: true, signal }));
  }

  /**
   * Whether a load would fit, for the guard before it; null when nobody can say: a format without a formula, a GPU that
   * does not tell what is free. `beside` asks for room beside what the slot holds now.
   */
  async gate(
    slot: FitSlot,
    model: ModelRow,
    signal: AbortSignal,
    beside = false,
  ): Promise<MemoryGate | null> {
    const question = await this.#question(slot, model, { givesBack: !beside, signal }).catch(
      (error: unknown) => {
        // That its header cannot be read is told by who needs the header.
        if (error instanceof AppError) return null;
        throw error;
      },
    );
    if (question === null || question.problem.family === 'other') return null;
    if (this.#needsGpu(slot) && question.problem.gpus.length === 0) return null;
    if (estimateOf(question.problem).needs.some(({ place }) => place.availableBytes === null)) return null;
    const fit = answerFit(question);
    return {
      fits: fit.fits,
      message: fit.verdict,
      details: {
        required_bytes: fit.required.total_bytes,
        available_bytes: fit.available_bytes,
        missing_bytes: fit.missing_bytes,
        max_context_length: fit.max_context_length,
        max_parallel: fit.max_parallel,
      },
    };
  }

  /** Whether a second runtime of the slot can be brought up beside the one that serves. */
  async hasRoomBeside(slot: FitSlot, model: ModelRow, signal: AbortSignal): Promise<boolean> {
    return (await this.gate(slot, model, signal, true))?.fits ?? false;
  }

  /** Whether the machine has room for a model without a slot, and where: one sentence and its numbers. */
  async machine(
    input: Omit<MachineFitInput, 'gpus' | 'memory' | 'neighbours'>,
    signal: AbortSignal,
  ): Promise<MachineFit> {
    const gpus = (await this.#deps.devices.gpus(signal)).map((gpu) => placeOf(gpu, 0));
    return machineFit({
      ...input,
      gpus,
      memory: this.#memoryPlace({}, 0),
      neighbours: this.#neighbours(null),
    });
  }

  /** The same for a model of the catalogue; null when its header cannot be read. */
  async machineOf(
    model: ModelRow,
    contextLength: number | null,
    signal: AbortSignal,
  ): Promise<MachineFit | null> {
    try {
      const geometry = await this.#geometries.of(model, signal);
      return await this.machine({ geometry, contextLength, parallel: 1 }, signal);
    } catch (error) {
      if (error instanceof AppError) return null;
      throw error;
    }
  }

  // ---- what slots hold ---------------------------------------------------------------------------------------------

  view(slotId: string): SlotMemoryView {
    return this.#held.view(slotId);
  }

  /** A start is about to come. Never throws: a start does not fail for its estimate. */
  async expect(slot: FitSlot, model: ModelRow, engine: Engine, signal: AbortSignal): Promise<void> {
    const question = await this.#question(slot, model, { givesBack: true, signal, engine }).catch(() => null);
    if (question !== null) this.#held.expect(slot.id, estimateOf(question.problem));
  }

  /** The model serves: what its engine told of memory is kept and corrects the next estimate. */
  async loaded(
    start: {
      readonly slot: FitSlot;
      readonly model: ModelRow;
      readonly engine: Engine;
      readonly attempt: number;
    },
    told: MeasuredMemory | null,
  ): Promise<void> {
    const { slot, model, engine, attempt } = start;
    const signal = AbortSignal.timeout(RESOLVE_MS);
    const question = await this.#question(slot, model, { givesBack: true, signal, engine }).catch(() => null);
    if (question === null) return;
    const bare = estimateOf({ ...question.problem, measured: null });
    if (told === null) {
      // An engine that started under a former agent may have told before the log that is still there.
      const before = this.#measurements.ofAttempt(slot.id, attempt);
      if (before === null) this.#held.expect(slot.id, estimateOf(question.problem));
      else this.#held.measured(slot.id, bare, before.measured);
      return;
    }
    this.#held.measured(slot.id, bare, told);
    const { problem } = question;
    await this.#deps.database.transact(() => {
      this.#deps.store.setMeasuredMemory(slot.id, attempt, toldBytes(told));
      this.#measurements.record({
        contentId: model.content_id,
        runtimeSpec: slot.runtime_spec,
        engineId: engine.id,
        settingsHash: this.#hash(slot, model, problem),
        slotId: slot.id,
        attempt,
        measured: told,
        estimated: calculatedOf(problem.family, bare),
      });
    });
  }

  stopped(slotId: string): void {
    this.#held.stopped(slotId);
  }

  forget(slotId: string): void {
    this.#held.forget(slotId);
  }

  // ---- gathering ---------------------------------------------------------------------------------------------------

  async #question(
    slot: FitSlot,
    model: ModelRow,
    how: { readonly givesBack: boolean; readonly signal: AbortSignal; readonly engine?: Engine },
  ): Promise<FitQuestion> {
    const { specs, launcher, devices } = this.#deps;
    const { signal } = how;
    const spec = specs.get(slot.runtime_spec);
    const geometry = await this.#geometries.of(model, signal);
    const { values } = launcher.effective(slot, model);
    const all = spec.device === 'cuda' ? await devices.gpus(signal) : [];
    const named = all.filter(({ uuid, index }) =>
      slot.gpu_ids.some((id) => id === uuid || id === String(index)),
    );
    const chosen = slot.gpu_ids.length === 0 ? all : named;
    const held = how.givesBack ? this.#held.heldBy(slot.id) : new Map<string, number>();
    const gives = (uuid: string): number => held.get(uuid) ?? 0;
    const gpus = chosen.map((gpu) => placeOf(gpu, gives(gpu.uuid)));
    const bare: FitProblem = {
      family: familyOf(spec),
      geometry,
      settings: fitSettings(spec, values, slot.capability, gpus.length),
      gpus,
      memory: this.#memoryPlace(values, gives('')),
      share: shareOf(familyOf(spec), values),
      measured: null,
    };
    const engine = how.engine ?? (await this.#engine(slot, values.image, signal));
    const measured =
      engine === null
        ? null
        : this.#measurements.of(model.content_id, engine.id, this.#hash(slot, model, bare));
    return {
      problem: { ...bare, measured },
      modelId: model.id,
      engine: engine === null ? null : (engine.version ?? engine.reference ?? engine.id.slice(0, 19)),
      otherGpus: all.filter((gpu) => !chosen.includes(gpu)).map((gpu) => placeOf(gpu, 0)),
      neighbours: this.#neighbours(slot.id),
      settings: spec.settings,
      assumptions: assumptionsOf(values, spec.device === 'cuda' && all.length === 0),
    };
  }

  /** Which engine would run; null when that cannot be said now. */
  async #engine(slot: FitSlot, image: string | undefined, signal: AbortSignal): Promise<Engine | null> {
    const { specs, launcher } = this.#deps;
    const spec = specs.get(slot.runtime_spec);
    const soon = AbortSignal.any([signal, AbortSignal.timeout(RESOLVE_MS)]);
    try {
      return await launcher.driverFor(spec).resolve(spec, image, soon);
    } catch (error) {
      if (error instanceof AppError) return null;
      throw error;
    }
  }

  #hash(slot: FitSlot, model: ModelRow, { settings, share, gpus }: FitProblem): string {
    const { extra_args: extraArgs = [] } = this.#deps.launcher.effective(slot, model).values;
    return settingsHash(settings, { share, gpuCount: gpus.length, extraArgs });
  }

  #needsGpu(slot: FitSlot): boolean {
    return this.#deps.specs.get(slot.runtime_spec).device === 'cuda';
  }

  /** The machine's memory, or the limit of the container where that is less. */
  #memoryPlace({ memory_limit_bytes: limit }: SlotConfig, givesBack: number): FitPlace {
    const { total, available } = this.#deps.devices.memory();
    const free = Math.min(total, available + givesBack);
    return {
      uuid: null,
      name: 'Memory of the machine',
      label: 'memory',
      totalBytes: limit === undefined ? total : Math.min(total, limit),
      availableBytes: Math.round(limit === undefined ? free : Math.min(free, limit)),
    };
  }

  #neighbours(slotId: string | null) {
    return this.#deps.store
      .all()
      .filter(({ id }) => id !== slotId)
      .map(({ id }) => ({ slotId: id, heldBytes: this.#held.heldBy(id) }))
      .filter(({ heldBytes }) => heldBytes.size > 0);
  }
}

function placeOf(gpu: FitGpu, givesBack: number): FitPlace {
  const { memory_total_bytes: total, memory_free_bytes: free } = gpu;
  return {
    uuid: gpu.uuid,
    name: gpu.name,
    label: `GPU ${gpu.index}`,
    totalBytes: total,
    availableBytes:
      free === null ? null : Math.min(total ?? Number.MAX_SAFE_INTEGER, Math.round(free + givesBack)),
  };
}

/** vLLM takes its whole share, unless it is told how large the KV cache is. */
function shareOf(family: EngineFamily, values: SlotConfig): number | null {
  if (family !== 'vllm' || values.kv_cache_memory_bytes !== undefined) return null;
  return values.gpu_memory_utilization ?? null;
}

function assumptionsOf({ extra_args: args = [] }: SlotConfig, noGpu: boolean): string[] {
  return [
    ...(noGpu ? ['No GPU is known to this node; the memory of the machine is shown.'] : []),
    ...(args.length > 0 ? ['What extra arguments change is not counted.'] : []),
  ];
}
