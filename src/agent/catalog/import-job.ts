import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { NameSchema, TaskKeySchema, type Category, type Job } from '../../shared/contract/index.ts';
import {
  assertSpace,
  inspectSource,
  stampOf,
  type BlobStore,
  type ImportSource,
} from '../artifacts/index.ts';
import { fsError } from '../kernel/files.ts';
import type { JobContext, JobKind, JobRunner } from '../kernel/jobs/job-runner.ts';
import { assertCategory } from './category.ts';
import { canonicalJson } from './fingerprint.ts';
import type { ModelLifecycle } from './lifecycle.ts';
import type { ModelStore } from './model-store.ts';
import { contentIdOf, type Publisher, type StoredFile } from './publish.ts';
import { RateMeter } from './rate-meter.ts';
import { contentHexOf } from './version-store.ts';

export const ImportPayload = z.strictObject({
  path: z.string(),
  name: NameSchema,
  id: NameSchema.nullable(),
  label: z.string().nullable(),
  task_key: TaskKeySchema.nullable(),
  description: z.string(),
  register: z.boolean(),
  link: z.boolean(),
  is_sample: z.boolean(),
});
export type ImportRequest = z.infer<typeof ImportPayload>;

/** Files of this import that are in the store already, with what the source looked like. */
const Checkpoint = z.record(z.string(), z.object({ sha256: z.string(), stamp: z.string() }));
type Checkpoint = z.infer<typeof Checkpoint>;

export interface ImportDeps {
  readonly blobs: BlobStore;
  readonly publisher: Publisher;
  readonly models: ModelStore;
  readonly lifecycle: ModelLifecycle;
  readonly jobs: JobRunner;
}

/**
 * Asks for an import. What can be known at once is refused at once; a request that is running already is joined.
 * @throws {AppError} what `inspectSource` says, `already_exists`, `resource_exhausted`.
 */
export async function startImport(
  deps: ImportDeps,
  request: Omit<ImportRequest, 'name'> & { name: string | null },
  actorId: string | null,
  signal: AbortSignal,
  category?: Category,
): Promise<Job> {
  const source = await inspectSource(request.path, signal);
  assertCategory(request.task_key ?? source.facts.task_key, category);
  const payload: ImportRequest = { ...request, name: request.name ?? source.name };
  deps.publisher.assertFree(payload);
  if (!payload.link) await assertSpace(deps.blobs.root, 0);
  const { job } = await deps.jobs.enqueue({
    kind: 'import',
    payload,
    subject: null,
    title: `Import ${payload.name}`,
    dedupeKey: `import:${canonicalJson(payload)}`,
    createdBy: actorId,
  });
  return job;
}

/** Bytes of a path into the store, then a version and a managed model. Goes on after a crash. */
export function importJob(deps: ImportDeps): JobKind<ImportRequest> {
  return {
    kind: 'import',
    payload: ImportPayload,
    concurrency: 1,
    resumable: true,
    run: (context) => runImport(deps, context),
    cleanUp: async (payload) => {
      const source = await inspectSource(payload.path, AbortSignal.timeout(10_000)).catch(() => null);
      // What the source no longer tells is found by age at the next start.
      for (const file of source?.files ?? [{ path: payload.path }]) await deps.blobs.discard(file.path);
      await deps.blobs.collect();
    },
    // These pass; the same import given again goes on from what is kept.
    keepAfter: (error) =>
      error.code === 'resource_exhausted' ||
      error.code === 'storage_unavailable' ||
      error.code === 'not_found',
  };
}

async function runImport(
  deps: ImportDeps,
  context: JobContext<ImportRequest>,
): Promise<Record<string, unknown>> {
  const { payload, signal } = context;
  context.report({ phase: 'inspecting' });
  const source = await inspectSource(payload.path, signal);
  using adoption = deps.blobs.adoption();
  const files = await adoptAll(adoption, source, context);
  context.report({ phase: 'publishing', bytes_done: source.sizeBytes, bytes_total: source.sizeBytes });
  const contentId = contentIdOf(files);
  await adoption.linkModel(contentHexOf(contentId), files);
  const published = await deps.publisher.publish({
    name: payload.name,
    id: payload.id,
    label: payload.label,
    taskKey: payload.task_key ?? source.facts.task_key,
    description: payload.description,
    source: payload.is_sample ? 'sample' : 'import',
    sourceId: null,
    facts: source.facts,
    files,
    contentId,
    register: payload.register,
    isSample: payload.is_sample,
    actorId: context.actorId,
  });
  const { already_present: present, ...result } = published;
  // The bytes of an older import may have been replaced by these.
  for (const id of deps.models.idsOfContent(contentId)) await deps.lifecycle.observeArtifact(id);
  return present ? { ...result, already_present: true } : result;
}

async function adoptAll(
  adoption: ReturnType<BlobStore['adoption']>,
  source: ImportSource,
  context: JobContext<ImportRequest>,
): Promise<StoredFile[]> {
  const { payload, signal } = context;
  const done: Checkpoint = Checkpoint.safeParse(context.checkpoint).data ?? {};
  const meter = new RateMeter();
  const stored: StoredFile[] = [];
  let before = 0;
  for (const file of source.files) {
    const report = (bytes: number): void =>
      context.report({
        phase: payload.link ? 'hashing' : 'copying',
        bytes_done: before + bytes,
        bytes_total: source.sizeBytes,
        ...meter.sample(before + bytes, source.sizeBytes),
      });
    const stamp = await stampText(file.path);
    const known = done[file.name];
    const reusable = known !== undefined && known.stamp === stamp && (await adoption.keep(known.sha256));
    const sha256 = reusable
      ? known.sha256
      : (await adoption.adopt({ source: file.path, link: payload.link, signal, onProgress: report })).sha256;
    done[file.name] = { sha256, stamp };
    if (!reusable && source.files.length > 1) await context.saveCheckpoint(done);
    stored.push({ path: file.name, sha256, size: file.size, counted: file.counted });
    before += file.size;
    report(0);
  }
  return stored;
}

async function stampText(path: string): Promise<string> {
  try {
    return canonicalJson(stampOf(await stat(path, { bigint: true })));
  } catch (error) {
    throw fsError(error, path);
  }
}
