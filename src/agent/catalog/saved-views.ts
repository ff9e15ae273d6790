import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';

interface ViewRow {
  readonly name: string;
  readonly place: string;
  readonly query: string;
  readonly updated_at: number;
}

/** More than fit a menu; who reaches it takes one away. */
const MOST_VIEWS = 100;

/** Saved views of lists. Each belongs to who saved it, and nobody else sees it. */
export function savedViewRoutes(
  router: Router<Endpoints>,
  { database, journal, clock }: { database: Database; journal: Journal; clock: Clock },
): void {
  const list = (principalId: string): ViewRow[] =>
    database
      .prepare<ViewRow>(
        'SELECT name, place, query, updated_at FROM saved_views WHERE principal_id = :principalId ORDER BY name',
      )
      .all({ principalId });
  const shape = ({ updated_at: at, ...row }: ViewRow) => ({ ...row, updated_at: toIso(at) });

  router.implement('listViews', (_request, { caller }) => ({ views: list(caller.principalId).map(shape) }));
  router.implement('putView', async ({ params, body }, { caller: { principalId } }) => {
    const row = { name: params.name, ...body, updated_at: clock.now() };
    await database.transact((unit) => {
      const known = list(principalId);
      if (known.length >= MOST_VIEWS && !known.some((view) => view.name === row.name))
        throw new AppError('invalid_argument', `There are ${MOST_VIEWS} saved views; that is enough.`, {
          hint: 'Forget one first.',
          details: { fields: ['name'] },
        });
      database
        .prepare(
          `INSERT INTO saved_views (principal_id, name, place, query, updated_at)
           VALUES (:principalId, :name, :place, :query, :updated_at) ON CONFLICT (principal_id, name)
           DO UPDATE SET place = excluded.place, query = excluded.query, updated_at = excluded.updated_at`,
        )
        .run({ ...row, principalId });
      journal.append(unit, { actorId: principalId, action: 'view.saved', subject: `views:${principalId}` });
    });
    return { view: shape(row) };
  });
  router.implement('deleteView', async ({ params: { name } }, { caller: { principalId } }) => {
    await database.transact((unit) => {
      const { changes } = database
        .prepare('DELETE FROM saved_views WHERE principal_id = :principalId AND name = :name')
        .run({ principalId, name });
      if (changes === 0) throw new AppError('not_found', `There is no saved view ${name}.`);
      journal.append(unit, { actorId: principalId, action: 'view.deleted', subject: `views:${principalId}` });
    });
    return { deleted: true as const, name };
  });
}
