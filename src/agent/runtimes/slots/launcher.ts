import { join } from 'node:path';
import { AppError, capabilityOf, type Capability, type TaskKey } from '../../../shared/contract/index.ts';
import type { BlobStore } from '../../artifacts/index.ts';
import {
  contentHexOf,
  declaredConfig,
  inferredConfig,
  inferredOf,
  overrideConfig,
  type ModelRow,
  type ModelStore,
} from '../../catalog/index.ts';
import type { DataDir } from '../../kernel/data-dir.ts';
import { socketDirectory } from '../drivers/attempt-socket.ts';
import type { Engine, Launch, RuntimeDriver, RuntimePaths } from '../drivers/driver.ts';
import { effectiveConfig, type EffectiveConfig } from '../specs/effective-config.ts';
import {
  configHash,
  entrypointFor,
  pickTransport,
  renderArgs,
  renderEnv,
  runtimeIdentity,
  type LaunchFacts,
} from '../specs/launch.ts';
import type { RuntimeSpec, SpecTransport } from '../specs/spec.ts';
import { settingProblem } from '../specs/slot-settings.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { RuntimeSettings } from './pending-changes.ts';
import type { FailureFacts } from './failure-tracker.ts';
import type { SlotRow } from './slot-store.ts';

export interface PreparedLaunch {
  readonly launch: Launch;
  readonly driver: RuntimeDriver;
  readonly spec: RuntimeSpec;
  readonly effective: EffectiveConfig;
  readonly identity: string;
  /** What it is started with, as far as a person can change it. */
  readonly settings: RuntimeSettings;
}

/** Why a GPU cannot be used, in a sentence; null when it can. Composition fills it with what the driver of the GPUs says. */
export type GpuProblem = (uuid: string, signal: AbortSignal) => Promise<string | null>;

interface LauncherDeps {
  readonly specs: SpecRegistry;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly models: ModelStore;
  readonly blobs: BlobStore;
  readonly paths: DataDir;
  readonly gpuProblem: GpuProblem;
}

/** Turns a slot and a model into what a driver starts. */
export class Launcher {
  readonly #deps: LauncherDeps;

  constructor(deps: LauncherDeps) {
    this.#deps = deps;
  }

  /** @throws {AppError} `runtime_unavailable` when no driver of that kind is part of this agent. */
  driverFor(spec: RuntimeSpec): RuntimeDriver {
    const driver = this.#deps.drivers.get(spec.driver);
    if (driver === undefined)
      throw new AppError('runtime_unavailable', `This agent has no driver for ${spec.driver} runtimes.`, {
        details: { driver: spec.driver },
      });
    return driver;
  }

  effective(slot: Pick<SlotRow, 'runtime_spec' | 'config'>, model: ModelRow | null): EffectiveConfig {
    const spec = this.#deps.specs.get(slot.runtime_spec);
    if (model === null) {
      const nothing = { override: {}, overrideRevision: 0, declared: {}, inferred: {} };
      return effectiveConfig(spec, { slot: slot.config, ...nothing });
    }
    const inferred = inferredOf(model);
    return effectiveConfig(spec, {
      slot: slot.config,
      override: overrideConfig(model),
      overrideRevision: model.config_revision,
      declared: declaredConfig(model),
      inferred: inferredConfig({ context_length: inferred.context_length ?? null }),
    });
  }

  /** null when it was taken away meanwhile. */
  specOrNull(id: string): RuntimeSpec | null {
    return this.#deps.specs.find(id) ?? null;
  }

  /** null when the spec was taken away meanwhile; a start says so. */
  effectiveOrNull(slot: Pick<SlotRow, 'runtime_spec' | 'config'>, model: ModelRow): EffectiveConfig | null {
    return this.#deps.specs.find(slot.runtime_spec) === undefined ? null : this.effective(slot, model);
  }

  /** What a diagnosis has to know of a slot; null when its spec was taken away. */
  diagnosed(slot: Pick<SlotRow, 'runtime_spec' | 'config' | 'desired_model_id'>): FailureFacts['subject'] {
    const spec = this.#deps.specs.find(slot.runtime_spec);
    if (spec === undefined) return null;
    const model = slot.desired_model_id === null ? undefined : this.#deps.models.find(slot.desired_model_id);
    const values = model === undefined ? slot.config : this.effective(slot, model).values;
    return {
      engine: spec.engine,
      device: spec.device,
      settings: { image: spec.image?.reference, ...values },
      own: slot.config,
      allowed: spec.settings,
      rules: spec.diagnosis,
    };
  }

