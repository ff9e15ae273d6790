import { statfs } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, type Endpoints } from '../../shared/contract/index.ts';
import { eligibility } from '../../shared/lifecycle/index.ts';
import type { Router } from '../../server/router.ts';
import { assertMay } from '../access/index.ts';
import { inspectSource, type BlobStore } from '../artifacts/index.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import type { JobRunner } from '../kernel/jobs/job-runner.ts';
import type { RuntimeProfile } from '../kernel/profile.ts';
import type { CloudModels } from './cloud-models.ts';
import { effectsOf } from './effects.ts';
import type { FactsReader } from './facts.ts';
import { startImport } from './import-job.ts';
import type { ModelLifecycle } from './lifecycle.ts';
import type { ModelStore } from './model-store.ts';
import type { ModelView } from './model-view.ts';
import type { CatalogPorts } from './ports.ts';
import type { Publisher } from './publish.ts';
import { startSample } from './sample/sample.ts';
import type { VersionStore } from './version-store.ts';

export interface CatalogRouteDeps {
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

const NameCursor = z.tuple([z.string(), z.int(), z.string()]);
const CreatedCursor = z.tuple([z.int(), z.string()]);

export function catalogRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  listRoutes(router, deps);
  importRoutes(router, deps);
  lifecycleRoutes(router, deps);
}

function listRoutes(
  router: Router<Endpoints>,
  { models, view, facts, lifecycle, profile }: CatalogRouteDeps,
): void {
  router.implement('listModels', ({ query }, { caller }) => {
    const { limit, cursor, sort, eligible, ...rest } = query;
    const filter = {
      ...rest,
      usable: eligible,
      localOnly: eligible === true && profile.current === 'offline',
    };
    const from = decodeCursor<(string | number)[]>(cursor, sort === 'name' ? NameCursor : CreatedCursor);
    const { rows, next } = pageOf(models.list(caller, filter, sort, from, limit + 1), limit);
    // The condition in SQL is the cheap part of the rule; the rule itself has the last word.
    const shown =
      eligible === true
        ? rows.filter((row) => eligibility(facts.eligibilityFacts(row, caller), 'bind').eligible)
        : rows;
    const key =
      next === null ? null : sort === 'name' ? [next.name, next.seq, next.id] : [next.created_at, next.id];
    return {
      models: view.list(shown, caller),
      next_cursor: key === null ? null : encodeCursor(key),
      counts: models.counts(caller, filter),
    };
  });
  router.implement('getModel', ({ params }, { caller }) => ({
    model: view.detail(lifecycle.visible(params.id, caller), caller),
  }));
}

function importRoutes(router: Router<Endpoints>, deps: CatalogRouteDeps): void {
  const { cloud, models, view } = deps;
  router.implement('createModel', async ({ body }, { caller, signal }) => {
    if (body.backend === 'external_api') {
      const { modelId, alreadyPresent } = await cloud.add(body, caller);
      const model = view.detail(models.get(modelId), caller);
      return alreadyPresent ? { model, already_present: true } : { model };
    }
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
    return { job: await startImport(deps, request, caller.principalId, signal) };
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

function lifecycleRoutes(
  router: Router<Endpoints>,
  { models, versions, lifecycle, view, ports }: CatalogRouteDeps,
): void {
  const answer = (id: string, caller: Parameters<ModelView['detail']>[1]) => ({
    model: view.detail(models.get(id), caller),
  });

  router.implement('patchModel', async ({ params, body }, { caller, ifMatch }) => {
    if (ifMatch === null) {
      throw new AppError('invalid_argument', 'Say which rev you change with If-Match.', {
        hint: 'Send the rev you read as If-Match.',
        details: { fields: ['if-match'] },
      });
    }
    await lifecycle.patch(params.id, caller, ifMatch, body);
    return answer(params.id, caller);
  });
  router.implement('deleteModel', async ({ params, query }, { caller, ifMatch }) => {
    const freed = await lifecycle.delete(params.id, caller, query.keep_files, { ifMatch });
    return { deleted: true as const, model_id: params.id, freed_bytes: freed };
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
    const row = lifecycle.visible(params.id, caller);
    assertMay(caller, { role: 'admin', owner: 'user' }, row.owner_user_id);
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
