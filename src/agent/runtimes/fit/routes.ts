import type { Endpoints } from '../../../shared/contract/index.ts';
import type { Router } from '../../../server/router.ts';
import type { ModelLifecycle } from '../../catalog/index.ts';
import { slotMismatch } from '../slots/launcher.ts';
import type { SlotStore } from '../slots/slot-store.ts';
import { AppError } from '../../../shared/contract/index.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { MemoryFit } from './memory-fit.ts';

/** Whether a model would fit into a slot, asked before anybody loads it. */
export function fitRoutes(
  router: Router<Endpoints>,
  deps: { fit: MemoryFit; lifecycle: ModelLifecycle; slots: SlotStore; specs: SpecRegistry },
): void {
  const { fit, lifecycle, slots, specs } = deps;
  router.implement('fitSlot', ({ params, body }, { caller, signal }) => {
    const slot = slots.get(params.id);
    const model = lifecycle.visible(body.managed_model_id, caller);
    const mismatch = slotMismatch(specs.get(slot.runtime_spec), slot, model);
    if (mismatch !== null)
      throw new AppError('unsupported_format', mismatch.message, { details: mismatch.details });
    const asked = {
      ...slot,
      config: body.config ?? slot.config,
      gpu_ids: body.gpu_ids ?? slot.gpu_ids,
    };
    return fit.answer(asked, model, signal);
  });
}
