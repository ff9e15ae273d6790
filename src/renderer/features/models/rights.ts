import type { Model } from '../../../shared/contract/index.ts';
import {
  MODEL_ACTION_ROLES,
  MODEL_EDIT_ROLE,
  roleCovers,
  type RoleRule,
} from '../../../shared/lifecycle/index.ts';
import { useRole, useSession } from '../../data/session.ts';

/** What whoever is signed in may ask of a model by role, or because it is his own. Whether it is possible now is the agent's verdict. */
export interface Rights {
  /** Test, validate, activate. */
  readonly act: boolean;
  /** Description, tags, aliases, who sees it. */
  readonly edit: boolean;
  readonly superadmin: boolean;
}

export function useRights(model: Pick<Model, 'owner_user_id'>): Rights {
  const role = useRole();
  const session = useSession();
  const own = session.state === 'signed-in' && session.key.principal_id === model.owner_user_id;
  const may = (rule: RoleRule): boolean =>
    roleCovers(role, rule.role) || (own && rule.owner !== undefined && roleCovers(role, rule.owner));
  return {
    act: may(MODEL_ACTION_ROLES.test),
    edit: may(MODEL_EDIT_ROLE),
    superadmin: roleCovers(role, 'superadmin'),
  };
}
