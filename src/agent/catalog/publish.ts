import {
  AppError,
  canonicalFiles,
  GLOBAL_MODEL_ID_PREFIX,
  type TaskKey,
} from '../../shared/contract/index.ts';
import { decide } from '../../shared/lifecycle/index.ts';
import type { ModelFacts } from '../artifacts/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { sha256Hex } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { FactsReader } from './facts.ts';
import type { ModelStore } from './model-store.ts';
import { refusalError } from './lifecycle.ts';
import { nameTaken, nextFreeId, type VersionStore } from './version-store.ts';

export interface StoredFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly counted: boolean;
}

export interface Publication {
  readonly name: string;
  readonly id: string | null;
  readonly label: string | null;
  readonly taskKey: TaskKey;
  readonly description: string;
  readonly source: string;
  readonly sourceId: string | null;
  readonly facts: ModelFacts;
  readonly files: readonly StoredFile[];
  readonly contentId: string;
  readonly register: boolean;
  readonly isSample: boolean;
  readonly actorId: string | null;
}

export interface Published {
  readonly model_id: string;
  readonly global_model_id: string;
  readonly already_present: boolean;
}

/** The `global_model_id` of files: the SHA-256 of the canonical text of those that count (contract.md). */
export function contentIdOf(files: readonly StoredFile[]): string {
  return GLOBAL_MODEL_ID_PREFIX + sha256Hex(canonicalFiles(files.filter((file) => file.counted)));
}

/**
 * Makes a version and its managed model out of files that are whole in the store. Number, id and label are given out
 * in this transaction. The same name with the same content again is a success that changes nothing.
 */
export class Publisher {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #models: ModelStore;
  readonly #versions: VersionStore;
  readonly #facts: FactsReader;

  constructor(deps: {
    database: Database;
    journal: Journal;
    clock: Clock;
    models: ModelStore;
    versions: VersionStore;
    facts: FactsReader;
  }) {
    this.#database = deps.database;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#models = deps.models;
    this.#versions = deps.versions;
    this.#facts = deps.facts;
  }

  /**
   * What can be known before a byte moves: a taken id, a taken label.
   * @throws {AppError} `already_exists` with the next free one in the details.
   */
  assertFree({ name, id }: Pick<Publication, 'name' | 'id'>): void {
    const family = this.#versions.family(name);
    if (family !== undefined && family.owner_user_id !== null) throw nameTaken(name);
    if (id === null || !this.#models.idTaken(id)) return;
    const existing = this.#models.find(id);
    // The same model again is no clash; its bytes decide that later.
    if (existing?.name === name) return;
    throw this.#idTaken(name, id);
  }

  /** @throws {AppError} `already_exists`, `recalled`. */
  async publish(publication: Publication): Promise<Published> {
    return this.#database.transact((unit) => {
      const present = this.#models.findByContent(publication.name, publication.contentId);
      if (present !== undefined) {
        if (publication.register && decide('register', this.#facts.facts(present)).ok)
          this.#register(unit, present.id, publication.actorId);
        return { model_id: present.id, global_model_id: present.content_id, already_present: true };
      }
      const family = this.#versions.ensureFamily(publication.name, publication.taskKey);
      const version = this.#versionFor(family, publication);
      const id =
        publication.id ??
        nextFreeId(publication.name, version.seq, (candidate) => this.#models.idTaken(candidate));
      if (this.#models.idTaken(id)) throw this.#idTaken(publication.name, id);
      this.#models.insert({
        id,
        version_id: version.id,
        name: publication.name,
        seq: version.seq,
        task_key: publication.taskKey,
        provider: publication.facts.framework,
        lifecycle_state: 'created',
        artifact_status: 'ready',
        is_sample: publication.isSample ? 1 : 0,
        description: publication.description,
      });
      this.#journal.append(unit, {
        actorId: publication.actorId,
        action: 'model.created',
        subject: `model:${id}`,
        data: { content_id: publication.contentId, seq: version.seq, source: publication.source },
      });
      if (publication.register) this.#register(unit, id, publication.actorId);
      return { model_id: id, global_model_id: publication.contentId, already_present: false };
    });
  }

  /** The version with this content if the family has one whose managed model is gone, else a new one. */
  #versionFor(
    family: ReturnType<VersionStore['ensureFamily']>,
    publication: Publication,
  ): { id: number; seq: number } {
    const known = this.#versions.byContent(family.id, publication.contentId);
    if (known !== undefined && (publication.label === null || publication.label === known.label))
      return known;
    return this.#versions.publish(family, {
      contentId: publication.contentId,
      label: publication.label,
      facts: publication.facts,
      source: publication.source,
      sourceId: publication.sourceId,
      sizeBytes: publication.files.reduce((sum, file) => sum + file.size, 0),
      files: publication.files,
    });
  }

  #register(unit: Parameters<Journal['append']>[0], id: string, actorId: string | null): void {
    const row = this.#models.get(id);
    const verdict = decide('register', this.#facts.facts(row));
    if (!verdict.ok) throw refusalError(verdict);
    this.#models.update(row, { lifecycle_state: verdict.to, registered_at: this.#clock.now() });
    this.#journal.append(unit, {
      actorId,
      action: 'model.registered',
      subject: `model:${id}`,
      data: { from: row.lifecycle_state, to: verdict.to, content_id: row.content_id },
    });
  }

  #idTaken(name: string, id: string): AppError {
    const free = nextFreeId(name, 1, (candidate) => this.#models.idTaken(candidate));
    return new AppError('already_exists', `The id ${id} is taken.`, {
      hint: `Use ${free}, or leave the id out.`,
      details: { id, next_free_id: free },
    });
  }
}
