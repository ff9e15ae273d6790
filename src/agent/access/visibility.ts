import type { Caller } from '../../server/context.ts';

/** What decides who sees a model. */
export interface VisibilityFacts {
  readonly visibility_scope: 'private' | 'user' | 'group' | 'platform';
  readonly owner_user_id: string | null;
}

export type Viewer = Pick<Caller, 'principalId' | 'role'>;

/** Pure. Through what a caller sees a model, in words; null when he does not. */
export function seesThrough(viewer: Viewer, model: VisibilityFacts): string | null {
  if (model.visibility_scope === 'platform') return 'Everyone on this node sees it.';
  if (model.owner_user_id !== null && model.owner_user_id === viewer.principalId) return 'It is his own.';
  return viewer.role === 'superadmin' ? 'A superadmin sees every model.' : null;
}

/** The same rule as a condition of SQL, for lists. */
export function visibilityCondition(viewer: Viewer): { sql: string; params: string[] } {
  if (viewer.role === 'superadmin') return { sql: '1 = 1', params: [] };
  return {
    sql: "(models.visibility_scope = 'platform' OR models.owner_user_id = ?)",
    params: [viewer.principalId],
  };
}
