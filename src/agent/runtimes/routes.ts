import { z } from 'zod';
import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import { toIsoOrNull, type Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { RuntimeDriver } from './drivers/driver.ts';
import type { EngineMetrics } from './metrics/engine-metrics.ts';
import { renderContainer } from './render.ts';
import { listRuntimes } from './runtime-list.ts';
import type { Slots } from './slots/slots.ts';
import { parseSpec, type SpecRegistry } from './specs/spec-registry.ts';

const SlotCursor = z.tuple([z.string()]);

export function runtimeRoutes(
  router: Router<Endpoints>,
  deps: {
    slots: Slots;
    metrics: EngineMetrics;
    specs: SpecRegistry;
    drivers: ReadonlyMap<string, RuntimeDriver>;
    clock: Clock;
    render: Parameters<typeof renderContainer>[0];
  },
): void {
  const { slots, specs, metrics } = deps;

  router.implement('listRuntimes', async (_request, { signal }) => ({
    runtimes: await listRuntimes(deps, signal),
    problems: [...specs.problems],
  }));
  router.implement('renderRuntime', async ({ params, body }, { caller, signal }) => ({
    container: await renderContainer(deps.render, params.id, body, caller, signal),
  }));
  router.implement('validateRuntime', ({ body }) => {
    const result = parseSpec(body.yaml, 'spec.yaml');
    return 'spec' in result ? { id: result.spec.id, problems: [] } : { id: null, problems: result.problems };
  });
  router.implement('listSlots', ({ query }) => {
    const after = decodeCursor(query.cursor, SlotCursor)?.[0] ?? '';
    const { rows, next } = pageOf(
      slots.list().filter((slot) => slot.id > after),
      query.limit,
    );
    return { slots: rows, next_cursor: next === null ? null : encodeCursor([next.id]) };
  });
  router.implement('getSlot', ({ params }) => ({ slot: slots.get(params.id) }));
  router.implement('createSlot', async ({ body }, { caller }) => ({
    slot: await slots.create(body, caller),
  }));
  router.implement('patchSlot', async ({ params, body }, { caller, ifMatch }) => ({
    slot: await slots.patch(params.id, body, caller, ifMatch),
  }));
  router.implement('deleteSlot', async ({ params }, { caller }) => {
    await slots.delete(params.id, caller);
    return { deleted: true as const, slot_id: params.id };
  });
  router.implement('loadSlot', async ({ params, body }, { caller }) => ({
    slot: await slots.load(params.id, body.managed_model_id, caller, body.override),
  }));
  router.implement('unloadSlot', async ({ params, query }, { caller }) => ({
    slot: await slots.unload(params.id, caller, query.now),
  }));
  router.implement('restartSlot', async ({ params, query }, { caller }) => ({
    slot: await slots.restart(params.id, caller, query.override),
  }));
  router.implement('previewSlotEffects', async ({ params, body }, { signal }) => ({
    effects: await slots.effects(params.id, body, signal),
  }));
  router.implement('getSlotTelemetry', ({ params }) => ({
    slot_id: slots.get(params.id).id,
    samples: [...metrics.samples(slots.endpointOf(params.id))],
  }));
  router.implement('getSlotLogs', async ({ params, query }) => {
    const { lines, ...log } = await slots.logs(params.id, query);
    return {
      slot_id: params.id,
      ...log,
      lines: lines.map(({ line, at, stream, text }) => ({ line, at: toIsoOrNull(at), stream, text })),
    };
  });
}
