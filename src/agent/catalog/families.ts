import { AppError, TASKS, type Family } from '../../shared/contract/index.ts';
import { MODEL_EDIT_ROLE } from '../../shared/lifecycle/index.ts';
import { assertMay, type Viewer } from '../access/index.ts';
import type { BlobStore } from '../artifacts/index.ts';
import { toIso } from '../kernel/clock.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import type { FamilyChanges, FamilyStore } from './family-store.ts';
import type { Actor, ModelLifecycle } from './lifecycle.ts';
import type { ModelStore } from './model-store.ts';
import type { FamilyRow } from './version-store.ts';

/** Words that say which version by themselves, so that no alias may. */
const RESERVED = /^(?:latest|newest|v\d+)$/;

/** Changes of families: what they say, where their aliases point, and their end. */
export class Families {
  readonly #deps: {
    readonly database: Database;
    readonly journal: Journal;
    readonly store: FamilyStore;
    readonly models: ModelStore;
    readonly lifecycle: ModelLifecycle;
    readonly blobs: BlobStore;
  };

  constructor(deps: {
    database: Database;
    journal: Journal;
    store: FamilyStore;
    models: ModelStore;
    lifecycle: ModelLifecycle;
    blobs: BlobStore;
  }) {
    this.#deps = deps;
  }

  /** A family that holds a model the viewer sees. @throws {AppError} `not_found`, for an invisible one as well. */
  visible(name: string, viewer: Viewer): FamilyRow {
    const row = this.#deps.store.find(name);
    if (row === undefined || !this.#deps.models.seesFamily(viewer, name))
      throw new AppError('not_found', `There is no model family ${name}.`);
    return row;
  }

  views(rows: readonly FamilyRow[]): Family[] {
    const ids = rows.map((row) => row.id);
    const aliases = this.#deps.store.aliases(ids);
    const counts = this.#deps.store.versionCounts(ids);
    return rows.map((row) => ({
      name: row.name,
      rev: row.rev,
      description: row.description,
      card: row.card,
      tags: JSON.parse(row.tags) as string[],
      task_key: row.task_key,
      category: TASKS[row.task_key].category,
      latest_seq: row.latest_seq,
      version_count: counts.get(row.id) ?? 0,
      aliases: aliases.get(row.id) ?? [],
      created_at: toIso(row.created_at),
      updated_at: toIso(row.updated_at),
    }));
  }

  /** @throws {AppError} `not_found`, `insufficient_role`, `conflict`. */
  async patch(name: string, actor: Actor, ifMatch: number, changes: FamilyChanges): Promise<void> {
    const { database, models } = this.#deps;
    await database.transact((unit) => {
      const row = this.#permitted(name, actor);
      this.#assertRev(row, ifMatch);
      this.#write(row, changes);
      models.retell('name', name);
      this.#tell(unit, actor, 'family.changed', name, { fields: Object.keys(changes).toSorted() });
    });
  }

  /**
   * Points an alias at a version that a managed model stands for.
   * @param version its number, `v` and its number, or its label
   */
  async putAlias(
    name: string,
    alias: string,
    version: number | string,
    actor: Actor,
    ifMatch: number | null,
  ): Promise<void> {
    const { database, store } = this.#deps;
    if (RESERVED.test(alias))
      throw new AppError(
        'invalid_argument',
        `${alias} says which version by itself and cannot be an alias.`,
        {
          hint: 'Use a word like prod or fastest.',
          details: { fields: ['alias'], reserved: ['latest', 'newest', 'v<number>'] },
        },
      );
    await database.transact((unit) => {
      const row = this.#permitted(name, actor);
      if (ifMatch !== null) this.#assertRev(row, ifMatch);
      const target = this.#version(row, version);
      const before = store.aliasTarget(row.id, alias);
      if (before?.version_id === target.id) return;
      store.setAlias(row.id, alias, target.id, actor.principalId);
      this.#write(row, {});
      this.#tell(unit, actor, 'family.alias_set', name, {
        alias,
        seq: target.seq,
        from_seq: before?.seq ?? null,
      });
      if (before !== undefined)
        this.#tellModels(unit, actor, 'model.alias_removed', name, before.version_id, alias);
      this.#tellModels(unit, actor, 'model.alias_added', name, target.id, alias);
    });
  }

  async deleteAlias(name: string, alias: string, actor: Actor, ifMatch: number | null): Promise<void> {
    const { database, store } = this.#deps;
    await database.transact((unit) => {
      const row = this.#permitted(name, actor);
      if (ifMatch !== null) this.#assertRev(row, ifMatch);
      const before = store.aliasTarget(row.id, alias);
      if (before === undefined) throw new AppError('not_found', `${name} has no alias ${alias}.`);
      store.deleteAlias(row.id, alias);
      this.#write(row, {});
      this.#tell(unit, actor, 'family.alias_removed', name, { alias, from_seq: before.seq });
      this.#tellModels(unit, actor, 'model.alias_removed', name, before.version_id, alias);
    });
  }

  /**
   * Deletes every model of a family, its aliases, and what people wrote about it. Numbers stay used.
   * @throws {AppError} `dependencies_unsatisfied` with the models that are not unregistered; then nothing was done.
   */
  async delete(
    name: string,
    actor: Actor,
    keepFiles: boolean,
    ifMatch: number | null,
  ): Promise<{ modelIds: string[]; freedBytes: number }> {
    const { database, store, models, lifecycle, blobs } = this.#deps;
    const { ids, left } = await database.transact((unit) => {
      const row = this.#permitted(name, actor);
      if (ifMatch !== null) this.#assertRev(row, ifMatch);
      const all = models.ofFamily(name);
      const standing = all.filter((model) => model.lifecycle_state !== 'unregistered');
      if (standing.length > 0) throw stillManaged(name, standing);
      store.deleteAliases(row.id);
      const buried = all.flatMap((model) => lifecycle.buryNow(unit, model.id, actor, keepFiles) ?? []);
      this.#write(row, { description: '', card: '', tags: [] });
      this.#tell(unit, actor, 'family.deleted', name, { models: all.map((model) => model.id) });
      return { ids: all.map((model) => model.id), left: buried };
    });
    return { modelIds: ids, freedBytes: left.length === 0 ? 0 : await blobs.collect(left) };
  }

  #permitted(name: string, actor: Actor): FamilyRow {
    const row = this.visible(name, actor);
    assertMay(actor, MODEL_EDIT_ROLE, row.owner_user_id);
    return row;
  }

  #version(family: FamilyRow, version: number | string): { id: number; seq: number } {
    const { store } = this.#deps;
    const numbered =
      typeof version === 'number' ? version : Number(/^v?(\d{1,15})$/.exec(version)?.[1] ?? NaN);
    const found =
      (typeof version === 'string' ? store.version(family.id, { label: version }) : undefined) ??
      (Number.isNaN(numbered) ? undefined : store.version(family.id, { seq: numbered }));
    if (found !== undefined) return found;
    throw new AppError('not_found', `${family.name} has no version ${version} on this node.`, {
      hint: 'See its versions for numbers and labels.',
      details: { fields: ['version'] },
    });
  }

  #assertRev(row: FamilyRow, ifMatch: number): void {
    if (row.rev === ifMatch) return;
    throw new AppError(
      'conflict',
      `${row.name} was changed since you read it (rev ${ifMatch}, now ${row.rev}). Your change was not made.`,
      { details: { rev: row.rev } },
    );
  }

  #write(row: FamilyRow, changes: FamilyChanges): void {
    if (this.#deps.store.update(row, changes)) return;
    throw new AppError('conflict', `${row.name} was changed by somebody else. Your change was not made.`);
  }

  #tell(unit: UnitOfWork, actor: Actor, action: string, name: string, data: Record<string, unknown>): void {
    this.#deps.journal.append(unit, {
      actorId: actor.principalId,
      action,
      subject: `family:${name}`,
      data,
    });
  }

  /** The same in the history of the models that stand for a version. */
  #tellModels(
    unit: UnitOfWork,
    actor: Actor,
    action: string,
    name: string,
    versionId: number,
    alias: string,
  ): void {
    const { models, journal } = this.#deps;
    for (const model of models.ofFamily(name))
      if (model.version_id === versionId)
        journal.append(unit, {
          actorId: actor.principalId,
          action,
          subject: `model:${model.id}`,
          data: { alias },
        });
  }
}

function stillManaged(name: string, standing: readonly { id: string; lifecycle_state: string }[]): AppError {
  return new AppError(
    'dependencies_unsatisfied',
    `${name} has ${standing.length === 1 ? 'a model that is' : `${standing.length} models that are`} not unregistered: ${standing
      .slice(0, 10)
      .map((model) => `${model.id} (${model.lifecycle_state})`)
      .join(', ')}${standing.length > 10 ? ', …' : ''}.`,
    {
      hint: 'Deactivate and unregister them first. Nothing was deleted.',
      details: { models: standing.map(({ id, lifecycle_state }) => ({ id, lifecycle_state })) },
    },
  );
}
