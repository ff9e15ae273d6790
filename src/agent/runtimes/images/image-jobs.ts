import { arch } from 'node:process';
import { link, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError, type Job } from '../../../shared/contract/index.ts';
import { registryOf, type DockerImages, type EngineProgress } from '../../adapters/docker/index.ts';
import { canonicalJson, RateMeter } from '../../catalog/index.ts';
import type { Egress } from '../../kernel/egress.ts';
import { exists, fsyncDirectory, translateFs } from '../../kernel/files.ts';
import type { JobContext, JobKind, JobRunner } from '../../kernel/jobs/job-runner.ts';
import type { RuntimeProfile } from '../../kernel/profile.ts';
import { archiveError, archiveStream, inspectArchive, sniffArchive, type Archive } from './archive.ts';
import { namesToSave, type BroughtImage, type ImageDesk } from './image-desk.ts';
import { foldLayer, totalOf, type Layers } from './progress.ts';
import { familiar, isImageId } from './references.ts';

/** Pull, import and export of images: each a job, so that it goes on when nobody looks and can be joined and ended. */

const PullPayload = z.strictObject({ reference: z.string() });
const ImportPayload = z.strictObject({ path: z.string() });
const ExportPayload = z.strictObject({ references: z.array(z.string()), path: z.string() });
type PullPayload = z.infer<typeof PullPayload>;
type ImportPayload = z.infer<typeof ImportPayload>;
type ExportPayload = z.infer<typeof ExportPayload>;
const ExportCheckpoint = z.object({ part: z.string() });

export interface ImageJobDeps {
  readonly jobs: JobRunner;
  readonly engine: DockerImages;
  readonly desk: ImageDesk;
  readonly egress: Egress;
  readonly profile: RuntimeProfile;
}

/** Kept free beside an archive: directories, and what other programs write meanwhile. */
const SPARE_BYTES = 64 * 1024 * 1024;
const CHECK_MS = 10_000;
const TELL_MS = 1000;
const STALLED_MS = 30_000;

/** Docker's words for processors are those of Go. */
const ENGINE_ARCH = ({ x64: 'amd64', arm64: 'arm64', ia32: '386' } as Record<string, string>)[arch] ?? arch;

// ---- asking ----------------------------------------------------------------------------------------------------------

/** @throws {AppError} `runtime_profile_blocks_internet` (counted as refused), `runtime_unavailable`, `invalid_argument`. */
export async function startPull(
  { jobs, egress, engine }: ImageJobDeps,
  reference: string,
  actorId: string | null,
  signal: AbortSignal,
): Promise<Job> {
  if (isImageId(reference))
    throw new AppError('invalid_argument', 'An image id names no registry to pull from.', {
      hint: 'Give a name with a tag or a digest, as in repository/name:tag.',
      details: { fields: ['reference'] },
    });
  egress.assertAllowed(pullDestination(reference));
  // An engine that is away is told at once.
  await engine.inspect(reference, signal);
  const payload: PullPayload = { reference: familiar(reference) };
  const { job } = await jobs.enqueue({
    kind: 'image_pull',
    payload,
    subject: null,
    title: `Pull ${payload.reference}`,
    dedupeKey: `image_pull:${canonicalJson(payload)}`,
    createdBy: actorId,
  });
  return job;
}

/** @throws {AppError} `not_found`, `permission_denied`, `unsupported_format`, `runtime_unavailable`. */
export async function startImageImport(
  { jobs, engine }: ImageJobDeps,
  path: string,
  actorId: string | null,
  signal: AbortSignal,
): Promise<Job> {
  await sniffArchive(path, ENGINE_ARCH, AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]));
  await engine.inUse(signal);
  const payload: ImportPayload = { path };
  const { job } = await jobs.enqueue({
    kind: 'image_import',
    payload,
    subject: null,
    title: `Import images of ${basename(path)}`,
    dedupeKey: `image_import:${canonicalJson(payload)}`,
    createdBy: actorId,
  });
  return job;
}

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

