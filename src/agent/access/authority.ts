import { AppError } from '../../shared/contract/index.ts';
import { roleCovers, type Role, type RoleRule } from '../../shared/lifecycle/index.ts';
import type { Viewer } from './visibility.ts';

/** The role a viewer needs for something with this owner. Pure. */
export function neededRole(viewer: Viewer, { role, owner }: RoleRule, ownerId: string | null): Role {
  return owner !== undefined && ownerId !== null && ownerId === viewer.principalId ? owner : role;
}

/** The refusal for a role that does not reach. */
export function insufficientRole(needed: Role, held: Role): AppError {
  return new AppError('insufficient_role', `This needs the role ${needed}; the key has ${held}.`, {
    details: { needed, held },
  });
}

/**
 * The second half of a row's role: the door let in whoever may do it with an object of his own, this asks whose it is.
 * Call it only after the object was seen, so that an invisible one stays `not_found`.
 * @throws {AppError} `insufficient_role` naming the role.
 */
export function assertMay(viewer: Viewer, rule: RoleRule, ownerId: string | null): void {
  const needed = neededRole(viewer, rule, ownerId);
  if (!roleCovers(viewer.role, needed)) throw insufficientRole(needed, viewer.role);
}
