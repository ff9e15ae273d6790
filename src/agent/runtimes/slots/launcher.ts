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
import type { Engine, Launch, RuntimeDriver } from '../drivers/driver.ts';
import { effectiveConfig, type EffectiveConfig } from '../specs/effective-config.ts';
import { configHash, renderArgs, runtimeIdentity } from '../specs/launch.ts';
import type { RuntimeSpec } from '../specs/spec.ts';
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

/** Turns a slot and a model into what a driver starts. */
export class Launcher {
  readonly #deps: {
    specs: SpecRegistry;
    drivers: ReadonlyMap<string, RuntimeDriver>;
    models: ModelStore;
    blobs: BlobStore;
    paths: DataDir;
  };

  constructor(deps: {
    specs: SpecRegistry;
    drivers: ReadonlyMap<string, RuntimeDriver>;
    models: ModelStore;
    blobs: BlobStore;
    paths: DataDir;
  }) {
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

  effective(slot: Pick<SlotRow, 'runtime_spec' | 'config'>, model: ModelRow): EffectiveConfig {
    const spec = this.#deps.specs.get(slot.runtime_spec);
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
    const engine = await driver.resolve(spec, effective.values.image, signal);
    return {
      launch: this.#launch({ slot, model, attempt, spec, engine, effective }),
      driver,
      spec,
      effective,
      identity: runtimeIdentity(spec, engine.id, effective.values),
      settings: settingsOf(slot, effective),
    };
  }

  #launch(parts: {
    slot: SlotRow;
    model: ModelRow;
    attempt: number;
    spec: RuntimeSpec;
    engine: Engine;
    effective: EffectiveConfig;
  }): Launch {
    const { slot, model, attempt, spec, engine, effective } = parts;
    const { paths, blobs } = this.#deps;
    const modelFile = this.#modelFile(model);
    const args: Launch['args'] = (runtimePaths) =>
      renderArgs(spec, effective.values, {
        capability: slot.capability,
        servedName: model.id,
        ...runtimePaths,
      });
    const socketDir = socketDirectory(paths.runtime, slot.id, attempt);
    // Fixed paths stand in for those that change with each attempt: the hash says whether a running container still fits.
    const hash = configHash({
      spec: spec.id,
      engine: engine.id,
      content: model.content_id,
      model: model.id,
      args: args({ modelDir: 'dir', modelFile: `dir/${modelFile}`, socket: 'socket' }),
      env: spec.env,
      gpus: slot.gpu_ids,
      restarts: slot.restarts,
    });
    return {
      slotId: slot.id,
      attempt,
      modelId: model.id,
      generation: slot.generation,
      configHash: hash,
      spec,
      engine,
      args,
      env: spec.env,
      modelDirectory: blobs.modelDirectory(contentHexOf(model.content_id)),
      modelFile,
      socketDirectory: socketDir,
      cacheDirectory: join(paths.caches, slot.id),
      settings: { ...effective.values, capability: slot.capability },
    };
  }

  /** The file an engine of GGUF models opens: the only one, or the first part. */
  #modelFile(model: ModelRow): string {
    if (model.format !== 'gguf') return '';
    const names = this.#deps.models.files(model.version_id).map((file) => file.path);
    return (
      names.find((name) => name === 'model.gguf') ??
      names.find((name) => /-00001-of-\d{5}\.gguf$/.test(name)) ??
      'model.gguf'
    );
  }
}

/** Pure. */
export function settingsOf(
  slot: Pick<SlotRow, 'runtime_spec' | 'gpu_ids'>,
  effective: EffectiveConfig,
): RuntimeSettings {
  return { runtime_spec: slot.runtime_spec, gpu_ids: slot.gpu_ids, config: effective.values };
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