// ---- pull ------------------------------------------------------------------------------------------------------------

/**
 * The engine pulls; layers that came stay with it. Going offline ends the pull of the engine and lets the job wait; it
 * goes on when the node is online again.
 */
export function imagePullJob(deps: ImageJobDeps): JobKind<PullPayload> {
  return {
    kind: 'image_pull',
    payload: PullPayload,
    concurrency: 2,
    // The engine does not go on with a pull that nobody waits for; what it has, it does not fetch again.
    resumable: true,
    run: async (context) => {
      const { reference } = context.payload;
      await pullWhileOnline(deps, context);
      const [found] = await deps.desk.require([reference], context.signal);
      if (found === undefined) throw new AppError('image_missing', `${reference} did not come.`);
      context.report({ phase: 'recording' });
      const [brought] = await deps.desk.record('pulled', [found], context.actorId);
      return { ...brought, digests: [...found.image.digests], size_bytes: found.image.sizeBytes };
    },
  };
}

async function pullWhileOnline(
  { engine, egress, profile }: ImageJobDeps,
  context: JobContext<PullPayload>,
): Promise<void> {
  const { signal, payload } = context;
  const destination = pullDestination(payload.reference);
  for (;;) {
    signal.throwIfAborted();
    const wentOffline = new AbortController();
    const stopListening = profile.listen(() => {
      if (!egress.allows(destination)) wentOffline.abort();
    });
    try {
      // Silent while it waits: the job was allowed once, and waits now because a person switched.
      if (egress.allows(destination)) {
        using reporter = pullReporter(context);
        await engine.pull(payload.reference, reporter.on, AbortSignal.any([signal, wentOffline.signal]));
        return;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!wentOffline.signal.aborted) throw error;
    } finally {
      stopListening();
    }
    context.report({ phase: 'paused', reason: 'This node is offline. Layers that came are kept.' });
    await backOnline(profile, signal);
  }
}

/**
 * Tells how far a pull is: at every line of the engine, and every second besides, so that a rate falls to 0 and a
 * silence of half a minute is said when no line comes.
 */
