import { z } from 'zod';
import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { toIso } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { Access } from './access.ts';
import { peopleRoutes } from './people-routes.ts';

const KeyCursor = z.tuple([z.string()]);

export interface AccessRouteDeps extends Access {
  readonly url: () => string;
  readonly nodeName: string;
}

/** Signing in, keys, people and groups. */
export function accessRoutes(router: Router<Endpoints>, deps: AccessRouteDeps): void {
  sessionRoutes(router, deps);
  keyRoutes(router, deps);
  peopleRoutes(router, deps);
}

function sessionRoutes(router: Router<Endpoints>, { sessions, keys, url, nodeName }: AccessRouteDeps): void {
  router.implement('createSessionCode', (_request, { caller }) => {
    const { code, expiresAt } = sessions.createCode(caller);
    return { code, url: `${url()}/#code=${code}`, expires_at: toIso(expiresAt) };
  });
  router.implement('createSession', ({ body }) => sessions.open(body.code));
  router.implement('getSession', (_request, { caller }) => ({
    // What the caller may, not what the key was made with: the role of its principal may have become lower since.
    key: { ...keys.get(caller.keyId), role: caller.role },
    node_name: nodeName,
  }));
  router.implement('deleteSession', async (_request, { caller }) => {
    // Signing out of the desktop's or an application's key would lock it out for good; that is revoking.
    if (caller.keyKind !== 'session') return { revoked: false };
    await keys.revoke(caller.keyId, caller.principalId);
    return { revoked: true };
  });
}

function keyRoutes(router: Router<Endpoints>, { keys }: AccessRouteDeps): void {
  router.implement('listKeys', ({ query }) => {
    const before = decodeCursor(query.cursor, KeyCursor)?.[0] ?? null;
    const found = keys.list(query.limit + 1, before, query.principal_id ?? null);
    const { rows, next } = pageOf(found, query.limit);
    return { keys: rows, next_cursor: next === null ? null : encodeCursor([next.id]) };
  });
  router.implement('createKey', ({ body }, { caller }) =>
    keys.create(
      {
        kind: body.kind,
        name: body.name,
        principalId: body.principal_id,
        role: body.role,
        scopes: body.scopes,
        expiresAt: body.expires_at === undefined ? undefined : Date.parse(body.expires_at),
        perMinute: body.rate_limit_per_minute,
        dailyTokens: body.daily_token_budget,
      },
      caller,
    ),
  );
  router.implement('getKey', ({ params }) => ({ key: keys.get(params.id) }));
  router.implement('patchKey', async ({ params, body }, { caller }) => {
    const { expires_at: end, ...rest } = body;
    const changes = end === undefined ? rest : { ...rest, expires_at: end === null ? null : Date.parse(end) };
    return { key: await keys.patch(params.id, changes, caller.principalId) };
  });
  router.implement('rotateKey', ({ params, body }, { caller }) =>
    keys.rotate(params.id, body.overlap_seconds * 1000, caller.principalId),
  );
  router.implement('previewKeyEffects', ({ params, body }) => ({
    effects: keys.effects(params.id, body.action),
  }));
  router.implement('revokeKey', async ({ params }, { caller }) => ({
    key: await keys.revoke(params.id, caller.principalId),
  }));
}
