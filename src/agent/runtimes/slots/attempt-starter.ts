import { mkdir } from 'node:fs/promises';
import { AppError, type LoadError } from '../../../shared/contract/index.ts';
import type { ModelLifecycle, ModelRow, ModelStore } from '../../catalog/index.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { RunningRuntime } from '../drivers/driver.ts';
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

  /** What would be started. @throws {AppError} `artifact_not_ready`, and what resolving the engine says. */
  async prepare(row: SlotRow, modelId: string, signal: AbortSignal): Promise<PreparedLaunch> {
    const { store, models, launcher } = this.#deps;
    const model = models.get(modelId);
    await this.#assertArtifact(model);
    return launcher.prepare(row, model, store.nextAttempt(row.id), signal);
  }

  /** Writes the attempt down, then starts it. @throws {AppError} with the code of the cause. */
  async start(prepared: PreparedLaunch, signal: AbortSignal): Promise<RunningRuntime> {
    await this.#record(prepared);
    await mkdir(this.#logs.directory, { recursive: true, mode: 0o700 });
    return prepared.driver.start(prepared.launch, signal);
  }

  /** One that did not even start leaves no log, but its reason; null when it was only given up. */
  async ended(slotId: string, attempt: number, failure: LoadError | null): Promise<void> {
    const { database, store } = this.#deps;
    await database.transact(() => store.attemptEnded(slotId, attempt, null, failure));
  }

  async #record({ launch, identity, spec, settings }: PreparedLaunch): Promise<void> {
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
        settings,
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
