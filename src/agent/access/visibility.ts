import type { Caller } from '../../server/context.ts';
import type { Database, Statement } from '../kernel/database/database.ts';

/** What decides who sees a model. */
export interface VisibilityFacts {
  readonly id: string;
  readonly visibility_scope: 'private' | 'user' | 'group' | 'platform';
  readonly owner_user_id: string | null;
}

export type Viewer = Pick<Caller, 'principalId' | 'role'>;

/** Who sees a model: its owner, everybody, those it is assigned to by name or by group, and every superadmin. */
export class Visibility {
  readonly #byName: Statement<{ found: number }>;
  readonly #byGroup: Statement<{ name: string }>;

  constructor(database: Database) {
    this.#byName = database.prepare(
      'SELECT 1 AS found FROM model_users WHERE principal_id = :principalId AND model_id = :modelId',
    );
    this.#byGroup = database.prepare(
      `SELECT groups.name FROM group_members JOIN model_groups USING (group_id) JOIN groups ON groups.id = group_id
       WHERE principal_id = :principalId AND model_id = :modelId ORDER BY groups.name LIMIT 1`,
    );
  }

  /** Through what a caller sees a model, in words; null when he does not. */
  seesThrough(viewer: Viewer, model: VisibilityFacts): string | null {
    if (model.visibility_scope === 'platform') return 'Everyone on this node sees it.';
    const { principalId } = viewer;
    if (model.owner_user_id !== null && model.owner_user_id === principalId) return 'It is his own.';
    if (model.visibility_scope === 'user') {
      if (this.#byName.get({ principalId, modelId: model.id }) !== undefined) return 'Assigned by name.';
    }
    if (model.visibility_scope === 'group') {
      const group = this.#byGroup.get({ principalId, modelId: model.id });
      if (group !== undefined) return `Through the group ${group.name}.`;
    }
    return viewer.role === 'superadmin' ? 'A superadmin sees every model.' : null;
  }
}

/** The same rule as a condition of SQL on `models`, for lists. */
export function visibilityCondition(viewer: Viewer): { sql: string; params: string[] } {
  if (viewer.role === 'superadmin') return { sql: '1 = 1', params: [] };
  return {
    sql: `(models.visibility_scope = 'platform' OR models.owner_user_id = ?
      OR (models.visibility_scope = 'user' AND EXISTS
        (SELECT 1 FROM model_users WHERE principal_id = ? AND model_id = models.id))
      OR (models.visibility_scope = 'group' AND EXISTS
        (SELECT 1 FROM model_groups JOIN group_members USING (group_id)
         WHERE principal_id = ? AND model_id = models.id)))`,
    params: [viewer.principalId, viewer.principalId, viewer.principalId],
  };
}
