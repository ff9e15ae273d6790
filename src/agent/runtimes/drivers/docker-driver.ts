import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toAppError } from '../../../shared/contract/index.ts';
import type { ContainerInfo, DockerEngine, EngineInfo } from '../../adapters/docker/index.ts';
import type { RuntimeAddress } from '../../kernel/egress.ts';
import type { Logger } from '../../kernel/logger.ts';
import { engineVersion } from '../specs/engine-version.ts';
import type { RuntimeSpec } from '../specs/spec.ts';
import { makeSocketDirectory, removeSocketDirectory, SOCKET_NAME } from './attempt-socket.ts';
import {
  containerBody,
  keyPath,
  LABEL_ATTEMPT,
  LABEL_CONFIG,
  LABEL_GENERATION,
  LABEL_MODEL,
  LABEL_PORT,
  LABEL_REFERENCE,
  LABEL_SLOT,
  LABEL_SOCKET,
  LABEL_VERSION,
  networkBody,
  type ContainerHost,
  type GpuRequest,
} from './container.ts';
import type {
  Availability,
  ContainerDescription,
  Engine,
  ExitInfo,
  Launch,
  LogLine,
  RunningRuntime,
  RuntimeDriver,
} from './driver.ts';

const ASK_MS = 10_000;
const MAX_ASKED = 64 * 1024;

interface Tracked {
  readonly exited: PromiseWithResolvers<ExitInfo>;
}

const ORDINARY_ENGINE = { rootless: false, desktop: false, nvidia: { runtime: false, cdi: null } };
const HIDDEN_KEY = '(a random key)';

/**
 * Engines in containers under the agent's own user: without network and reached through a Unix socket, or in an internal
 * network of their own and reached by their address.
 */
export class DockerDriver implements RuntimeDriver {
  readonly kind = 'docker' as const;
  readonly #engine: DockerEngine;
  readonly #nodeId: string;
  readonly #log: Logger;
  readonly #gpuRequest: 'auto' | GpuRequest;
  readonly #tracked = new Map<string, Tracked>();
  /** Names of containers that are being started: who looks around leaves them alone. */
  readonly #starting = new Set<string>();

  constructor(deps: {
    engine: DockerEngine;
    nodeId: string;
    log: Logger;
    /** How Docker is asked for GPUs; `auto` looks at what the engine offers. */
    gpuRequest: 'auto' | GpuRequest;
  }) {
    this.#engine = deps.engine;
    this.#nodeId = deps.nodeId;
    this.#log = deps.log;
    this.#gpuRequest = deps.gpuRequest;
    this.#engine.onContainerEnd((id) => void this.#look(id));
  }

