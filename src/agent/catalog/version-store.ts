import {
  AppError,
  defaultModelId,
  GLOBAL_MODEL_ID_PREFIX,
  type TaskKey,
} from '../../shared/contract/index.ts';
import type { ModelFacts } from '../artifacts/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { newId } from '../kernel/ids.ts';

export interface FamilyRow {
  readonly id: number;
  readonly uid: string;
  readonly name: string;
  readonly description: string;
  readonly task_key: TaskKey;
  readonly latest_seq: number;
  /** null: it belongs to the node. */
  readonly owner_user_id: string | null;
  readonly created_at: number;
  readonly rev: number;
  readonly card: string;
  /** JSON array. */
  readonly tags: string;
  readonly updated_at: number;
}

export interface NewVersion {
  readonly contentId: string;
  readonly label: string | null;
  /** What the files say; null for a remote version, which has none. */
  readonly facts: ModelFacts | null;
  readonly source: string;
  readonly sourceId: string | null;
  readonly sizeBytes: number;
  readonly files: readonly { path: string; sha256: string; size: number; counted: boolean }[];
}

/** The SQL of families and versions. Numbers and labels are given out here and never twice. */
export class VersionStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  family(name: string): FamilyRow | undefined {
    return this.#database.prepare<FamilyRow>('SELECT * FROM families WHERE name = :name').get({ name });
  }

  /**
   * The family of a name, made when it is new. Names are unique on a node, and a family has one owner.
   * @param ownerId null is the node itself.
   * @throws {AppError} `already_exists` when the family is somebody else's, without telling whose.
   */
  ensureFamily(name: string, taskKey: TaskKey, ownerId: string | null = null): FamilyRow {
    this.#database
      .prepare(
        `INSERT INTO families (uid, name, task_key, owner_user_id, created_at, updated_at)
         VALUES (:uid, :name, :taskKey, :ownerId, :now, :now) ON CONFLICT (name) DO NOTHING`,
      )
      .run({ uid: newId(), name, taskKey, ownerId, now: this.#clock.now() });
    const family = this.family(name);
    if (family === undefined) throw new Error(`family ${name} was not stored`);
    if (family.owner_user_id !== ownerId) throw nameTaken(name);
    return family;
  }

  /** A version of the family with these bytes, newest first; a tombstone does not count. */
  byContent(
    familyId: number,
    contentId: string,
  ): { id: number; seq: number; label: string | null } | undefined {
    return this.#database
      .prepare<{ id: number; seq: number; label: string | null }>(
        'SELECT id, seq, label FROM versions WHERE family_id = :familyId AND content_id = :contentId AND tombstoned_at IS NULL ORDER BY seq DESC LIMIT 1',
      )
      .get({ familyId, contentId });
  }

  /** @throws {AppError} `already_exists` when the label is taken, with the next free one. */
  publish(family: FamilyRow, version: NewVersion): { id: number; seq: number } {
    if (version.label !== null) this.#assertLabelFree(family, version.label);
    const seq = family.latest_seq + 1;
    const now = this.#clock.now();
    const { lastInsertRowid: id } = this.#database
      .prepare(
        `INSERT INTO versions (family_id, seq, label, content_id, kind, framework, format, source, source_id, size_bytes, inferred, published_at)
         VALUES (:familyId, :seq, :label, :contentId, :kind, :framework, :format, :source, :sourceId, :sizeBytes, :inferred, :now)`,
      )
      .run({
        familyId: family.id,
        seq,
        label: version.label,
        contentId: version.contentId,
        kind: version.facts === null ? 'remote' : 'local',
        framework: version.facts?.framework ?? null,
        format: version.facts?.format ?? null,
        source: version.source,
        sourceId: version.sourceId,
        sizeBytes: version.sizeBytes,
        inferred: JSON.stringify(version.facts ?? {}),
        now,
      });
    const insertFile = this.#database.prepare(
      'INSERT INTO version_files (version_id, path, sha256, size, counted) VALUES (:id, :path, :sha256, :size, :counted)',
    );
    for (const file of version.files) insertFile.run({ ...file, counted: file.counted ? 1 : 0, id });
    this.#database
      .prepare('UPDATE families SET latest_seq = :seq WHERE id = :familyId')
      .run({ seq, familyId: family.id });
    return { id, seq };
  }

  tombstone(versionId: number): void {
    this.#database
      .prepare('UPDATE versions SET tombstoned_at = :now WHERE id = :versionId')
      .run({ versionId, now: this.#clock.now() });
  }

  /** Whether any managed model but this one still stands for the version. */
  usedByOthers(versionId: number, modelId: string): boolean {
    return (
      this.#database
        .prepare(
          "SELECT 1 FROM models WHERE version_id = :versionId AND id <> :modelId AND lifecycle_state <> 'deleted'",
        )
        .get({ versionId, modelId }) !== undefined
    );
  }

  /** Bytes that would go with a version: those no other live version refers to. */
  uniqueBytes(versionId: number): number {
    return (
      this.#database
        .prepare<{ n: number }>(
          `SELECT COALESCE(SUM(size), 0) AS n FROM (SELECT DISTINCT sha256, size FROM version_files WHERE version_id = :versionId
             AND NOT EXISTS (SELECT 1 FROM version_files AS other JOIN versions ON versions.id = other.version_id
                             WHERE other.sha256 = version_files.sha256 AND other.version_id <> :versionId AND tombstoned_at IS NULL))`,
        )
        .get({ versionId })?.n ?? 0
    );
  }

  #assertLabelFree(family: FamilyRow, label: string): void {
    const labels = this.#database
      .prepare<{ label: string }>(
        'SELECT label FROM versions WHERE family_id = :familyId AND label IS NOT NULL',
      )
      .all({ familyId: family.id })
      .map((row) => row.label);
    if (!labels.includes(label)) return;
    throw new AppError('already_exists', `${family.name} ${label} exists with other bytes.`, {
      hint: `Use ${nextFreeLabel(label, labels)}, or another name.`,
      details: { label, next_free_label: nextFreeLabel(label, labels) },
    });
  }
}

/** A name that a family of somebody else has. Says nothing about whose it is or what is in it. */
export function nameTaken(name: string): AppError {
  return new AppError('already_exists', `The name ${name} is taken on this node.`, {
    hint: 'Choose another name.',
    details: { fields: ['name'] },
  });
}

/** The label with its patch number raised until it is free. Pure. */
function nextFreeLabel(label: string, taken: readonly string[]): string {
  const [, major = '0', minor = '0', patch = '0'] = /^(\d+)\.(\d+)\.(\d+)/.exec(label) ?? [];
  for (let next = Number(patch) + 1; ; next += 1) {
    const candidate = `${major}.${minor}.${next}`;
    if (!taken.includes(candidate)) return candidate;
  }
}

/** The first free id that starts like the wanted one. Pure but for the question. */
export function nextFreeId(name: string, fromSeq: number, taken: (id: string) => boolean): string {
  for (let seq = fromSeq; ; seq += 1) {
    const candidate = defaultModelId(name, seq);
    if (!taken(candidate)) return candidate;
  }
}

export function contentHexOf(contentId: string): string {
  return contentId.slice(GLOBAL_MODEL_ID_PREFIX.length);
}
