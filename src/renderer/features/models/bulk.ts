import {
  AppError,
  ENDPOINTS,
  type BulkAction,
  type EndpointInput,
  type Model,
} from '../../../shared/contract/index.ts';
import type { RequestedAction } from '../../../shared/lifecycle/index.ts';
import { asAppError, call } from '../../data/api.ts';
import { queries } from '../../data/queries.ts';
import { t } from '../../strings/text.ts';

/** What is asked of many models at once, and what came of it. */
export type BulkRequest = Omit<EndpointInput<typeof ENDPOINTS.bulkModels>['body'], 'ids'>;

export interface BulkOutcome {
  readonly request: BulkRequest;
  readonly done: readonly string[];
  readonly refused: readonly { readonly id: string; readonly error: AppError }[];
}

/** As many as the agent takes in one request. */
const CHUNK = 200;

/**
 * Asks for the same of many, in chunks. Each succeeds or is refused for itself; a chunk that is refused as a whole counts
 * for each of its models, and what follows an agent that is gone is not tried.
 * @param onProgress told after each chunk how many were asked
 */
export async function askMany(
  request: BulkRequest,
  ids: readonly string[],
  onProgress: (asked: number) => void,
): Promise<BulkOutcome> {
  const done: string[] = [];
  const refused: { id: string; error: AppError }[] = [];
  let gone: AppError | null = null;
  for (let at = 0; at < ids.length; at += CHUNK) {
    const chunk = ids.slice(at, at + CHUNK);
    if (gone === null) gone = await askChunk(request, chunk, done, refused);
    else for (const id of chunk) refused.push({ id, error: gone });
    onProgress(Math.min(at + CHUNK, ids.length));
  }
  queries.invalidate(new Set(done.map((id) => `model:${id}`)));
  return { request, done, refused };
}

/** @returns the error when the agent did not answer at all */
async function askChunk(
  request: BulkRequest,
  ids: string[],
  done: string[],
  refused: { id: string; error: AppError }[],
): Promise<AppError | null> {
  try {
    const { results } = await call(ENDPOINTS.bulkModels, { body: { ...request, ids } });
    for (const { id, ok, error } of results) {
      if (ok) done.push(id);
      else if (error !== null)
        refused.push({
          id,
          error: new AppError(error.error, error.message, {
            ...(error.hint === undefined ? {} : { hint: error.hint }),
            ...(error.details === undefined ? {} : { details: error.details }),
          }),
        });
    }
    return null;
  } catch (thrown) {
    const error = asAppError(thrown);
    for (const id of ids) refused.push({ id, error });
    return error.code === 'agent_unreachable' ? error : null;
  }
}

/** Bulk actions whose verdict comes with a model. */
const LIFECYCLE: ReadonlySet<BulkAction> = new Set([
  'register',
  'activate',
  'deactivate',
  'unregister',
  'delete',
]);

/** What the agent would say to an action on each of the selection, or null where it would not refuse. Pure. */
export function bulkRefusal(model: Pick<Model, 'actions'>, action: BulkAction): string | null {
  if (!LIFECYCLE.has(action)) return null;
  const verdict = model.actions?.[action as RequestedAction];
  if (verdict === undefined) return t('model.actionsUnknown');
  return verdict.ok ? null : (verdict.reason ?? verdict.code ?? '');
}

/** Refusals by what was said, most frequent first. Pure. */
export function byReason(
  refused: BulkOutcome['refused'],
): { readonly message: string; readonly ids: readonly string[] }[] {
  const reasons = new Map<string, string[]>();
  for (const { id, error } of refused) {
    const known = reasons.get(error.message);
    if (known === undefined) reasons.set(error.message, [id]);
    else known.push(id);
  }
  return [...reasons]
    .map(([message, ids]) => ({ message, ids }))
    .toSorted((a, b) => b.ids.length - a.ids.length);
}
