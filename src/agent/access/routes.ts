import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import { z } from 'zod';
import type { Keys } from './keys.ts';

const KeyCursor = z.tuple([z.string()]);

export function accessRoutes(
  router: Router<Endpoints>,
  deps: { keys: Keys; url: () => string; nodeName: string; clock: Clock },
): void {
  const { keys, url, nodeName } = deps;

  router.implement('createSessionCode', (_request, { caller }) => {
    const { code, expiresAt } = keys.createCode(caller);
    return { code, url: `${url()}/#code=${code}`, expires_at: toIso(expiresAt) };
  });
  router.implement('createSession', ({ body }) => keys.createSession(body.code));
  router.implement('getSession', (_request, { caller }) => ({
    key: keys.get(caller.keyId),
    node_name: nodeName,
  }));
  router.implement('deleteSession', async (_request, { caller }) => {
    // Signing out of the desktop's or an application's key would lock it out for good; that is revoking.
    if (caller.keyKind !== 'session') return { revoked: false };
    await keys.revoke(caller.keyId, caller.principalId);
    return { revoked: true };
  });
  router.implement('listKeys', ({ query }) => {
    const cursor = decodeCursor(query.cursor, KeyCursor);
    const { rows, next } = pageOf(keys.list(query.limit + 1, cursor?.[0] ?? null), query.limit);
    return { keys: rows, next_cursor: next === null ? null : encodeCursor([next.id]) };
  });
  router.implement('createKey', ({ body }, { caller }) =>
    keys.create({
      kind: body.kind,
      name: body.name,
      role: body.role ?? 'user',
      principalId: caller.principalId,
      createdBy: caller.principalId,
      expiresAt: body.expires_at === undefined ? null : Date.parse(body.expires_at),
    }),
  );
  router.implement('revokeKey', async ({ params }, { caller }) => ({
    key: await keys.revoke(params.id, caller.principalId),
  }));
}
