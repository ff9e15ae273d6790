import { z } from 'zod';
import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { Viewer } from '../access/index.ts';
import { toIso } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { Families } from './families.ts';
import type { FamilyStore } from './family-store.ts';
import type { ModelIndex } from './model-index.ts';
import { requiredRev } from './required-rev.ts';

const NameCursor = z.tuple([z.string()]);
const SeqCursor = z.tuple([z.int()]);

export interface FamilyRouteDeps {
  readonly families: Families;
  readonly familyStore: FamilyStore;
  readonly index: ModelIndex;
}

export function familyRoutes(
  router: Router<Endpoints>,
  { families, familyStore: store, index }: FamilyRouteDeps,
): void {
  const answer = (name: string, caller: Viewer) => {
    const [model] = families.views([families.visible(name, caller)]);
    if (model === undefined) throw new Error('a list of one family came back empty');
    return { model };
  };

  router.implement('listFamilies', async ({ query }, { caller }) => {
    const after = decodeCursor(query.cursor, NameCursor)?.[0] ?? null;
    const ids = await index.families(caller, query.q, after, query.limit + 1);
    const { rows, next } = pageOf(store.byIds(ids), query.limit);
    return { models: families.views(rows), next_cursor: next === null ? null : encodeCursor([next.name]) };
  });
  router.implement('getFamily', ({ params }, { caller }) => answer(params.name, caller));
  router.implement('patchFamily', async ({ params, body }, { caller, ifMatch }) => {
    await families.patch(params.name, caller, requiredRev(ifMatch), body);
    return answer(params.name, caller);
  });
  router.implement('deleteFamily', async ({ params, query }, { caller, ifMatch }) => {
    const { modelIds, freedBytes } = await families.delete(params.name, caller, query.keep_files, ifMatch);
    return { deleted: true as const, name: params.name, model_ids: modelIds, freed_bytes: freedBytes };
  });
  router.implement('listVersions', ({ params, query }, { caller }) => {
    const family = families.visible(params.name, caller);
    const before = decodeCursor(query.cursor, SeqCursor)?.[0] ?? null;
    const { rows, next } = pageOf(store.versions(caller, family.id, before, query.limit + 1), query.limit);
    const aliases = store.aliases([family.id]).get(family.id) ?? [];
    return {
      versions: rows.map((row) => ({
        name: family.name,
        seq: row.seq,
        label: row.label,
        global_model_id: row.content_id,
        source: row.source,
        source_id: row.source_id,
        format: row.format,
        size_bytes: row.size_bytes,
        aliases: aliases.filter((one) => one.seq === row.seq).map((one) => one.alias),
        model_ids: JSON.parse(row.model_ids) as string[],
        published_at: toIso(row.published_at),
      })),
      next_cursor: next === null ? null : encodeCursor([next.seq]),
    };
  });
  router.implement('putAlias', async ({ params, body }, { caller, ifMatch }) => {
    await families.putAlias(params.name, params.alias, body.version, caller, ifMatch);
    const { model } = answer(params.name, caller);
    const alias = model.aliases.find((one) => one.alias === params.alias);
    if (alias === undefined) throw new Error(`alias ${params.alias} was not stored`);
    return { alias, model };
  });
  router.implement('deleteAlias', async ({ params }, { caller, ifMatch }) => {
    await families.deleteAlias(params.name, params.alias, caller, ifMatch);
    return answer(params.name, caller);
  });
}
