import type { Endpoints } from '../../../shared/contract/index.ts';
import type { Router } from '../../../server/router.ts';
import { startExport } from './image-export.ts';
import { startImageImport } from './image-import.ts';
import { startPull } from './image-pull.ts';
import type { ImageJobDeps } from './job-deps.ts';

export function imageRoutes(router: Router<Endpoints>, deps: ImageJobDeps): void {
  const { desk } = deps;

  router.implement('listImages', async ({ query }, { signal }) => ({
    images: await desk.list(query.all, signal),
  }));
  router.implement('pullImage', async ({ body }, { caller, signal }) => ({
    job: await startPull(deps, body.reference, caller.principalId, signal),
  }));
  router.implement('importImage', async ({ body }, { caller, signal }) => ({
    job: await startImageImport(deps, body.path, caller.principalId, signal),
  }));
  router.implement('exportImages', async ({ body }, { caller, signal }) => ({
    job: await startExport(deps, body, caller.principalId, signal),
  }));
  router.implement('pruneImages', async ({ body }, { caller, signal }) => {
    const { images, removed } = await desk.prune(
      { dryRun: body.dry_run, ids: body.ids ?? null },
      caller,
      signal,
    );
    const pruned = images.flatMap(({ id, references, size_bytes: size }) =>
      id === null ? [] : [{ id, references, size_bytes: size ?? 0 }],
    );
    return {
      images: pruned,
      freed_bytes: pruned.reduce((sum, image) => sum + image.size_bytes, 0),
      removed,
    };
  });
}
