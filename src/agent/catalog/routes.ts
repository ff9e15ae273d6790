import { statfs } from 'node:fs/promises';
import { z } from 'zod';
import {
  AppError,
  tasksOf,
  type Capability,
  type Endpoints,
  type TaskKey,
} from '../../shared/contract/index.ts';
import { MODEL_EDIT_ROLE, type RoleRule } from '../../shared/lifecycle/index.ts';
import type { Caller } from '../../server/context.ts';
import type { Router } from '../../server/router.ts';
import { assertMay, type Viewer } from '../access/index.ts';
import { inspectSource, type BlobStore } from '../artifacts/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { Database } from '../kernel/database/database.ts';
import type { JobRunner } from '../kernel/jobs/job-runner.ts';
import type { Journal } from '../kernel/journal.ts';
import type { RuntimeProfile } from '../kernel/profile.ts';
import type { Assignments } from './assignments.ts';
import { runBulk } from './bulk.ts';
import type { CloudModels } from './cloud-models.ts';
import { effectsOf } from './effects.ts';
import type { FactsReader } from './facts.ts';
import { familyRoutes, type FamilyRouteDeps } from './family-routes.ts';
import { startImport } from './import-job.ts';
import type { ModelLifecycle } from './lifecycle.ts';
import { sendModelFile } from './model-file.ts';
import type { ModelIndex } from './model-index.ts';
import type { ModelRow } from './model-row.ts';
import type { ModelSort, ModelStore } from './model-store.ts';
import type { ModelView } from './model-view.ts';
import type { CatalogPorts } from './ports.ts';
import type { Publisher } from './publish.ts';
import { requiredRev } from './required-rev.ts';
import { startSample } from './sample/sample.ts';
import { savedViewRoutes } from './saved-views.ts';
import type { VersionStore } from './version-store.ts';

export interface CatalogRouteDeps extends FamilyRouteDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly index: ModelIndex;
  readonly assignments: Assignments;
  readonly models: ModelStore;
  readonly versions: VersionStore;
  readonly lifecycle: ModelLifecycle;
  readonly view: ModelView;
  readonly facts: FactsReader;
  readonly publisher: Publisher;
  readonly cloud: CloudModels;
  readonly jobs: JobRunner;
  readonly blobs: BlobStore;
  readonly ports: CatalogPorts;
  readonly profile: RuntimeProfile;
  readonly sampleDirectory: string;
}

const PREVIEW_ROLE = { role: 'admin', owner: 'user' } as const satisfies RoleRule;

/** The sort key of the last row of a page, by sort. */
const CURSORS = {
  name: z.tuple([z.string(), z.int(), z.string()]),
  created: z.tuple([z.int()]),
  updated: z.tuple([z.int(), z.int()]),
} as const satisfies Record<ModelSort, z.ZodType>;

export function catalogRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  listRoutes(router, deps);
  importRoutes(router, deps);
  editRoutes(router, deps);
  lifecycleRoutes(router, deps);
  familyRoutes(router, deps);
  savedViewRoutes(router, deps);
}

function listRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  const { models, view, facts, lifecycle, profile, index, versions } = deps;
  router.implement('listModels', async ({ query }, { caller }) => {
    const { limit, cursor, sort, eligible, include, name, capability, task_key: tasks, ...rest } = query;
    const family = name === undefined ? undefined : (versions.family(name)?.id ?? -1);
    const filter = {
      ...rest,
      familyId: family,
      task_key: tasksFor(tasks, capability),
      usable: eligible,
      ...(eligible === true && profile.current === 'offline' ? localOnly(rest.hosting) : {}),
    };
    const from = decodeCursor<(string | number)[]>(cursor, CURSORS[sort]);
    const { rowids, counts } = await index.list(caller, filter, sort, from, limit + 1);
    const { rows, next } = pageOf(models.byRowids(rowids), limit);
    // The index holds the cheap part of the rule; the rule itself has the last word.
    const shown =
      eligible === true ? rows.filter((row) => facts.eligibility(row, caller, 'bind').eligible) : rows;
    return {
      models: view.list(shown, caller, include),
      next_cursor: next === null ? null : encodeCursor(keyOf(next, sort)),
      counts,
    };
  });
  router.implement('getModel', ({ params, query }, { caller }) => {
    const row = lifecycle.visible(params.id, caller);
    return {
      model: view.detail(row, caller, query.for === undefined ? caller : someoneElse(query.for, caller)),
    };
  });
  router.implementRaw('getModelFile', async ({ params }, context) =>
    sendModelFile(deps, { id: params.id, path: params['*'] }, context),
  );

  function someoneElse(idOrName: string, caller: Caller): Viewer {
    if (idOrName === caller.principalId || idOrName === caller.principalName) return caller;
    if (caller.role !== 'superadmin')
      throw new AppError('forbidden', 'Only a superadmin sees what is missing for somebody else.', {
        hint: 'Leave `for` out to see what is missing for you.',
      });
    const found = deps.ports.principals.find(idOrName);
    if (found !== null) return found;
    throw new AppError('not_found', `There is no person or service ${idOrName}.`, {
      details: { fields: ['for'] },
    });
  }
}

function keyOf(row: ModelRow, sort: ModelSort): (string | number)[] {
  switch (sort) {
    case 'name':
      return [row.name, row.seq, row.id];
    case 'created':
      return [row.row_id];
    case 'updated':
      return [row.updated_at, row.row_id];
  }
}

