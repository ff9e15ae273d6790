import type { Group, Model, Principal, VisibilityScope } from '../../../shared/contract/index.ts';

/** Who sees a model under a rule of visibility, counted from who there is. */

export interface Rule {
  readonly scope: VisibilityScope;
  /** Ids of principals. */
  readonly users: readonly string[];
  /** Ids of groups. */
  readonly groups: readonly string[];
}

/** Through what somebody sees it. */
export type Through =
  | { readonly by: 'everyone' }
  | { readonly by: 'owner' }
  | { readonly by: 'name' }
  | { readonly by: 'group'; readonly group: string }
  | { readonly by: 'superadmin' };

export interface Seen {
  readonly principal: Principal;
  readonly through: Through;
}

export function ruleOf(model: Pick<Model, 'visibility_scope' | 'assignments'>): Rule {
  return {
    scope: model.visibility_scope,
    users: model.assignments?.users.map((user) => user.id) ?? [],
    groups: model.assignments?.groups.map((group) => group.id) ?? [],
  };
}

/** Everybody who sees it, and through what; superadmins see all. Pure. */
export function audience(
  rule: Rule,
  owner: string | null,
  principals: readonly Principal[],
  groups: readonly Group[],
): Seen[] {
  const assigned = groups.filter((group) => rule.groups.includes(group.id));
  const throughOf = (principal: Principal): Through | null => {
    if (rule.scope === 'platform') return { by: 'everyone' };
    if (principal.id === owner) return { by: 'owner' };
    if (rule.scope === 'user' && rule.users.includes(principal.id)) return { by: 'name' };
    if (rule.scope === 'group') {
      const group = assigned.find((one) => one.members.some((member) => member.id === principal.id));
      if (group !== undefined) return { by: 'group', group: group.name };
    }
    return principal.role === 'superadmin' ? { by: 'superadmin' } : null;
  };
  return principals
    .filter((principal) => principal.kind !== 'system' && principal.disabled_at === null)
    .flatMap((principal) => {
      const through = throughOf(principal);
      return through === null ? [] : [{ principal, through }];
    });
}

/** How many they are and how many keys they have. Pure. */
export function countOf(seen: readonly Seen[]): { readonly people: number; readonly keys: number } {
  return {
    people: seen.length,
    keys: seen.reduce((sum, { principal }) => sum + principal.key_count, 0),
  };
}

/** Pure. */
export function sameRule(a: Rule, b: Rule): boolean {
  return keyOf(a) === keyOf(b);
}

/** What the rule says: lists that its scope does not use say nothing. */
function keyOf({ scope, users, groups }: Rule): string {
  const list = scope === 'user' ? users : scope === 'group' ? groups : [];
  return [scope, ...list.toSorted()].join(' ');
}
