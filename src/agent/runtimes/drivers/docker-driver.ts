import { totalmem } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { AppError, toAppError } from '../../../shared/contract/index.ts';
import type { ContainerInfo, DockerEngine } from '../../adapters/docker/index.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { RuntimeSpec } from '../specs/spec.ts';
import { makeSocketDirectory, removeSocketDirectory, SOCKET_NAME } from './attempt-socket.ts';
import type {
  Availability,
  Engine,
  ExitInfo,
  Launch,
  LogLine,
  RunningRuntime,
  RuntimeDriver,
} from './driver.ts';
import { mkdir } from 'node:fs/promises';

export const LABEL_NODE = 'io.modelops.node';
const LABEL_SLOT = 'io.modelops.slot';
const LABEL_MODEL = 'io.modelops.model';
const LABEL_ATTEMPT = 'io.modelops.attempt';
const LABEL_GENERATION = 'io.modelops.generation';
const LABEL_SOCKET = 'io.modelops.socket-dir';
/** The hash of everything it was made from. */
const LABEL_CONFIG = 'io.modelops.config-hash';
const LABEL_REFERENCE = 'io.modelops.image-reference';

const IN_MODELS = '/models';
const IN_SOCKET = '/run/modelops';
const IN_CACHE = '/cache';
const PIDS_LIMIT = 4096;
/** Left to the system when an engine takes all it may. */
const MEMORY_RESERVE_BYTES = 1024 ** 3;

interface Tracked {
  readonly exited: PromiseWithResolvers<ExitInfo>;
}

/** Engines in containers without network, under the agent's own user, reached through a Unix socket. */
export class DockerDriver implements RuntimeDriver {
  readonly kind = 'docker' as const;
  readonly #engine: DockerEngine;
  readonly #nodeId: string;
  readonly #log: Logger;
  readonly #tracked = new Map<string, Tracked>();
  /** Names of containers that are being started: who looks around leaves them alone. */
  readonly #starting = new Set<string>();

  constructor(deps: { engine: DockerEngine; nodeId: string; log: Logger }) {
    this.#engine = deps.engine;
    this.#nodeId = deps.nodeId;
    this.#log = deps.log;
    this.#engine.onContainerEnd((id) => void this.#look(id));
  }

  async availability(
    spec: RuntimeSpec,
    image: string | undefined,
    signal: AbortSignal,
  ): Promise<Availability> {
    try {
      return {
        available: true,
        error: null,
        message: null,
        hint: null,
        engine: await this.resolve(spec, image, signal),
      };
    } catch (error) {
      const { code, message, hint } = toAppError(error);
      return { available: false, error: code, message, hint, engine: null };
    }
  }

  async resolve(spec: RuntimeSpec, image: string | undefined, signal: AbortSignal): Promise<Engine> {
    const reference = image ?? spec.image?.reference;
    if (reference === undefined)
      throw new AppError('image_missing', `${spec.name} names no image.`, {
        hint: 'Name one in the settings of the slot.',
      });
    this.#engine.watch();
    const info = await this.#engine.info(signal);
    if (info.usernsRemap) {
      throw new AppError(
        'engine_user_mapping',
        'Docker runs with userns-remap: a container would be another user than the agent, and could not read the model.',
      );
    }
    const found = await this.#engine.image(reference, signal).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'image_missing') {
        throw new AppError('image_missing', `The image ${reference} is not on this machine.`, {
          hint: `Bring it with \`docker pull ${reference}\` or \`docker load\`, or name another image in the settings of the slot.`,
          details: { reference },
          cause: error,
        });
      }
      throw error;
    });
    return { id: found.id, imageId: found.id, version: null, reference };
  }

  async start(launch: Launch, signal: AbortSignal): Promise<RunningRuntime> {
    const { rootless } = await this.#engine.info(signal);
    const image = await this.#engine.image(launch.engine.id, signal);
    await makeSocketDirectory(launch.socketDirectory);
    await mkdir(launch.cacheDirectory, { recursive: true, mode: 0o700 });
    const options = containerOptions(launch, {
      nodeId: this.#nodeId,
      rootless,
      imageHasEntrypoint: image.entrypoint !== null,
    });
    this.#starting.add(options.name);
    try {
      const id = await this.#engine.run(options, signal);
      const info = await this.#engine.inspect(id, signal);
      if (info === null) throw new AppError('runtime_exited', 'The container was removed while it started.');
      return this.#track(info);
    } catch (error) {
      await removeSocketDirectory(launch.socketDirectory);
      throw error;
    } finally {
      this.#starting.delete(options.name);
    }
  }

  async findRunning(signal: AbortSignal): Promise<RunningRuntime[]> {
    this.#engine.watch();
    const infos = await Promise.all(
      (await this.#engine.list(signal)).map((id) => this.#engine.inspect(id, signal)),
    );
    const found: RunningRuntime[] = [];
    for (const info of infos) {
      if (info === null || this.#starting.has(info.name)) continue;
      if (info.running) found.push(this.#track(info));
      // It ended while no agent looked; its socket went with it.
      else await this.#removeContainer(info, 0);
    }
    return found;
  }

  onAvailabilityChange(listener: () => void): void {
    this.#engine.onStateChange(listener);
  }

  async close(): Promise<void> {
    this.#engine.close();
  }

  #track(info: ContainerInfo): RunningRuntime {
    const tracked = this.#tracked.get(info.id) ?? { exited: Promise.withResolvers<ExitInfo>() };
    this.#tracked.set(info.id, tracked);
    const label = (name: string): string => info.labels[name] ?? '';
    // It may have ended between its start and this line; the event of that is lost on nobody.
    if (!info.running) this.#end(info.id, info);
    return {
      slotId: label(LABEL_SLOT),
      attempt: Number(label(LABEL_ATTEMPT)),
      modelId: label(LABEL_MODEL),
      generation: Number(label(LABEL_GENERATION)),
      configHash: label(LABEL_CONFIG),
      engine: {
        id: info.imageId,
        imageId: info.imageId,
        version: null,
        reference: label(LABEL_REFERENCE) || null,
      },
      socketPath: join(label(LABEL_SOCKET), SOCKET_NAME),
      containerId: info.id,
      isolation: 'full',
      exited: tracked.exited.promise,
      follow: (onLine, backlog, signal) => this.#follow(info.id, onLine, backlog, signal),
      stop: (graceMs) => this.#removeContainer(info, graceMs),
    };
  }

  async #follow(
    id: string,
    onLine: (line: LogLine) => void,
    backlog: number,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#engine.logs(id, { tail: backlog, follow: true }, onLine, signal);
  }

  async #removeContainer(info: ContainerInfo, graceMs: number): Promise<void> {
    await this.#engine.remove(info.id, graceMs);
    this.#end(info.id, { exitCode: info.exitCode, oomKilled: false, error: '' });
    const directory = info.labels[LABEL_SOCKET];
    if (directory !== undefined && directory !== '') await removeSocketDirectory(directory);
  }

  /** An event says that something ended; the engine is asked what. */
  async #look(id: string): Promise<void> {
    const ids = id === '*' ? [...this.#tracked.keys()] : this.#tracked.has(id) ? [id] : [];
    for (const one of ids) {
      try {
        const info = await this.#engine.inspect(one, AbortSignal.timeout(10_000));
        if (info === null)
          this.#end(one, { exitCode: null, oomKilled: false, error: 'The container was removed.' });
        else if (!info.running) this.#end(one, info);
      } catch (error) {
        this.#log.debug({ err: error, container: one }, 'a container could not be looked at');
      }
    }
  }

  #end(
    id: string,
    { exitCode, oomKilled, error }: Pick<ContainerInfo, 'exitCode' | 'oomKilled' | 'error'>,
  ): void {
    this.#tracked
      .get(id)
      ?.exited.resolve({ code: exitCode, oomKilled, message: error === '' ? null : error });
    this.#tracked.delete(id);
  }
}

