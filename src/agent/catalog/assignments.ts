import { AppError, type Model, type VisibilityScope } from '../../shared/contract/index.ts';
import { MODEL_EDIT_ROLE } from '../../shared/lifecycle/index.ts';
import { insufficientRole } from '../access/index.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { assertRev, type Actor, type ModelLifecycle } from './lifecycle.ts';
import type { ModelStore } from './model-store.ts';

export interface VisibilityRequest {
  readonly visibility_scope: VisibilityScope;
  readonly users?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** The ids a scope needs in which field; the other field must stay away. Pure. @throws {AppError} `invalid_argument`. */
function checkedRequest(request: VisibilityRequest): { users: string[]; groups: string[] } {
  const { visibility_scope: scope } = request;
  const take = (field: 'users' | 'groups', needed: boolean, what: string): string[] => {
    const ids = [...new Set(request[field] ?? [])];
    if (needed && ids.length === 0)
      throw new AppError('invalid_argument', `The scope ${scope} needs at least one ${what}.`, {
        hint: `Name whom to assign it to in ${field}.`,
        details: { fields: [field] },
      });
    if (!needed && request[field] !== undefined && ids.length > 0)
      throw new AppError('invalid_argument', `The scope ${scope} takes no ${field}.`, {
        hint: `Leave ${field} out, or use the scope ${field === 'users' ? 'user' : 'group'}.`,
        details: { fields: [field] },
      });
    return ids;
  };
  return {
    users: take('users', scope === 'user', 'person'),
    groups: take('groups', scope === 'group', 'group'),
  };
}

/** Who sees a model: the use case, and the SQL of assignments by name and by group. */
export class Assignments {
  readonly #deps: {
    readonly database: Database;
    readonly journal: Journal;
    readonly models: ModelStore;
    readonly lifecycle: ModelLifecycle;
  };

  constructor(deps: { database: Database; journal: Journal; models: ModelStore; lifecycle: ModelLifecycle }) {
    this.#deps = deps;
  }

  /** Whom a model is assigned to. */
  of(modelId: string): NonNullable<Model['assignments']> {
    const rows = (from: string): { id: string; name: string }[] =>
      this.#deps.database
        .prepare<{ id: string; name: string }>(
          `SELECT id, name FROM ${from} WHERE model_id = :modelId ORDER BY name`,
        )
        .all({ modelId });
    return {
      users: rows('model_users JOIN principals ON principals.id = principal_id'),
      groups: rows('model_groups JOIN groups ON groups.id = group_id'),
    };
  }

  /**
   * Says who sees a model from now on; what was assigned before is forgotten.
   * @throws {AppError} `not_found`, `insufficient_role`, `conflict`, `invalid_argument` naming the field.
   */
  async put(id: string, actor: Actor, request: VisibilityRequest, ifMatch: number | null): Promise<void> {
    const { database, journal, models, lifecycle } = this.#deps;
    await database.transact((unit) => {
      const row = lifecycle.permitted(id, actor, MODEL_EDIT_ROLE);
      if (ifMatch !== null) assertRev(row, ifMatch);
      const { users, groups } = checkedRequest(request);
      const { visibility_scope: scope } = request;
      // What everybody sees is the node's business, whoever owns it.
      if (scope === 'platform' && actor.role !== 'superadmin')
        throw insufficientRole('superadmin', actor.role);
      this.#assertKnown('users', users, 'principals WHERE erased_at IS NULL AND');
      this.#assertKnown('groups', groups, 'groups WHERE');
      database.prepare('DELETE FROM model_users WHERE model_id = :id').run({ id });
      database.prepare('DELETE FROM model_groups WHERE model_id = :id').run({ id });
      for (const user of users)
        database
          .prepare('INSERT INTO model_users (model_id, principal_id) VALUES (:id, :user)')
          .run({ id, user });
      for (const group of groups)
        database
          .prepare('INSERT INTO model_groups (model_id, group_id) VALUES (:id, :group)')
          .run({ id, group });
      models.update(row, { visibility_scope: scope });
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'model.visibility_changed',
        subject: `model:${id}`,
        data: { from: row.visibility_scope, to: scope, users, groups },
      });
    });
  }

  #assertKnown(field: 'users' | 'groups', ids: readonly string[], from: string): void {
    if (ids.length === 0) return;
    const known = new Set(
      this.#deps.database
        .prepare<{ id: string }>(`SELECT id FROM ${from} id IN (SELECT value FROM json_each(:ids))`)
        .all({ ids: JSON.stringify(ids) })
        .map((row) => row.id),
    );
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length === 0) return;
    throw new AppError(
      'invalid_argument',
      `There is no ${field === 'users' ? 'person or service' : 'group'} ${unknown.join(', ')}.`,
      { details: { fields: [field], unknown } },
    );
  }
}
