import { ENDPOINTS, type EndpointOutput } from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { queries, type Query } from './queries.ts';

/** Views of lists that a person saved under a name; the agent keeps them with the person. */
export type SavedView = EndpointOutput<typeof ENDPOINTS.listViews>['views'][number];

export const viewsQuery: Query<readonly SavedView[]> = {
  key: 'views',
  about: ['views:*'],
  read: async (signal) => (await call(ENDPOINTS.listViews, {}, { signal })).views,
};

/** Shown at once, since it is mine and can be taken back; what the agent says then stands. */
function show(change: (views: readonly SavedView[]) => readonly SavedView[]): void {
  const { data } = queries.get<readonly SavedView[]>(viewsQuery.key);
  queries.put(viewsQuery, change(data ?? []));
}

/** @throws {AppError} the refusal. */
export async function saveView(name: string, query: string): Promise<void> {
  const { view } = await call(ENDPOINTS.putView, { params: { name }, body: { place: 'models', query } });
  show((views) =>
    [...views.filter((one) => one.name !== view.name), view].toSorted((a, b) => a.name.localeCompare(b.name)),
  );
}

/** @throws {AppError} the refusal. */
export async function forgetView(name: string): Promise<void> {
  await call(ENDPOINTS.deleteView, { params: { name } });
  show((views) => views.filter((one) => one.name !== name));
}

/** Saves it under the other name, then forgets the old one. @throws {AppError} the refusal. */
export async function renameView(view: SavedView, name: string): Promise<void> {
  if (view.name === name) return;
  await saveView(name, view.query);
  await forgetView(view.name);
}