function pullReporter(
  context: JobContext<unknown>,
): Disposable & { readonly on: (event: EngineProgress) => void } {
  let layers: Layers = new Map();
  let heardAt = performance.now();
  const meter = new RateMeter();
  const tell = (): void => {
    const { phase, bytesDone, bytesTotal } = totalOf(layers);
    const silentMs = performance.now() - heardAt;
    const isStalled = silentMs >= STALLED_MS;
    context.report({
      phase: isStalled ? 'stalled' : phase,
      bytes_done: bytesDone,
      bytes_total: bytesTotal,
      ...(bytesTotal === null ? {} : meter.sample(bytesDone, bytesTotal)),
      ...(isStalled ? { reason: `No word from Docker for ${Math.round(silentMs / 1000)} s.` } : {}),
    });
  };
  tell();
  const timer = setInterval(tell, TELL_MS);
  timer.unref();
  return {
    on: (event) => {
      heardAt = performance.now();
      layers = foldLayer(layers, event);
      tell();
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function backOnline(profile: RuntimeProfile, signal: AbortSignal): Promise<void> {
  if (profile.current === 'online') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = profile.listen((now) => {
      if (now === 'online') settle(resolve);
    });
    const settle = (end: () => void): void => {
      stop();
      signal.removeEventListener('abort', aborted);
      end();
    };
    const aborted = (): void => settle(() => reject(signal.reason as Error));
    signal.addEventListener('abort', aborted, { once: true });
  });
}

/** Where the engine will connect to. Docker talks plain http to registries on this machine only. Pure. */
function pullDestination(reference: string): { purpose: 'image_pull'; origin: string } {
  const registry = registryOf(reference);
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?$/.test(registry);
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return { purpose: 'image_pull', origin: `${isLocal ? 'http' : 'https'}://${host}` };
}

// ---- import ----------------------------------------------------------------------------------------------------------

export function imageImportJob(deps: ImageJobDeps): JobKind<ImportPayload> {
  return {
    kind: 'image_import',
    payload: ImportPayload,
    concurrency: 1,
    resumable: true,
    run: async (context) => {
      const { payload, signal } = context;
      const archive = await checkArchive(context);
      const loaded = await load(deps, context, archive);
      const present = await deps.desk.require(loaded, signal);
      const { sizeBytes: size } = archive;
      context.report({ phase: 'recording', bytes_done: size, bytes_total: size });
      const brought = await deps.desk.record('imported', present, context.actorId);
      return { path: payload.path, layout: archive.layout, images: brought.map((one) => told(one, archive)) };
    },
  };
}

async function checkArchive({
  payload,
  signal,
  report,
}: JobContext<ImportPayload>): Promise<Archive & { sizeBytes: number }> {
  const { path } = payload;
  report({ phase: 'inspecting' });
  return translateFs(path, async () => {
    const { size } = await stat(path);
    const meter = new RateMeter();
    const archive = await inspectArchive(path, ENGINE_ARCH, signal, (done) =>
      report({ phase: 'inspecting', bytes_done: done, bytes_total: size, ...meter.sample(done, size) }),
    );
    return { ...archive, sizeBytes: size };
  });
}

/** @returns what the engine says it has now. */
async function load(
  { engine }: ImageJobDeps,
  { payload, signal, report }: JobContext<ImportPayload>,
  archive: Archive & { sizeBytes: number },
): Promise<string[]> {
  const total = archive.sizeBytes;
  const meter = new RateMeter();
  let layers: Layers = new Map();
  const source = archiveStream(payload.path, archive, signal, (done) =>
    report({ phase: 'copying', bytes_done: done, bytes_total: total, ...meter.sample(done, total) }),
  );
  const onProgress = (event: EngineProgress): void => {
    layers = foldLayer(layers, event);
    if (layers.size > 0) report({ phase: 'unpacking', bytes_done: total, bytes_total: total });
  };
  try {
    const loaded = await engine.load(source, payload.path, onProgress, signal);
    if (loaded.length > 0) return loaded;
  } catch (error) {
    throw archiveError(error, payload.path);
  }
  throw new AppError('unsupported_format', `Docker took ${payload.path} but loaded no image from it.`, {
    hint: 'Save the image again.',
    details: { reason: 'no_image' },
  });
}

/** The digest beside the id: equal ids on two machines mean equal images. */
function told(image: BroughtImage, { images }: Archive): Record<string, string | null> {
  const archived = images.find(
    ({ references, configDigest }) =>
      references.some((one) => familiar(one) === familiar(image.reference)) ||
      configDigest === image.reference,
  );
  return { ...image, config_digest: archived?.configDigest ?? null };
}

// ---- export ----------------------------------------------------------------------------------------------------------

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
  { payload, signal, report }: JobContext<ExportPayload>,
  part: string,
  found: Awaited<ReturnType<ImageDesk['require']>>,
): Promise<{ size_bytes: number }> {
  const expected = sizeOf(found);
  const meter = new RateMeter();
  let done = 0;
  report({ phase: 'exporting', bytes_done: 0, bytes_total: expected });
  const file = await open(part, 'wx', 0o644);
  try {
    const stream = await engine.save(namesToSave(found), signal);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      await file.writeFile(chunk);
      done += chunk.length;
      const total = Math.max(expected, done);
      report({ phase: 'exporting', bytes_done: done, bytes_total: total, ...meter.sample(done, total) });
    }
    signal.throwIfAborted();
    report({ phase: 'publishing', bytes_done: done, bytes_total: done });
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
    const probe = join(directory, `.modelops-${process.pid}-${Date.now()}.part`);
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
