import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { arch } from 'node:process';
import { z } from 'zod';
import { AppError, type Job } from '../../../shared/contract/index.ts';
import type { EngineProgress } from '../../adapters/docker/index.ts';
import { canonicalJson, RateMeter } from '../../catalog/index.ts';
import { translateFs } from '../../kernel/files.ts';
import type { JobContext, JobKind } from '../../kernel/jobs/job-runner.ts';
import { archiveError, archiveStream, inspectArchive, sniffArchive, type Archive } from './archive.ts';
import type { BroughtImage } from './image-desk.ts';
import type { ImageJobDeps } from './job-deps.ts';
import { foldLayer, type Layers } from './progress.ts';
import { familiar } from './references.ts';

const ImportPayload = z.strictObject({ path: z.string() });
type ImportPayload = z.infer<typeof ImportPayload>;

const CHECK_MS = 10_000;

/** Docker's words for processors are those of Go. */
const ENGINE_ARCH = ({ x64: 'amd64', arm64: 'arm64', ia32: '386' } as Record<string, string>)[arch] ?? arch;

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

/** The file is looked through, given to the engine, and what the engine then has is recorded. */
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

async function checkArchive(context: JobContext<ImportPayload>): Promise<Archive & { sizeBytes: number }> {
  const { signal } = context;
  const { path } = context.payload;
  context.report({ phase: 'inspecting' });
  return translateFs(path, async () => {
    const { size } = await stat(path);
    const meter = new RateMeter();
    const archive = await inspectArchive(path, ENGINE_ARCH, signal, (done) =>
      context.report({
        phase: 'inspecting',
        bytes_done: done,
        bytes_total: size,
        ...meter.sample(done, size),
      }),
    );
    return { ...archive, sizeBytes: size };
  });
}

/** @returns what the engine says it has now. */
async function load(
  { engine }: ImageJobDeps,
  context: JobContext<ImportPayload>,
  archive: Archive & { sizeBytes: number },
): Promise<string[]> {
  const { payload, signal } = context;
  const total = archive.sizeBytes;
  const meter = new RateMeter();
  let layers: Layers = new Map();
  const source = archiveStream(payload.path, archive, signal, (done) =>
    context.report({ phase: 'copying', bytes_done: done, bytes_total: total, ...meter.sample(done, total) }),
  );
  const onProgress = (event: EngineProgress): void => {
    layers = foldLayer(layers, event);
    if (layers.size > 0) context.report({ phase: 'unpacking', bytes_done: total, bytes_total: total });
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
