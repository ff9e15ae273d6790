import {
  AppError,
  errorBody,
  toAppError,
  type BulkAction,
  type ErrorBody,
  type VisibilityScope,
} from '../../shared/contract/index.ts';
import type { BlobStore, Leavings } from '../artifacts/index.ts';
import type { Assignments } from './assignments.ts';
import type { Actor, ModelLifecycle } from './lifecycle.ts';
import type { CatalogPorts } from './ports.ts';

export interface BulkRequest {
  readonly action: BulkAction;
  readonly ids: readonly string[];
  readonly note?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility_scope?: VisibilityScope | undefined;
  readonly keep_files: boolean;
}

export interface BulkResult {
  readonly id: string;
  readonly ok: boolean;
  readonly error: ErrorBody | null;
}

interface BulkDeps {
  readonly lifecycle: ModelLifecycle;
  readonly assignments: Assignments;
  readonly blobs: BlobStore;
  readonly ports: CatalogPorts;
}

type Step = (id: string) => Promise<unknown>;

/** The fields that each action cannot do without. */
const NEEDED: Partial<Record<BulkAction, 'tags' | 'visibility_scope'>> = {
  tag: 'tags',
  untag: 'tags',
  set_visibility: 'visibility_scope',
};

/**
 * One action on many models. Each is a change of its own that succeeds or is refused for itself; all that are made at
 * once wait for the disk once.
 * @throws {AppError} `invalid_argument` when the request lacks what its action needs.
 */
export async function runBulk(deps: BulkDeps, request: BulkRequest, actor: Actor): Promise<BulkResult[]> {
  assertComplete(request);
  const left: Leavings[] = [];
  const step = stepOf(deps, request, actor, left);
  const ids = [...new Set(request.ids)];
  // A check asks files and providers; the others are a transaction each.
  const results =
    request.action === 'check'
      ? await oneByOne(ids, step)
      : await Promise.all(ids.map((id) => attempt(id, step)));
  if (left.length > 0) await deps.blobs.collect(left);
  return results;
}

function stepOf(
  { lifecycle, assignments, ports }: BulkDeps,
  request: BulkRequest,
  actor: Actor,
  left: Leavings[],
): Step {
  const { tags = [], note, visibility_scope: scope, keep_files: keepFiles } = request;
  switch (request.action) {
    case 'register':
      return (id) => lifecycle.register(id, actor);
    case 'activate':
      return (id) => lifecycle.activate(id, actor);
    case 'deactivate':
      return (id) => lifecycle.deactivate(id, actor, { note });
    case 'unregister':
      return (id) => lifecycle.unregister(id, actor);
    case 'delete':
      return async (id) => {
        const gone = await lifecycle.bury(id, actor, keepFiles);
        if (gone !== null) left.push(gone);
      };
    case 'check':
      return (id) => ports.checks.check(id, actor);
    case 'tag':
      return (id) => lifecycle.retag(id, actor, { add: tags });
    case 'untag':
      return (id) => lifecycle.retag(id, actor, { remove: tags });
    case 'set_visibility':
      return (id) => assignments.put(id, actor, { visibility_scope: scope ?? 'private' }, null);
  }
}

function assertComplete(request: BulkRequest): void {
  const needed = NEEDED[request.action];
  const given = (['tags', 'visibility_scope', 'note'] as const).filter(
    (field) => request[field] !== undefined,
  );
  const extra = given.filter((field) => field !== (request.action === 'deactivate' ? 'note' : needed));
  if (needed !== undefined && request[needed] === undefined)
    throw new AppError('invalid_argument', `The action ${request.action} needs ${needed}.`, {
      details: { fields: [needed] },
    });
  if (extra.length > 0)
    throw new AppError('invalid_argument', `The action ${request.action} takes no ${extra.join(', ')}.`, {
      details: { fields: extra },
    });
}

async function attempt(id: string, step: Step): Promise<BulkResult> {
  try {
    await step(id);
    return { id, ok: true, error: null };
  } catch (thrown) {
    return { id, ok: false, error: errorBody(toAppError(thrown)) };
  }
}

async function oneByOne(ids: readonly string[], step: Step): Promise<BulkResult[]> {
  const results: BulkResult[] = [];
  for (const id of ids) results.push(await attempt(id, step));
  return results;
}
