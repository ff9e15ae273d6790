import {
  ENDPOINTS,
  type EndpointInput,
  type EndpointOutput,
  type Image,
  type Job,
  type RenderedContainer,
} from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { liveFeed } from './live.ts';
import { queries, type Query } from './queries.ts';

/** Runtimes of the node and the images they are made of. */

export type Runtimes = EndpointOutput<typeof ENDPOINTS.listRuntimes>;
export type Pruned = EndpointOutput<typeof ENDPOINTS.pruneImages>;

/** Runtimes, and the files in the data directory that are none. */
export const runtimeListQuery: Query<Runtimes> = {
  key: 'runtime list',
  about: ['runtime:*', 'image:*'],
  read: (signal) => call(ENDPOINTS.listRuntimes, {}, { signal }),
};

/** @param all also images that nothing here names */
export function imagesQuery(all: boolean): Query<readonly Image[]> {
  return {
    key: `images ${all}`,
    about: ['image:*', 'runtime:*', 'slot:*'],
    read: async (signal) => (await call(ENDPOINTS.listImages, { query: { all } }, { signal })).images,
  };
}

/** What a prune would remove now. */
export const prunableQuery: Query<Pruned> = {
  key: 'prunable images',
  about: ['image:*', 'slot:*'],
  read: (signal) => call(ENDPOINTS.pruneImages, { body: { dry_run: true } }, { signal }),
};

export async function pullImage(reference: string): Promise<Job> {
  return follow(await call(ENDPOINTS.pullImage, { body: { reference } }));
}

export async function importImage(path: string): Promise<Job> {
  return follow(await call(ENDPOINTS.importImage, { body: { path } }));
}

export async function exportImages(references: readonly string[], path: string): Promise<Job> {
  return follow(await call(ENDPOINTS.exportImages, { body: { references: [...references], path } }));
}

export async function pruneImages(ids: readonly string[]): Promise<Pruned> {
  const answer = await call(ENDPOINTS.pruneImages, { body: { dry_run: false, ids: [...ids] } });
  queries.invalidate(new Set(answer.images.map(({ id }) => `image:${id}`)));
  return answer;
}

export async function renderContainer(
  id: string,
  body: EndpointInput<typeof ENDPOINTS.renderRuntime>['body'],
): Promise<RenderedContainer> {
  return (await call(ENDPOINTS.renderRuntime, { params: { id }, body })).container;
}

function follow({ job }: { readonly job: Job }): Job {
  liveFeed.putJob(job);
  return job;
}