/** Offline, what runs elsewhere is not eligible; asked for alone, nothing is. */
function localOnly(hosting: 'local' | 'cloud' | undefined): { hosting: 'local'; familyId?: number } {
  return hosting === 'cloud' ? { hosting: 'local', familyId: -1 } : { hosting: 'local' };
}

/** The tasks of a list that asks by task, by capability, or by both. */
function tasksFor(
  tasks: readonly TaskKey[] | undefined,
  capability: Capability | undefined,
): readonly TaskKey[] | undefined {
  if (capability === undefined) return tasks;
  const able = tasksOf(capability);
  return tasks === undefined ? able : able.filter((task) => tasks.includes(task));
}

function importRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  const { cloud, models, view } = deps;
  router.implement('createModel', async ({ body }, { caller, signal }) => {
    if (body.backend === 'external_api') {
      const { modelId, alreadyPresent } = await cloud.add(body, caller);
      const model = view.detail(models.get(modelId), caller);
      return alreadyPresent ? { model, already_present: true } : { model };
    }
    // The route is open to users for their cloud models; files of this machine are not theirs to name.
    assertMay(caller, { role: 'superadmin' }, null);
    const { backend: _backend, ...rest } = body;
    const request = {
      path: rest.path,
      name: rest.name ?? null,
      id: rest.id ?? null,
      label: rest.label ?? null,
      task_key: rest.task_key ?? null,
      description: rest.description ?? '',
      register: rest.register,
      link: rest.link,
      is_sample: false,
    };
    return { job: await startImport(deps, request, caller.principalId, signal, body.category) };
  });
  router.implement('inspectPath', async ({ body }, { signal }) => {
    const source = await inspectSource(body.path, signal);
    const { bavail, bsize } = await statfs(deps.blobs.root);
    const { facts } = source;
    return {
      path: source.path,
      name: source.name,
      format: facts.format,
      task_key: facts.task_key,
      size_bytes: source.sizeBytes,
      architecture: facts.architecture,
      parameter_count: facts.parameter_count,
      quantization: facts.quantization,
      context_length: facts.context_length,
      has_chat_template: facts.has_chat_template,
      file_count: source.files.length,
      free_bytes: bavail * bsize,
    };
  });
  router.implement('createSample', async (_request, { caller, signal }) => ({
    job: await startSample(deps, deps.sampleDirectory, caller.principalId, signal),
  }));
}

/** Changes of what a model says and who sees it, and of many at once. */
function editRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  const { models, lifecycle, view, assignments } = deps;
  router.implement('patchModel', async ({ params, body }, { caller, ifMatch }) => {
    lifecycle.permitted(params.id, caller, MODEL_EDIT_ROLE);
    await lifecycle.patch(params.id, caller, requiredRev(ifMatch), body);
    return { model: view.detail(models.get(params.id), caller) };
  });
  router.implement('putVisibility', async ({ params, body }, { caller, ifMatch }) => {
    await assignments.put(params.id, caller, body, ifMatch);
    return { model: view.detail(models.get(params.id), caller) };
  });
  router.implement('bulkModels', async ({ body }, { caller }) => {
    const results = await runBulk(deps, body, caller);
    const succeeded = results.filter((result) => result.ok).length;
    return { results, succeeded, refused: results.length - succeeded };
  });
  router.implement('deleteModel', async ({ params, query }, { caller, ifMatch }) => {
    const freed = await lifecycle.delete(params.id, caller, query.keep_files, { ifMatch });
    return { deleted: true as const, model_id: params.id, freed_bytes: freed };
  });
}

function lifecycleRoutes(
  router: Router<Endpoints>,
  { models, versions, lifecycle, view, ports }: CatalogRouteDeps,
): void {
  const answer = (id: string, caller: Viewer) => ({
    model: view.detail(models.get(id), caller),
  });

  router.implement('registerModel', async ({ params }, { caller, ifMatch }) => {
    await lifecycle.register(params.id, caller, { ifMatch });
    return answer(params.id, caller);
  });
  router.implement('activateModel', async ({ params }, { caller, ifMatch }) => {
    await lifecycle.activate(params.id, caller, { ifMatch });
    return answer(params.id, caller);
  });
  router.implement('deactivateModel', async ({ params, body }, { caller, ifMatch }) => {
    await lifecycle.deactivate(params.id, caller, { ifMatch, note: body?.note });
    return answer(params.id, caller);
  });
  router.implement('unregisterModel', async ({ params }, { caller, ifMatch }) => {
    await lifecycle.unregister(params.id, caller, { ifMatch });
    return answer(params.id, caller);
  });
  router.implement('previewEffects', ({ params, body }, { caller }) => {
    const row = lifecycle.permitted(params.id, caller, PREVIEW_ROLE);
    const effects = effectsOf(body.action, {
      id: row.id,
      hosting: row.hosting,
      loadedIn: ports.slots.loadedIn(row.id).map((slot) => slot.slot_id),
      bindings: ports.bindings.bindingsOf(row.id),
      validationCurrent: row.validation_current === 1,
      sizeBytes: row.size_bytes,
      uniqueBytes: versions.uniqueBytes(row.version_id),
      source: row.source,
    });
    return { effects };
  });
}
