import { link, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError, type Job } from '../../../shared/contract/index.ts';
import { canonicalJson, RateMeter } from '../../catalog/index.ts';
import { exists, fsyncDirectory, translateFs } from '../../kernel/files.ts';
import { newId } from '../../kernel/ids.ts';
import type { JobContext, JobKind } from '../../kernel/jobs/job-runner.ts';
import { namesToSave, type ImageDesk } from './image-desk.ts';
import type { ImageJobDeps } from './job-deps.ts';
import { familiar } from './references.ts';

const ExportPayload = z.strictObject({ references: z.array(z.string()), path: z.string() });
type ExportPayload = z.infer<typeof ExportPayload>;
/** The unfinished file, so that a later run or a cancel removes it. */
const ExportCheckpoint = z.object({ part: z.string() });

/** Kept free beside an archive: directories, and what other programs write meanwhile. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** @throws {AppError} `image_missing`, `already_exists`, `not_found`, `permission_denied`, `resource_exhausted`. */
export async function startExport(
  { jobs, desk }: ImageJobDeps,
  request: { readonly references: readonly string[]; readonly path: string },
  actorId: string | null,
  signal: AbortSignal,
): Promise<Job> {
  const references = [...new Set(request.references.map(familiar))].toSorted();
  const found = await desk.require(references, signal);
  const payload: ExportPayload = { references, path: request.path };
  const dedupeKey = `image_export:${canonicalJson(payload)}`;
  await assertTarget(request.path, sizeOf(found));
  const { job } = await jobs.enqueue({
    kind: 'image_export',
    payload,
    subject: null,
    title: `Export ${references.length === 1 ? (references[0] ?? '') : `${references.length} images`} to ${basename(request.path)}`,
    dedupeKey,
    createdBy: actorId,
  });
  return job;
}

/** Written beside its name and named when it is whole and durable; an interrupted one begins again. */
export function imageExportJob(deps: ImageJobDeps): JobKind<ExportPayload> {
  return {
    kind: 'image_export',
    payload: ExportPayload,
    concurrency: 1,
    resumable: true,
    run: async (context) => {
      const { payload, signal } = context;
      const { path } = payload;
      const left = ExportCheckpoint.safeParse(context.checkpoint).data;
      if (left !== undefined) await rm(left.part, { force: true });
      const found = await deps.desk.require(payload.references, signal);
      await assertTarget(path, sizeOf(found));
      const part = join(dirname(path), `.${basename(path)}.${context.jobId}.part`);
      await context.saveCheckpoint({ part });
      const written = await translateFs(path, () => write(deps, context, part, found));
      const images = await deps.desk.record('exported', found, context.actorId);
      return { path, ...written, images };
    },
    cleanUp: async (_payload, checkpoint) => {
      const left = ExportCheckpoint.safeParse(checkpoint).data;
      if (left !== undefined) await rm(left.part, { force: true });
    },
  };
}

async function write(
  { engine }: ImageJobDeps,
  context: JobContext<ExportPayload>,
  part: string,
  found: Awaited<ReturnType<ImageDesk['require']>>,
): Promise<{ size_bytes: number }> {
  const { payload, signal } = context;
  const expected = sizeOf(found);
  const meter = new RateMeter();
  let done = 0;
  context.report({ phase: 'exporting', bytes_done: 0, bytes_total: expected });
  const file = await open(part, 'wx', 0o644);
  try {
    const stream = await engine.save(namesToSave(found), signal);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      await file.writeFile(chunk);
      done += chunk.length;
      const total = Math.max(expected, done);
      context.report({
        phase: 'exporting',
        bytes_done: done,
        bytes_total: total,
        ...meter.sample(done, total),
      });
    }
    signal.throwIfAborted();
    context.report({ phase: 'publishing', bytes_done: done, bytes_total: done });
    await file.sync();
  } finally {
    await file.close();
  }
  await giveName(part, payload.path);
  return { size_bytes: done };
}

/** Never over a file that came meanwhile. File systems of sticks know no hard links; there it is looked once more. */
async function giveName(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
    await rm(part);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (await exists(path))) throw taken(path, error);
    await rename(part, path);
  }
  await fsyncDirectory(dirname(path));
}

async function assertTarget(path: string, bytes: number): Promise<void> {
  await translateFs(path, async () => {
    if (await exists(path)) throw taken(path);
  });
  const directory = dirname(path);
  await translateFs(directory, async () => {
    const info = await stat(directory);
    if (!info.isDirectory()) throw new AppError('not_found', `${directory} is no directory.`);
    // The only way to know that it may be written to is to do it.
    const probe = join(directory, `.modelops-${newId()}.part`);
    await (await open(probe, 'wx', 0o600)).close();
    await rm(probe);
    const { bavail, bsize } = await statfs(directory);
    const free = bavail * bsize;
    if (free >= bytes + SPARE_BYTES) return;
    throw new AppError(
      'resource_exhausted',
      `The archive takes about ${gib(bytes)} GiB; ${gib(free)} are free in ${directory}.`,
      {
        hint: 'Choose another directory, or export fewer images at once.',
        details: { needed_bytes: bytes + SPARE_BYTES, free_bytes: free },
      },
    );
  });
}

function taken(path: string, cause?: unknown): AppError {
  return new AppError('already_exists', `There is something at ${path} already.`, {
    hint: 'Choose another name; nothing is overwritten.',
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

function sizeOf(found: Awaited<ReturnType<ImageDesk['require']>>): number {
  const sizes = new Map(found.map(({ image }) => [image.id, image.sizeBytes]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
