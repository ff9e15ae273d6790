import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Gpus } from './gpus.ts';
import { Hardware } from './hardware.ts';

/** A driver that hangs is told as what is known so far. */
const LOOK_MS = 5000;

export function gpuRoutes(
  router: Router<Endpoints>,
  deps: { readonly gpus: Gpus; readonly storeDirectory: string; readonly clock: Clock },
): void {
  const { gpus } = deps;
  const hardware = new Hardware(deps.storeDirectory, deps.clock);
  router.implement('listGpus', async (_request, { signal }) => {
    const { driver } = gpus.snapshot();
    // A missing driver is looked for whenever somebody asks; whatever else is wrong is tried again by itself.
    if (driver.state === 'absent')
      await gpus.refresh(AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)])).catch(() => undefined);
    return gpus.snapshot();
  });
  router.implement('getGpuHistory', ({ params, query }) => {
    const { uuid } = params;
    const { resolutionMs, samples } = gpus.samples(uuid, query.window);
    if (samples.length === 0 && !gpus.snapshot().gpus.some((gpu) => gpu.uuid === uuid))
      throw new AppError('not_found', `There is no GPU ${uuid}.`, {
        hint: 'modelops gpus list names those that there are.',
      });
    return {
      uuid,
      window: query.window,
      resolution_ms: resolutionMs,
      samples,
      events: gpus.events(uuid, query.window),
    };
  });
  router.implement('getHardware', async (_request, { signal }) => ({
    hardware: await hardware.read(signal),
  }));
}