  /** Whether a start would have what it needs. @throws {AppError} `gpu_unavailable`, `image_missing`, `runtime_unavailable`, ... */
  async assertStartable(slot: SlotRow, model: ModelRow, signal: AbortSignal): Promise<void> {
    const spec = this.#deps.specs.get(slot.runtime_spec);
    const effective = this.effective(slot, model);
    await this.#assertGpus(spec, slot, effective, signal);
    await this.driverFor(spec).resolve(spec, effective.values.image, signal);
  }

  /** @throws {AppError} what resolving the engine says: `image_missing`, `runtime_unavailable`, ... */
  async prepare(
    slot: SlotRow,
    model: ModelRow,
    attempt: number,
    signal: AbortSignal,
  ): Promise<PreparedLaunch> {
    const spec = this.#deps.specs.get(slot.runtime_spec);
    const driver = this.driverFor(spec);
    const effective = this.effective(slot, model);
    await this.#assertGpus(spec, slot, effective, signal);
    const engine = await driver.resolve(spec, effective.values.image, signal);
    const transport = pickTransport(spec, effective.values, engine.version, await driver.canUnix(signal));
    if (transport === null) throw unreachable(spec, engine);
    return {
      launch: this.draft({ slot, model, attempt, spec, engine, effective, transport }),
      driver,
      spec,
      effective,
      identity: runtimeIdentity(spec, engine.id, effective.values),
      settings: settingsOf(slot, effective),
    };
  }

  /** @throws {AppError} `gpu_unavailable`, `invalid_argument`. */
  async #assertGpus(
    spec: RuntimeSpec,
    slot: SlotRow,
    { values }: EffectiveConfig,
    signal: AbortSignal,
  ): Promise<void> {
    if (spec.gpus === 'required' && slot.gpu_ids.length === 0) {
      throw new AppError('gpu_unavailable', `${spec.name} needs a GPU, and slot ${slot.id} names none.`, {
        hint: 'Name one in gpu_ids of the slot, or use a runtime for the processor.',
        details: { slot_id: slot.id, gpu_ids: [] },
      });
    }
    for (const uuid of slot.gpu_ids) {
      const problem = await this.#deps.gpuProblem(uuid, signal);
      if (problem !== null)
        throw new AppError('gpu_unavailable', problem, { details: { slot_id: slot.id, gpu_ids: [uuid] } });
    }
    // A model may ask for a number of GPUs that the slot does not have.
    const parallel = values.tensor_parallel_size;
    const problem =
      parallel === undefined ? null : settingProblem(spec, { tensor_parallel_size: parallel }, slot.gpu_ids);
    if (spec.settings.includes('tensor_parallel_size') && problem !== null)
      throw new AppError('invalid_argument', problem.message, { details: { fields: problem.fields } });
  }

  /** What would be started, whether it can be or not. Without a model, words in angle brackets stand for it. */
  draft(parts: {
    slot: Pick<SlotRow, 'id' | 'capability' | 'generation' | 'gpu_ids' | 'restarts'>;
    model: ModelRow | null;
    attempt: number;
    spec: RuntimeSpec;
    engine: Engine;
    effective: EffectiveConfig;
    transport: SpecTransport;
  }): Launch {
    const { slot, model, attempt, spec, engine, effective, transport } = parts;
    const { paths, blobs } = this.#deps;
    const { values } = effective;
    const { modelFile, mmprojFile } = model === null ? exampleFiles(spec) : this.#modelFiles(model);
    const modelId = model?.id ?? '<model>';
    const facts = (seen: RuntimePaths): LaunchFacts => ({
      capability: slot.capability,
      servedName: modelId,
      transport,
      version: engine.version,
      gpuCount: slot.gpu_ids.length,
      ...seen,
    });
    const args: Launch['args'] = (seen) => renderArgs(spec, values, facts(seen));
    const env: Launch['env'] = (seen) => renderEnv(spec, values, facts(seen));
    const entrypoint = entrypointFor(spec, engine.entrypoint, engine.version);
    // Fixed paths stand in for those that change with each attempt: the hash says whether a running container still fits.
    const fixed: RuntimePaths = {
      modelDir: 'dir',
      modelFile: `dir/${modelFile}`,
      mmprojFile: mmprojFile === null ? null : `dir/${mmprojFile}`,
      socket: 'socket',
      cacheDir: 'cache',
      keyFile: 'key',
    };
    const hash = configHash({
      spec: spec.id,
      engine: engine.id,
      content: model?.content_id ?? null,
      model: modelId,
      args: args(fixed),
      env: env(fixed),
      entrypoint: { command: entrypoint.command, prefix: entrypoint.prefix },
      transport: { kind: transport.kind, port: transport.kind === 'tcp' ? transport.port : null },
      memory: values.memory_limit_bytes ?? null,
      shm: values.shm_bytes ?? null,
      gpus: slot.gpu_ids,
      restarts: slot.restarts,
      // Not all of them are arguments: limits of the container, what a child process is told.
      settings: effective.values,
    });
    return {
      slotId: slot.id,
      attempt,
      modelId,
      generation: slot.generation,
      configHash: hash,
      spec,
      engine,
      args,
      env,
      entrypoint,
      transport,
      gpuIds: slot.gpu_ids,
      modelDirectory:
        model === null ? '<model directory>' : blobs.modelDirectory(contentHexOf(model.content_id)),
      modelFile,
      mmprojFile,
      socketDirectory: socketDirectory(paths.runtime, slot.id, attempt),
      cacheDirectory: join(paths.caches, slot.id),
      settings: { ...values, capability: slot.capability },
    };
  }

  /** The file an engine of GGUF models opens (the only one, or the first part), and the projector beside it. */
  #modelFiles(model: ModelRow): { modelFile: string; mmprojFile: string | null } {
    if (model.format !== 'gguf') return { modelFile: '', mmprojFile: null };
    const names = this.#deps.models.files(model.version_id).map((file) => file.path);
    const modelFile =
      names.find((name) => name === 'model.gguf') ??
      names.find((name) => /-00001-of-\d{5}\.gguf$/.test(name)) ??
      'model.gguf';
    return { modelFile, mmprojFile: names.find((name) => name === 'mmproj.gguf') ?? null };
  }
}

