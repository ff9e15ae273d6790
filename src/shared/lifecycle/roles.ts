import type { RequestedAction } from './model.ts';
import type { Role } from './states.ts';

/** Who may ask for something: `role` for any object he sees, `owner` for one of his own. */
export interface RoleRule {
  readonly role: Role;
  /** The role that suffices for the owner of the object; absent when owning it changes nothing. */
  readonly owner?: Role;
}

const ADMIN: RoleRule = { role: 'admin', owner: 'user' };
const SUPERADMIN: RoleRule = { role: 'superadmin', owner: 'user' };

/**
 * Who may do what with a model. A user owns cloud models on his own credentials and may do with them whatever their
 * lifecycle has; local models belong to the node.
 */
export const MODEL_ACTION_ROLES: Record<RequestedAction, RoleRule> = {
  register: ADMIN,
  assign: { role: 'superadmin' },
  test: ADMIN,
  validate: ADMIN,
  activate: ADMIN,
  deactivate: ADMIN,
  unregister: ADMIN,
  delete: SUPERADMIN,
};

/** Changing what a model says about itself, its credential, and who sees it. */
export const MODEL_EDIT_ROLE: RoleRule = SUPERADMIN;
