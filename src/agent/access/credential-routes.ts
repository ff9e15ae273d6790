import { z } from 'zod';
import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { Credentials } from './credentials.ts';

const IdCursor = z.tuple([z.string()]);

export function credentialRoutes(
  router: Router<Endpoints>,
  { credentials }: { credentials: Credentials },
): void {
  router.implement('listCredentials', ({ query }, { caller }) => {
    const before = decodeCursor(query.cursor, IdCursor)?.[0] ?? null;
    const found = credentials.list(
      caller,
      { provider: query.provider ?? null, revoked: query.revoked },
      before,
      query.limit + 1,
    );
    const { rows, next } = pageOf(found, query.limit);
    return { credentials: rows, next_cursor: next === null ? null : encodeCursor([next.id]) };
  });
  router.implement('createCredential', async ({ body }, { caller }) => ({
    credential: await credentials.create(body, caller),
  }));
  router.implement('getCredential', ({ params }, { caller }) => ({
    credential: credentials.get(params.id, caller),
  }));
  router.implement('patchCredential', async ({ params, body }, { caller, ifMatch }) => {
    if (ifMatch === null) {
      throw new AppError('invalid_argument', 'Say which rev you change with If-Match.', {
        hint: 'Send the rev you read as If-Match.',
        details: { fields: ['if-match'] },
      });
    }
    return { credential: await credentials.patch(params.id, body, ifMatch, caller) };
  });
  router.implement('previewCredentialEffects', ({ params }, { caller }) => {
    const row = credentials.visible(params.id, caller);
    if (row.revoked_at !== null)
      return { effects: [{ code: 'nothing', sentence: 'It is revoked already; nothing changes.' }] };
    const models = credentials.modelsOf(row.id);
    return {
      effects: [
        { code: 'secret_erased', sentence: 'Its secret is erased from this node and cannot be shown again.' },
        models.length === 0
          ? { code: 'unused', sentence: 'No model uses it.' }
          : {
              code: 'models_end',
              sentence: `${named(models)} can no longer be called, and ${models.length === 1 ? 'its validation ends' : 'the validation of each ends'}.`,
            },
        {
          code: 'provider_keeps',
          sentence: 'The provider does not hear of it; delete the key there as well.',
        },
      ],
    };
  });
  router.implement('revokeCredential', async ({ params }, { caller }) => {
    const { credential, models } = await credentials.revoke(params.id, caller);
    return { credential, affected_models: [...models], affected_model_count: models.length };
  });
}

const NAMED = 5;

function named(models: readonly string[]): string {
  const more = models.length - NAMED;
  return more > 0
    ? `${models.slice(0, NAMED).join(', ')} and ${more} more`
    : models.length === 1
      ? `${models[0]}`
      : `${models.slice(0, -1).join(', ')} and ${models.at(-1)}`;
}