/** The container of a launch. Pure. */
export function containerOptions(
  launch: Launch,
  host: {
    nodeId: string;
    rootless: boolean;
    imageHasEntrypoint: boolean;
    uid?: number;
    gid?: number;
    memoryBytes?: number;
  },
): Docker.ContainerCreateOptions & { name: string } {
  // On a rootless engine, root of the container is the user who runs the engine.
  const uid = host.rootless ? 0 : (host.uid ?? process.getuid?.() ?? 0);
  const gid = host.rootless ? 0 : (host.gid ?? process.getgid?.() ?? 0);
  const memory = Math.max(512 * 1024 * 1024, (host.memoryBytes ?? totalmem()) - MEMORY_RESERVE_BYTES);
  const env = { HOME: IN_CACHE, USER: 'modelops', LOGNAME: 'modelops', ...launch.env };
  return {
    // The attempt is part of it: a replacement comes up beside the one that serves.
    name: `modelops-${host.nodeId.slice(-8)}-${launch.slotId}-${launch.attempt}`,
    Image: launch.engine.id,
    ...(host.imageHasEntrypoint || launch.spec.entrypoint === undefined
      ? {}
      : { Entrypoint: launch.spec.entrypoint }),
    Cmd: launch.args({
      modelDir: IN_MODELS,
      modelFile: `${IN_MODELS}/${launch.modelFile}`,
      socket: `${IN_SOCKET}/${SOCKET_NAME}`,
    }),
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    User: `${uid}:${gid}`,
    WorkingDir: '/tmp',
    Labels: {
      [LABEL_NODE]: host.nodeId,
      [LABEL_SLOT]: launch.slotId,
      [LABEL_MODEL]: launch.modelId,
      [LABEL_ATTEMPT]: String(launch.attempt),
      [LABEL_GENERATION]: String(launch.generation),
      [LABEL_CONFIG]: launch.configHash,
      [LABEL_SOCKET]: launch.socketDirectory,
      [LABEL_REFERENCE]: launch.engine.reference ?? '',
    },
    // An image's own check asks a port that is not there.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=512m,mode=1777' },
      // Mounts fail for a missing source; Binds would make it, as root.
      Mounts: [
        { Type: 'bind', Source: launch.modelDirectory, Target: IN_MODELS, ReadOnly: true },
        { Type: 'bind', Source: launch.socketDirectory, Target: IN_SOCKET, ReadOnly: false },
        { Type: 'bind', Source: launch.cacheDirectory, Target: IN_CACHE, ReadOnly: false },
      ],
      PidsLimit: PIDS_LIMIT,
      Memory: memory,
      MemorySwap: memory,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '20m', 'max-file': '3' } },
    },
  };
}
