import { z } from 'zod';
import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { Access } from './access.ts';

const NameCursor = z.tuple([z.string()]);

/** People, services and groups. */
export function peopleRoutes(
  router: Router<Endpoints>,
  { principals, groups }: Pick<Access, 'principals' | 'groups'>,
): void {
  router.implement('listPrincipals', ({ query }) => {
    const after = decodeCursor(query.cursor, NameCursor)?.[0] ?? null;
    const filter = { q: query.q ?? null, role: query.role ?? null };
    const { rows, next } = pageOf(principals.list(query.limit + 1, after, filter), query.limit);
    return { principals: rows, next_cursor: next === null ? null : encodeCursor([next.name]) };
  });
  router.implement('createPrincipal', async ({ body }, { caller }) => ({
    principal: await principals.create(body, caller.principalId),
  }));
  router.implement('getPrincipal', ({ params }) => ({ principal: principals.get(params.id) }));
  router.implement('patchPrincipal', async ({ params, body }, { caller, ifMatch }) => ({
    principal: await principals.patch(params.id, required(ifMatch), body, caller.principalId),
  }));
  router.implement('deletePrincipal', async ({ params }, { caller }) => {
    const { revokedKeys } = await principals.erase(params.id, caller.principalId);
    return { deleted: true as const, id: params.id, revoked_keys: revokedKeys };
  });

  router.implement('listGroups', ({ query }) => {
    const after = decodeCursor(query.cursor, NameCursor)?.[0] ?? null;
    const { rows, next } = pageOf(groups.list(query.limit + 1, after, query.q ?? null), query.limit);
    return { groups: rows, next_cursor: next === null ? null : encodeCursor([next.name]) };
  });
  router.implement('createGroup', async ({ body }, { caller }) => ({
    group: await groups.create(body, caller.principalId),
  }));
  router.implement('getGroup', ({ params }) => ({ group: groups.get(params.id) }));
  router.implement('patchGroup', async ({ params, body }, { caller, ifMatch }) => ({
    group: await groups.patch(params.id, required(ifMatch), body, caller.principalId),
  }));
  router.implement('deleteGroup', async ({ params }, { caller }) => {
    await groups.delete(params.id, caller.principalId);
    return { deleted: true as const, id: params.id };
  });
  router.implement('putGroupMember', async ({ params }, { caller }) => ({
    group: await groups.setMember(params.id, params.principal_id, true, caller.principalId),
  }));
  router.implement('deleteGroupMember', async ({ params }, { caller }) => ({
    group: await groups.setMember(params.id, params.principal_id, false, caller.principalId),
  }));
}

/** @throws {AppError} `invalid_argument` without a rev. */
function required(ifMatch: number | null): number {
  if (ifMatch !== null) return ifMatch;
  throw new AppError('invalid_argument', 'Say which rev you change with If-Match.', {
    hint: 'Send the rev you read as If-Match.',
    details: { fields: ['if-match'] },
  });
}
