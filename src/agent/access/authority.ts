import { AppError } from '../../shared/contract/index.ts';
import { roleCovers, type RoleRule } from '../../shared/lifecycle/index.ts';
import type { Viewer } from './visibility.ts';

/**
 * The second half of a row's role: the door let in whoever may do it with an object of his own, this asks whose it is.
 * Call it only after the object was seen, so that an invisible one stays `not_found`.
 * @throws {AppError} `insufficient_role` naming the role.
 */
export function assertMay(viewer: Viewer, { role, owner }: RoleRule, ownerId: string | null): void {
  const needed = owner !== undefined && ownerId !== null && ownerId === viewer.principalId ? owner : role;
  if (roleCovers(viewer.role, needed)) return;
  throw new AppError('insufficient_role', `This needs the role ${role}; the key has ${viewer.role}.`, {
    details: { needed: role, held: viewer.role },
  });
}