  async availability(
    spec: RuntimeSpec,
    image: string | undefined,
    signal: AbortSignal,
  ): Promise<Availability> {
    try {
      // One that every slot names an image for needs no more than Docker.
      const names = image !== undefined || spec.image !== undefined;
      const engine = names ? await this.resolve(spec, image, signal) : null;
      if (!names) await this.#engine.info(signal);
      return { available: true, error: null, message: null, hint: null, engine };
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
          hint: `Bring it with \`modelops images pull ${reference}\` or \`modelops images import FILE\`, or name another image in the settings of the slot.`,
          details: { reference },
          cause: error,
        });
      }
      throw error;
    });
    if (image === undefined) assertDigest(spec, reference, found.digests);
    return {
      id: found.id,
      imageId: found.id,
      version: engineVersion(spec, { reference, labels: found.labels, env: found.env }),
      reference,
      entrypoint: found.entrypoint,
    };
  }

  async canUnix(signal: AbortSignal): Promise<boolean> {
    return sharesFiles(await this.#engine.info(signal));
  }

  async describe(launch: Launch, signal: AbortSignal): Promise<ContainerDescription> {
    // An engine that cannot be asked is taken for an ordinary one of this system.
    const info = await this.#engine.info(signal).catch(() => ORDINARY_ENGINE);
    const host = this.#host(info);
    const isTcp = launch.transport.kind === 'tcp';
    return {
      create: containerBody(launch, host, isTcp ? HIDDEN_KEY : null),
      isolation: isTcp ? 'partial' : 'full',
    };
  }

  async start(launch: Launch, signal: AbortSignal): Promise<RunningRuntime> {
    const host = this.#host(await this.#engine.info(signal));
    const { transport, socketDirectory } = launch;
    await makeSocketDirectory(socketDirectory);
    await mkdir(launch.cacheDirectory, { recursive: true, mode: 0o700 });
    const key =
      transport.kind === 'tcp' && transport.key !== undefined ? randomBytes(24).toString('base64url') : null;
    // Beside the container, so that the next agent can talk to it.
    if (key !== null) await writeFile(keyPath(socketDirectory), key, { mode: 0o600 });
    const body = containerBody(launch, host, key);
    this.#starting.add(body.name);
    try {
      if (transport.kind === 'tcp') await this.#engine.makeNetwork(networkBody(launch, host), signal);
      const id = await this.#engine.run(body, signal);
      const info = await this.#engine.inspect(id, signal);
      if (info === null) throw new AppError('runtime_exited', 'The container was removed while it started.');
      return await this.#track(info);
    } catch (error) {
      if (transport.kind === 'tcp') await this.#removeNetwork(body.name);
      await removeSocketDirectory(socketDirectory);
      throw error;
    } finally {
      this.#starting.delete(body.name);
    }
  }

  async findRunning(signal: AbortSignal, slotId?: string): Promise<RunningRuntime[]> {
    this.#engine.watch();
    const infos = await Promise.all(
      (await this.#engine.list(signal, slotId === undefined ? [] : [`${LABEL_SLOT}=${slotId}`])).map((id) =>
        this.#engine.inspect(id, signal),
      ),
    );
    const found: RunningRuntime[] = [];
    const names = new Set(this.#starting);
    for (const info of infos) {
      if (info === null) continue;
      names.add(info.name);
      if (this.#starting.has(info.name)) continue;
      if (info.running) found.push(await this.#track(info));
      // It ended while no agent looked; its socket went with it.
      else await this.#removeContainer(info, 0);
    }
    if (slotId !== undefined) return found;
    // Networks whose container is gone: an agent was killed between the two.
    for (const name of await this.#engine.networks(signal))
      if (!names.has(name)) await this.#removeNetwork(name);
    return found;
  }

  onAvailabilityChange(listener: () => void): void {
    this.#engine.onStateChange(listener);
  }

  async close(): Promise<void> {
    this.#engine.close();
  }

  #host(info: Pick<EngineInfo, 'rootless' | 'desktop' | 'nvidia'>): ContainerHost {
    return {
      nodeId: this.#nodeId,
      rootless: info.rootless,
      gpuRequest: gpuRequestFor(this.#gpuRequest, info),
      tcpReach: sharesFiles(info) && !info.rootless ? 'address' : 'published',
    };
  }

  async #track(info: ContainerInfo): Promise<RunningRuntime> {
    const tracked = this.#tracked.get(info.id) ?? { exited: Promise.withResolvers<ExitInfo>() };
    this.#tracked.set(info.id, tracked);
    const label = (name: string): string => info.labels[name] ?? '';
    // It may have ended between its start and this line; the event of that is lost on nobody.
    if (!info.running) this.#end(info.id, info);
    const port = label(LABEL_PORT);
    return {
      slotId: label(LABEL_SLOT),
      attempt: Number(label(LABEL_ATTEMPT)),
      modelId: label(LABEL_MODEL),
      generation: Number(label(LABEL_GENERATION)),
      configHash: label(LABEL_CONFIG),
      engine: {
        id: info.imageId,
        imageId: info.imageId,
        version: label(LABEL_VERSION) || null,
        reference: label(LABEL_REFERENCE) || null,
        entrypoint: null,
      },
      address:
        port === ''
          ? { kind: 'unix', path: join(label(LABEL_SOCKET), SOCKET_NAME) }
          : await tcpAddress(info, Number(port), label(LABEL_SOCKET)),
      containerId: info.id,
      isolation: port === '' ? 'full' : 'partial',
      exited: tracked.exited.promise,
      ask: (command, signal) => this.#ask(info.id, command, signal),
      follow: (onLine, backlog, signal) => this.#follow(info.id, onLine, backlog, signal),
      stop: (graceMs) => this.#removeContainer(info, graceMs),
    };
  }

  /** What a program in the container prints in ten seconds at most. */
  async #ask(id: string, command: readonly string[], signal: AbortSignal): Promise<string> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
    const { stream } = await this.#engine.exec(id, { command, env: [], columns: 200, rows: 50 }, limit);
    const stop = (): void => void stream.destroy();
    limit.addEventListener('abort', stop, { once: true });
    let text = '';
    try {
      for await (const chunk of stream) {
        text += String(chunk);
        if (text.length > MAX_ASKED) break;
      }
    } finally {
      limit.removeEventListener('abort', stop);
      stream.destroy();
    }
    return text;
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
    if (info.labels[LABEL_PORT] !== undefined) await this.#removeNetwork(info.name);
    this.#end(info.id, { exitCode: info.exitCode, oomKilled: false, error: '' });
    const directory = info.labels[LABEL_SOCKET];
    if (directory !== undefined && directory !== '') await removeSocketDirectory(directory);
  }

  /** What is left of a network is harmless; it goes at the next look around. */
  async #removeNetwork(name: string): Promise<void> {
    await this.#engine.removeNetwork(name).catch((error: unknown) => {
      this.#log.warn({ err: error, network: name }, 'a network could not be removed');
    });
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

/** Whether the engine runs on this very system: its sockets work through a mount, its networks are ours. Pure. */
function sharesFiles({ desktop }: Pick<EngineInfo, 'desktop'>): boolean {
  return process.platform === 'linux' && !desktop;
}

/** CDI where the engine lists GPUs by it (it survives a reload of systemd), else NVIDIA's hook. Pure. */
export function gpuRequestFor(
  setting: 'auto' | GpuRequest,
  { nvidia }: Pick<EngineInfo, 'nvidia'>,
): GpuRequest {
  if (setting !== 'auto') return setting;
  return nvidia.cdi === true ? 'cdi' : 'nvidia';
}

/** Another image behind the tag than the one the spec was made for. One that was loaded from a file has no digest. */
function assertDigest(spec: RuntimeSpec, reference: string, digests: readonly string[]): void {
  const pinned = spec.image?.digest;
  if (pinned === undefined || digests.length === 0) return;
  if (digests.some((digest) => digest.endsWith(`@${pinned}`))) return;
  throw new AppError('image_missing', `Another image than the pinned one stands behind ${reference}.`, {
    hint: `Pull it by its digest: \`docker pull ${reference.split('@')[0]?.replace(/:[^:/]+$/, '') ?? reference}@${pinned}\`, then tag it.`,
    details: { reference, pinned, found: [...digests], reason: 'other_digest' },
  });
}

async function tcpAddress(
  info: ContainerInfo,
  port: number,
  socketDirectory: string,
): Promise<RuntimeAddress> {
  const key = await readFile(keyPath(socketDirectory), 'utf8').catch((error: NodeJS.ErrnoException) => {
    // An engine that asks for no key has none.
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const published = info.ports[`${port}/tcp`];
  if (published !== undefined) return { kind: 'tcp', host: '127.0.0.1', port: published, key };
  const own = info.addresses[0];
  // It has none once it ended; its exit says why.
  return { kind: 'tcp', host: own ?? '127.0.0.1', port: own === undefined ? 9 : port, key };
}
