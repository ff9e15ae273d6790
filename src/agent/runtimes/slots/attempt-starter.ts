import { mkdir } from 'node:fs/promises';
import { AppError } from '../../../shared/contract/index.ts';
import type { ModelLifecycle, ModelRow, ModelStore } from '../../catalog/index.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Launcher, PreparedLaunch } from './launcher.ts';
import type { AttemptLogs } from './log-buffer.ts';
import type { SlotRow, SlotStore } from './slot-store.ts';

interface StarterDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly store: SlotStore;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly launcher: Launcher;
}

/** What comes before a runtime is started: files that are as they should be, a launch, a row for the attempt. */
export class AttemptStarter {
  readonly #deps: StarterDeps;
  readonly #logs: AttemptLogs;

  constructor(deps: StarterDeps, logs: AttemptLogs) {
    this.#deps = deps;
    this.#logs = logs;
  }

  /** @throws {AppError} `artifact_not_ready`, and what resolving the engine says. */
  async prepare(row: SlotRow, modelId: string, signal: AbortSignal): Promise<PreparedLaunch> {
    const { store, models, launcher } = this.#deps;
    const model = models.get(modelId);
    await this.#assertArtifact(model);
    const prepared = await launcher.prepare(row, model, store.nextAttempt(row.id), signal);
    await this.#record(prepared);
    await mkdir(this.#logs.directory, { recursive: true, mode: 0o700 });
    return prepared;
  }

  async #record({ launch, identity, spec }: PreparedLaunch): Promise<void> {
    const { store, database, journal } = this.#deps;
    const { reference, imageId } = launch.engine;
    await database.transact((unit) => {
      store.insertAttempt({
        slot_id: launch.slotId,
        attempt: launch.attempt,
        model_id: launch.modelId,
        generation: launch.generation,
        config_hash: launch.configHash,
        runtime_identity: identity,
        image_id: imageId,
      });
      const before = reference === null || imageId === null ? null : store.recordImage(reference, imageId);
      if (before === null) return;
      journal.append(unit, {
        actorId: null,
        action: 'runtime.image_changed',
        subject: `runtime:${spec.id}`,
        data: { from: before, to: imageId },
      });
    });
  }

  async #assertArtifact(model: ModelRow): Promise<void> {
    const status = await this.#deps.lifecycle.observeArtifact(model.id);
    if (status === 'ready') return;
    throw new AppError('artifact_not_ready', `The files of ${model.id} are ${status}, not ready.`, {
      details: { artifact_status: status },
    });
  }
}