/** Pure. */
export function settingsOf(
  slot: Pick<SlotRow, 'runtime_spec' | 'gpu_ids'>,
  effective: EffectiveConfig,
): RuntimeSettings {
  return { runtime_spec: slot.runtime_spec, gpu_ids: slot.gpu_ids, config: effective.values };
}

function exampleFiles(spec: RuntimeSpec): { modelFile: string; mmprojFile: null } {
  return { modelFile: spec.formats.includes('gguf') ? 'model.gguf' : '', mmprojFile: null };
}

function unreachable(spec: RuntimeSpec, engine: Engine): AppError {
  return new AppError(
    'runtime_unavailable',
    `${spec.name}${engine.version === null ? '' : ` ${engine.version}`} cannot be reached on this machine: it only listens on a Unix socket.`,
    {
      hint: 'Use an engine on this very system, or a runtime that can listen on TCP.',
      details: { reason: 'no_transport' },
    },
  );
}

/** Why a model cannot run in a slot of this spec and capability, or null. Pure. */
export function slotMismatch(
  spec: Pick<RuntimeSpec, 'name' | 'formats' | 'capabilities'>,
  slot: { capability: Capability },
  model: { id: string; format: string | null; task_key: TaskKey },
): { message: string; details: Record<string, unknown> } | null {
  const needed = capabilityOf(model.task_key);
  if (needed !== slot.capability) {
    return {
      message:
        needed === null
          ? `No local runtime can do ${model.task_key}, which ${model.id} is for.`
          : `${model.id} is for ${words(needed)}; this slot is for ${words(slot.capability)}.`,
      details: { needed, slot: slot.capability },
    };
  }
  if (model.format === null || !(spec.formats as readonly string[]).includes(model.format)) {
    return {
      message: `${spec.name} runs ${spec.formats.join(', ')}; ${model.id} is ${model.format ?? 'of unknown format'}.`,
      details: { format: model.format, accepted: spec.formats },
    };
  }
  return null;
}

function words(capability: Capability): string {
  return { llm_inference: 'text generation', embeddings: 'embeddings', rerank: 'reranking' }[capability];
}
