import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { startServe, type ServeDeps } from './serve-job.ts';

export { serveJob } from './serve-job.ts';

export function deploymentRoutes(router: Router<Endpoints>, deps: ServeDeps): void {
  router.implement('serveModel', async ({ params, body }, { caller }) => ({
    job: await startServe(
      deps,
      {
        model_id: params.id,
        slot_id: body.slot_id ?? null,
        runtime_spec: body.runtime_spec ?? null,
        config: body.config ?? null,
        prompt: body.prompt ?? null,
      },
      caller,
    ),
  }));
}
