import { z } from 'zod';
import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { ModelLifecycle, ModelStore, ModelView } from '../catalog/index.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import { toTestRun, toValidation, type HistoryStore } from './test-store.ts';
import type { Validations } from './validation.ts';

const SeqCursor = z.tuple([z.int()]);

export function validationRoutes(
  router: Router<Endpoints>,
  deps: {
    validations: Validations;
    history: HistoryStore;
    lifecycle: ModelLifecycle;
    models: ModelStore;
    view: ModelView;
  },
): void {
  const { validations, history, lifecycle, models, view } = deps;

  router.implement('testModel', async ({ params, body }, { caller, signal }) => {
    const run = await validations.test(
      params.id,
      { inputs: body.inputs, slotId: body.slot_id },
      caller,
      signal,
    );
    return { model: view.detail(models.get(params.id), caller), test_run: run, result: run.result };
  });
  router.implement('validateModel', async ({ params, body }, { caller, ifMatch }) => {
    const validation = await validations.validate(params.id, body.test_run_id, caller, ifMatch);
    return { model: view.detail(models.get(params.id), caller), validation };
  });
  router.implement('listTestRuns', ({ params, query }, { caller }) => {
    lifecycle.visible(params.id, caller);
    const before = decodeCursor(query.cursor, SeqCursor)?.[0] ?? null;
    const { rows, next } = pageOf(history.testRuns(params.id, before, query.limit + 1), query.limit);
    return { tests: rows.map(toTestRun), next_cursor: next === null ? null : encodeCursor([next.seq]) };
  });
  router.implement('listValidations', ({ params, query }, { caller }) => {
    lifecycle.visible(params.id, caller);
    const before = decodeCursor(query.cursor, SeqCursor)?.[0] ?? null;
    const { rows, next } = pageOf(history.validations(params.id, before, query.limit + 1), query.limit);
    return {
      validations: rows.map(toValidation),
      next_cursor: next === null ? null : encodeCursor([next.seq]),
    };
  });
  router.implement('listTestRuntimes', ({ params }, { caller }) => {
    const { runtimes, defaultSlotId } = validations.runtimesFor(params.id, caller);
    return { model_id: params.id, runtimes, default_slot_id: defaultSlotId };
  });
}
