import { z } from 'zod';
import { AppError, type Job } from '../../../shared/contract/index.ts';
import { registryOf, type EngineProgress } from '../../adapters/docker/index.ts';
import { canonicalJson, RateMeter } from '../../catalog/index.ts';
import type { JobContext, JobKind } from '../../kernel/jobs/job-runner.ts';
import type { RuntimeProfile } from '../../kernel/profile.ts';
import type { ImageJobDeps } from './job-deps.ts';
import { foldLayer, totalOf, type Layers } from './progress.ts';
import { familiar, isImageId } from './references.ts';

const PullPayload = z.strictObject({ reference: z.string() });
type PullPayload = z.infer<typeof PullPayload>;

const TELL_MS = 1000;
const STALLED_MS = 30_000;

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
