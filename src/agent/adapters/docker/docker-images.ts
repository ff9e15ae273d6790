import type Docker from 'dockerode';
import type { Readable } from 'node:stream';
import { AppError } from '../../../shared/contract/index.ts';
import { limited, raced, type DockerEngine } from './docker-engine.ts';
import { isStatus } from './docker-errors.ts';
import { loadError, pullError } from './image-errors.ts';
import { readProgress, type EngineProgress } from './ndjson.ts';

export interface EngineImage {
  readonly id: string;
  /** `repo:tag`, as people name it. */
  readonly references: readonly string[];
  /** `repo@sha256:...`: what a registry said when it was pulled; none after a load. */
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  readonly architecture: string | null;
  /** The label `org.opencontainers.image.version`. */
  readonly version: string | null;
  /** Milliseconds. */
  readonly createdAt: number | null;
}

const NO_TAG = '<none>:<none>';
const NO_DIGEST = '<none>@<none>';

/** Images of the engine. Pulls and loads take as long as they take; their signal ends them, and the engine stops too. */
export class DockerImages {
  readonly #engine: DockerEngine;

  constructor(engine: DockerEngine) {
    this.#engine = engine;
  }

  /** Every image but the layers of builds. */
  async list(signal: AbortSignal): Promise<EngineImage[]> {
    const ids = await this.#engine.use(async (docker) => {
      const images = await docker.listImages({ abortSignal: limited(signal) });
      return [...new Set(images.map((image) => image.Id))];
    });
    const images = await Promise.all(ids.map((id) => this.inspect(id, signal)));
    // One may have gone between the list and the look at it.
    return images.filter((image) => image !== null);
  }

  /** @returns null when the engine has no such image. */
  async inspect(reference: string, signal: AbortSignal): Promise<EngineImage | null> {
    return this.#engine.use(async (docker) => {
      try {
        const image = await raced(docker.getImage(reference).inspect(), limited(signal));
        const created = Date.parse(image.Created);
        return {
          id: image.Id,
          references: (image.RepoTags ?? []).filter((tag) => tag !== NO_TAG),
          digests: (image.RepoDigests ?? []).filter((digest) => digest !== NO_DIGEST),
          sizeBytes: image.Size,
          architecture: image.Architecture === '' ? null : image.Architecture,
          version: image.Config?.Labels?.['org.opencontainers.image.version'] ?? null,
          // Images that were built to be the same each time say year 1 or 1970.
          createdAt: Number.isNaN(created) || created <= 0 ? null : created,
        };
      } catch (error) {
        if (isStatus(error, 404)) return null;
        throw error;
      }
    });
  }

  /** Ids of images that a container was made from, running or not. */
  async inUse(signal: AbortSignal): Promise<ReadonlySet<string>> {
    return this.#engine.use(async (docker) => {
      const containers = await docker.listContainers({ all: true, abortSignal: limited(signal) });
      return new Set(containers.map((container) => container.ImageID));
    });
  }

  /**
   * Pulls through the engine, whose network and proxy it uses.
   * @throws {AppError} `not_found`, `permission_denied`, `rate_limited`, `upstream_failed`, `resource_exhausted`.
   */
  async pull(
    reference: string,
    onProgress: (event: EngineProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#engine.use(async (docker) => {
      try {
        const stream = await docker.createImage({ ...pullQuery(reference), abortSignal: signal });
        await drain(stream, onProgress);
      } catch (error) {
        signal.throwIfAborted();
        throw pullError(error, reference) ?? error;
      }
    });
  }

  /**
   * Gives the engine a tar of images. A broken one is answered with HTTP 200 and an error in the body.
   * @param path only for the words of a failure
   * @returns `repo:tag` of what was loaded, or the id of an image without a name
   * @throws {AppError} `unsupported_format`, `resource_exhausted`.
   */
  async load(
    tar: Readable,
    path: string,
    onProgress: (event: EngineProgress) => void,
    signal: AbortSignal,
  ): Promise<string[]> {
    const loaded: string[] = [];
    // The client of the engine pipes and looks away: a source that fails has to end the request.
    const broken = new AbortController();
    let cause: unknown = null;
    tar.once('error', (error) => {
      cause = error;
      broken.abort();
    });
    try {
      await this.#engine.use(async (docker) => {
        try {
          const stream = await docker.loadImage(tar, {
            quiet: false,
            abortSignal: AbortSignal.any([signal, broken.signal]),
          });
          await drain(stream, (event) => {
            const match = /^Loaded image(?: ID)?: (\S+)\s*$/.exec(event.stream ?? '');
            if (match?.[1] !== undefined) loaded.push(match[1]);
            onProgress(event);
          });
        } catch (error) {
          signal.throwIfAborted();
          if (cause !== null) throw cause;
          throw loadError(error, path) ?? error;
        }
      });
    } finally {
      tar.destroy();
    }
    return loaded;
  }

  /** A tar of images that `load` takes. @throws {AppError} `image_missing`. */
  async save(references: readonly string[], signal: AbortSignal): Promise<Readable> {
    return this.#engine.use(async (docker) => {
      const query = references.map((name) => `names=${encodeURIComponent(name)}`).join('&');
      // The client takes the last character off a query that it did not make itself.
      return dialStream(docker, { path: `/images/get?${query}&`, method: 'GET', signal });
    });
  }

  /** Takes a name off an image, or removes one without a name. What is gone already is fine. */
  async remove(reference: string, signal: AbortSignal): Promise<void> {
    await this.#engine.use(async (docker) => {
      try {
        await docker.getImage(reference).remove({ abortSignal: limited(signal) });
      } catch (error) {
        if (isStatus(error, 404)) return;
        if (!isStatus(error, 409)) throw error;
        throw new AppError('dependencies_unsatisfied', `A container was made from ${reference}.`, {
          hint: 'Remove the container, or unload the slot, first.',
          details: { reference },
          cause: error,
        });
      }
    });
  }
}

/** `fromImage` and `tag` of the engine's create call; without a tag it would pull every one. Pure. */
function pullQuery(reference: string): { fromImage: string; tag: string } {
  const at = reference.lastIndexOf('@');
  if (at > 0) return { fromImage: reference.slice(0, at), tag: reference.slice(at + 1) };
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/')
    ? { fromImage: reference.slice(0, colon), tag: reference.slice(colon + 1) }
    : { fromImage: reference, tag: 'latest' };
}

/** Reads a stream of the engine to its end. @throws what it says went wrong, however late. */
async function drain(
  stream: NodeJS.ReadableStream,
  onProgress: (event: EngineProgress) => void,
): Promise<void> {
  for await (const event of readProgress(stream as Readable)) {
    if (event.error !== undefined || event.errorDetail !== undefined)
      throw new Error(event.errorDetail?.message ?? event.error ?? 'unknown reason');
    onProgress(event);
  }
}

/** dockerode has no call for several names at once. */
function dialStream(
  docker: Docker,
  { path, method, signal }: { path: string; method: string; signal: AbortSignal },
): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const modem = docker.modem as {
      dial(options: object, callback: (error: Error | null, data: unknown) => void): void;
    };
    modem.dial(
      {
        path,
        method,
        isStream: true,
        abortSignal: signal,
        statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
      },
      (error, data) => {
        if (error === null) resolve(data as Readable);
        else reject(error);
      },
    );
  });
}
