import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS, type ActionVerdict, type Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone, toastError } from '../../app/toasts.ts';
import { asAppError, call } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { putModelDetail } from '../../data/models.ts';
import { queries } from '../../data/queries.ts';
import { t } from '../../strings/text.ts';
import { modelTitle } from './words.ts';

/** What can be asked of a model, wherever it is asked: header, row menu, palette, single letter, bulk bar. */
export const MODEL_ACTIONS = [
  'register',
  'load',
  'test',
  'validate',
  'activate',
  'deactivate',
  'unregister',
  'delete',
] as const;
export type ModelAction = (typeof MODEL_ACTIONS)[number];

/** Those that mean something now: what is done already is left out, what is only refused stays. Pure. */
export function actionsFor({
  lifecycle_state: state,
  hosting,
}: Pick<Model, 'lifecycle_state' | 'hosting'>): ModelAction[] {
  const unmanaged = state === 'created' || state === 'unregistered';
  return MODEL_ACTIONS.filter((action) => {
    // What runs at a provider is loaded nowhere here.
    if (action === 'load') return hosting === 'local';
    if (action === 'register') return unmanaged;
    if (action === 'unregister') return state !== 'unregistered';
    if (action === 'activate') return state !== 'active';
    return action !== 'deactivate' || state === 'active';
  });
}

/** The agent's verdict on an action; the page derives none of its own. */
export function verdictOf(model: Model, action: ModelAction): ActionVerdict {
  const verdict = model.actions?.[action === 'load' ? 'assign' : action];
  return verdict ?? { ok: false, reason: t('model.actionsUnknown') };
}

/** The reason an action is refused now, or null. */
export function refusalOf(model: Model, action: ModelAction): string | null {
  const verdict = verdictOf(model, action);
  return verdict.ok ? null : (verdict.reason ?? verdict.code ?? '');
}

/** Starts an action: at once where it can be undone, else with its dialog. */
export function runModelAction(model: Model, action: ModelAction): void {
  switch (action) {
    case 'load':
      openDialog({ kind: 'load', modelId: model.id });
      break;
    case 'test':
      navigate(`/models/${model.id}/test`);
      break;
    case 'deactivate':
    case 'unregister':
    case 'delete':
      openDialog({ kind: 'model-action', action, modelId: model.id });
      break;
    case 'register':
    case 'activate':
    case 'validate':
      void doAtOnce(model, action);
      break;
  }
}

async function doAtOnce(model: Model, action: 'register' | 'activate' | 'validate'): Promise<void> {
  try {
    const after = action === 'validate' ? await validateModel(model.id) : await changeModel(model.id, action);
    const isLoaded = after.hosting === 'cloud' || after.loaded_in.length > 0;
    toastDone(
      action === 'activate'
        ? t(isLoaded ? 'model.done.activeNow' : 'model.done.active', { model: modelTitle(after) })
        : t(`model.done.${action}`, { model: modelTitle(after) }),
      { label: t('action.open'), to: `/models/${after.id}` },
    );
  } catch (error) {
    toastError(asAppError(error));
  }
}

const ENDPOINT_OF = {
  register: ENDPOINTS.registerModel,
  activate: ENDPOINTS.activateModel,
  unregister: ENDPOINTS.unregisterModel,
} as const;

/** Makes one change and takes the model as it is afterwards. @throws {AppError} the refusal. */
export async function changeModel(
  id: string,
  action: 'register' | 'activate' | 'deactivate' | 'unregister',
  note?: string,
): Promise<Model> {
  const { model } =
    action === 'deactivate'
      ? await call(ENDPOINTS.deactivateModel, {
          params: { id },
          body: note === undefined || note.trim() === '' ? {} : { note: note.trim() },
        })
      : await call(ENDPOINT_OF[action], { params: { id } });
  putModelDetail(model);
  return model;
}

/** Takes a test run as the validation; without one, the newest that succeeded. @throws {AppError} the refusal. */
export async function validateModel(id: string, testRunId?: string): Promise<Model> {
  const runId = testRunId ?? (await newestSuccess(id));
  const { model } = await call(ENDPOINTS.validateModel, {
    params: { id },
    body: runId === null ? {} : { test_run_id: runId },
  });
  putModelDetail(model);
  return model;
}

async function newestSuccess(id: string): Promise<string | null> {
  const { tests } = await call(ENDPOINTS.listTestRuns, { params: { id }, query: { limit: 50 } });
  return tests.find((test) => test.result === 'success')?.id ?? null;
}

/** Does every missing step as one job. @returns its id. @throws {AppError} the refusal. */
export async function serveModel(
  id: string,
  options: { slot_id?: string; runtime_spec?: string } = {},
): Promise<string> {
  const { job } = await call(ENDPOINTS.serveModel, { params: { id }, body: options });
  liveFeed.putJob(job);
  return job.id;
}

/** @throws {AppError} the refusal. */
export async function deleteModel(id: string): Promise<number> {
  const { freed_bytes: freed } = await call(ENDPOINTS.deleteModel, { params: { id } });
  queries.invalidate(new Set([`model:${id}`]));
  return freed;
}
