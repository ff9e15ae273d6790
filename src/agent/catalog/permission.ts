import { AppError } from '../../shared/contract/index.ts';
import { roleCovers, type Role, type RoleRule } from '../../shared/lifecycle/index.ts';
import type { Viewer } from '../access/index.ts';

/** The role a caller needs for something of this owner. Pure. */
export function neededRole(viewer: Viewer, ownerId: string | null, { role, owner }: RoleRule): Role {
  return owner !== undefined && ownerId !== null && ownerId === viewer.principalId ? owner : role;
}

/** The refusal for a role that does not reach. */
export function insufficientRole(needed: Role, held: Role): AppError {
  return new AppError('insufficient_role', `This needs the role ${needed}; the key has ${held}.`, {
    details: { needed, held },
  });
}

/** @throws {AppError} `insufficient_role`; what the caller may not see is refused before, as not there. */
export function assertPermitted(viewer: Viewer, ownerId: string | null, rule: RoleRule): void {
  const needed = neededRole(viewer, ownerId, rule);
  if (!roleCovers(viewer.role, needed)) throw insufficientRole(needed, viewer.role);
}
