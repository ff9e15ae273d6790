import { z } from 'zod';
import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { ModelLifecycle, ModelStore, ModelView } from '../catalog/index.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import { toTestRun, toValidation, type HistoryStore } from './history-store.ts';
import type { TestRuns } from './test-runs.ts';
import type { TestRuntimes } from './test-runtimes.ts';
import type { Validations } from './validations.ts';
import type { ValidatorRegistry } from './validators/registry.ts';

const SeqCursor = z.tuple([z.int()]);

export function validationRoutes(
  router: Router<Endpoints>,
  deps: {
    tests: TestRuns;
    runtimes: TestRuntimes;
    validations: Validations;
    validators: ValidatorRegistry;
    history: HistoryStore;
    lifecycle: ModelLifecycle;
    models: ModelStore;
    view: ModelView;
  },
): void {
  const { tests, runtimes, validations, validators, history, lifecycle, models, view } = deps;

  router.implement('testModel', async ({ params, body }, { caller, signal }) => {
    const run = await tests.test(params.id, { inputs: body.inputs, slotId: body.slot_id }, caller, signal);
    return { model: view.detail(models.get(params.id), caller), test_run: run, result: run.result };
  });
  router.implement('validateModel', async ({ params, body }, { caller, ifMatch, signal }) => {
    const request = { testRunId: body.test_run_id, ifMatch };
    const validation = await validations.validate(params.id, request, caller, signal);
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
  router.implement('listTestRuntimes', async ({ params }, { caller, signal }) => {
    const found = await runtimes.of(params.id, caller, signal);
    return { model_id: params.id, runtimes: found.runtimes, default_slot_id: found.defaultSlotId };
  });
  router.implement('checkModel', async ({ params }, { caller, signal }) => ({
    checks: await validations.checks(params.id, caller, signal),
  }));
  router.implement('listValidators', () => ({
    validators: validators.list().map(({ kind, title, description, required, hosting }) => ({
      validator_kind: kind,
      title,
      description,
      required,
      hosting: [...hosting],
    })),
  }));
}
