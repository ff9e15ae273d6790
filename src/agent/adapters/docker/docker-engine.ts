import type Docker from 'dockerode';
import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../shared/contract/index.ts';
import type { Egress } from '../../kernel/egress.ts';
import type { Logger } from '../../kernel/logger.ts';
import { dockerError, isStatus } from './docker-errors.ts';
import { startExec, type ContainerExec, type ExecOptions } from './docker-exec.ts';
import { describeDockerHost, dockerClientOptions, type DockerHost } from './docker-host.ts';

export interface EngineInfo {
  readonly version: string;
  readonly rootless: boolean;
  readonly usernsRemap: boolean;
  readonly memoryBytes: number;
  /** Runs in a virtual machine beside this system. */
  readonly desktop: boolean;
  /** Ways to give a container a GPU that the engine tells of itself. */
  readonly nvidia: NvidiaSupport;
}

export interface NvidiaSupport {
  /** The runtime of NVIDIA's container toolkit is configured. */
  readonly runtime: boolean;
  /** GPUs are described for CDI; null when this engine does not tell. */
  readonly cdi: boolean | null;
}

export interface ImageInfo {
  readonly id: string;
  readonly entrypoint: readonly string[] | null;
  readonly digests: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its addresses in the networks it is in. */
  readonly addresses: readonly string[];
  /** Ports of the host that lead to its own, by these (`8000/tcp`). */
  readonly ports: Readonly<Record<string, number>>;
  readonly running: boolean;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  readonly error: string;
  readonly imageId: string;
}

export interface EngineLogLine {
  readonly at: number | null;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

const REQUEST_TIMEOUT_MS = 20_000;
/** How long the setup of an engine is believed while its events come. */
const INFO_MS = 10_000;
const RECONNECT_MS = [200, 500, 1000, 2000, 5000];

/** The Docker engine behind dockerode. Every error leaves in the words of the error table. */
export class DockerEngine {
  readonly where: string;
  /** For the docker client of a person: options that name this engine. */
  readonly clientOptions: readonly string[];
  readonly #host: DockerHost;
  readonly #egress: Egress;
  readonly #log: Logger;
  readonly #onContainerEnd = new Set<(containerId: string) => void>();
  readonly #onStateChange = new Set<() => void>();
  readonly #label: string;
  #client: Promise<Docker> | null = null;
  #watching: AbortController | null = null;
  #state: 'unknown' | 'ok' | 'unreachable' = 'unknown';
  #info: { readonly info: EngineInfo; readonly at: number } | null = null;

  constructor(deps: { host: DockerHost; egress: Egress; log: Logger; label: string }) {
    this.#host = deps.host;
    this.#egress = deps.egress;
    this.#log = deps.log;
    this.#label = deps.label;
    this.where = describeDockerHost(deps.host);
    this.clientOptions = dockerClientOptions(deps.host);
  }

  get state(): 'unknown' | 'ok' | 'unreachable' {
    return this.#state;
  }

  /** Something with our label ended, or may have while we could not see. */
  onContainerEnd(listener: (containerId: string) => void): void {
    this.#onContainerEnd.add(listener);
  }

  onStateChange(listener: () => void): void {
    this.#onStateChange.add(listener);
  }

  /** Follows the events of our containers until closed; comes back when the engine does. */
  watch(): void {
    if (this.#watching !== null) return;
    this.#watching = new AbortController();
    void this.#watchLoop(this.#watching.signal);
  }

  close(): void {
    this.#watching?.abort();
  }

  /** As the engine is set up; a running one does not change that, so it is asked again only now and then. */
  async info(signal: AbortSignal): Promise<EngineInfo> {
    const known = this.#info;
    if (known !== null && this.#state === 'ok' && performance.now() - known.at < INFO_MS) return known.info;
    const info = await this.#askInfo(signal);
    this.#info = { info, at: performance.now() };
    return info;
  }

  async #askInfo(signal: AbortSignal): Promise<EngineInfo> {
    return this.#call(async (docker) => {
      const [info, version] = await raced(Promise.all([docker.info(), docker.version()]), limited(signal));
      const options: string[] = info.SecurityOptions ?? [];
      return {
        version: version.Version,
        rootless: options.some((option) => option.includes('name=rootless')),
        usernsRemap: options.some((option) => option.includes('name=userns')),
        memoryBytes: info.MemTotal ?? 0,
        desktop: info.OperatingSystem === 'Docker Desktop',
        nvidia: nvidiaSupport(info as NvidiaInfo),
      };
    });
  }

  /** @throws {AppError} `image_missing`. */
  async image(reference: string, signal: AbortSignal): Promise<ImageInfo> {
    return this.#call(async (docker) => {
      const image = await raced(docker.getImage(reference).inspect(), limited(signal));
      const entrypoint = image.Config?.Entrypoint;
      return {
        id: image.Id,
        entrypoint:
          entrypoint === undefined || entrypoint === null || entrypoint.length === 0
            ? null
            : [entrypoint].flat(),
        digests: image.RepoDigests ?? [],
        labels: image.Config?.Labels ?? {},
        env: Object.fromEntries(
          (image.Config?.Env ?? []).map((entry) => {
            const at = entry.indexOf('=');
            return [entry.slice(0, at), entry.slice(at + 1)];
          }),
        ),
      };
    });
  }

  /**
   * Creates and starts a container. One of ours of the same name is a leftover and is replaced; nothing is left behind
   * when it does not start, or is not wanted any more when it has.
   * @throws {AppError} `already_exists` for a foreign container of that name, and what Docker refuses.
   */
  async run(options: Docker.ContainerCreateOptions & { name: string }, signal: AbortSignal): Promise<string> {
    return this.#call(async (docker) => {
      signal.throwIfAborted();
      try {
        const container = await this.#create(docker, options);
        // Neither call is broken off: the engine would finish it all the same, and nobody would know the container.
        await container.start({ abortSignal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        signal.throwIfAborted();
        return container.id;
      } catch (error) {
        await this.#removeOurs(docker, options.name).catch((cause: unknown) => {
          this.#log.warn({ err: cause }, 'a container that did not start could not be removed');
        });
        throw error;
      }
    });
  }

  async #create(
    docker: Docker,
    options: Docker.ContainerCreateOptions & { name: string },
  ): Promise<Docker.Container> {
    const create = (): Promise<Docker.Container> =>
      docker.createContainer({ ...options, abortSignal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    try {
      return await create();
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      if (!(await this.#removeOurs(docker, options.name))) {
        throw new AppError('already_exists', `A container called ${options.name} exists and is not ours.`, {
          hint: 'Remove or rename it.',
          cause: error,
        });
      }
      return create();
    }
  }

  /** @returns false when one of that name is not ours. */
  async #removeOurs(docker: Docker, name: string): Promise<boolean> {
    const old = docker.getContainer(name);
    try {
      const { Config } = await old.inspect();
      const [key = '', value = ''] = this.#label.split('=');
      if (Config.Labels[key] !== value) return false;
      await old.remove({ force: true, v: true });
    } catch (error) {
      if (!isStatus(error, 404, 409)) throw error;
    }
    return true;
  }

  /** @returns null when it is gone. */
  async inspect(id: string, signal: AbortSignal): Promise<ContainerInfo | null> {
    return this.#call(async (docker) => {
      try {
        const info = await docker.getContainer(id).inspect({ abortSignal: limited(signal) });
        return {
          id: info.Id,
          name: info.Name.replace(/^\//, ''),
          addresses: Object.values(info.NetworkSettings.Networks ?? {})
            .map((network) => network.IPAddress)
            .filter((address) => address !== ''),
          ports: publishedPorts(info.NetworkSettings.Ports ?? {}),
          labels: info.Config.Labels ?? {},
          running: info.State.Running,
          exitCode: info.State.Running ? null : info.State.ExitCode,
          oomKilled: info.State.OOMKilled,
          error: info.State.Error,
          imageId: info.Image,
        };
      } catch (error) {
        if (isStatus(error, 404)) return null;
        throw error;
      }
    });
  }

  /** Ids of every container with our label, running or not. */
  async list(signal: AbortSignal, labels: readonly string[] = []): Promise<string[]> {
    return this.#call(async (docker) => {
      const containers = await docker.listContainers({
        all: true,
        filters: { label: [this.#label, ...labels] },
        abortSignal: limited(signal),
      });
      return containers.map((container) => container.Id);
    });
  }

  /** Makes a network, in place of a leftover of ours of that name. */
  async makeNetwork(body: Docker.NetworkCreateOptions, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.removeNetwork(body.Name);
    await this.#call((docker) => docker.createNetwork(body));
  }

  /** What is gone already is fine. */
  async removeNetwork(name: string): Promise<void> {
    await this.#call(async (docker) => {
      await docker
        .getNetwork(name)
        .remove()
        .catch((error: unknown) => {
          if (!isStatus(error, 404)) throw error;
        });
    });
  }

  /** Names of every network with our label. */
  async networks(signal: AbortSignal): Promise<string[]> {
    return this.#call(async (docker) => {
      const found = await raced(docker.listNetworks({ filters: { label: [this.#label] } }), limited(signal));
      return found.map((network) => network.Name);
    });
  }

  /** Stops and removes; what is gone already is fine. */
  async remove(id: string, graceMs: number): Promise<void> {
    await this.#call(async (docker) => {
      const container = docker.getContainer(id);
      await container.stop({ t: Math.ceil(graceMs / 1000) }).catch((error: unknown) => {
        if (!isStatus(error, 304, 404)) throw error;
      });
      await container.remove({ force: true, v: true }).catch((error: unknown) => {
        if (!isStatus(error, 404, 409)) throw error;
      });
    });
  }

  /** Runs a program in a container under a terminal. @throws {AppError} `runtime_unavailable`. */
  async exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ContainerExec> {
    return this.#call((docker) => startExec(docker, id, options, limited(signal)));
  }

  /** Lines of a container: `tail` of before, then live when `follow`. Resolves when it has ended. */
  async logs(
    id: string,
    options: { tail: number; follow: boolean },
    onLine: (line: EngineLogLine) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call(async (docker) => {
      const container = docker.getContainer(id);
      const common = { stdout: true, stderr: true, timestamps: true, tail: options.tail } as const;
      const stream: Readable = options.follow
        ? ((await container.logs({ ...common, follow: true, abortSignal: signal })) as unknown as Readable)
        : bufferStream(await container.logs({ ...common, follow: false, abortSignal: signal }));
      const stdout = lines('stdout', onLine);
      const stderr = lines('stderr', onLine);
      docker.modem.demuxStream(stream, stdout, stderr);
      await new Promise<void>((resolve) => {
        stream.once('end', resolve);
        stream.once('close', resolve);
        // The log ends with its container or its engine; why is told elsewhere.
        stream.once('error', () => resolve());
        signal.addEventListener('abort', () => stream.destroy(), { once: true });
      });
      stdout.end();
      stderr.end();
    });
  }

  async #watchLoop(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const docker = await this.#connect();
        const events = (await docker.getEvents({
          filters: { type: ['container'], label: [this.#label], event: ['die', 'destroy', 'oom'] },
          abortSignal: signal,
        } as Docker.GetEventsOptions)) as unknown as Readable;
        failures = 0;
        this.#setState('ok');
        // Whatever happened while nobody listened: the listeners look for themselves.
        for (const listener of this.#onContainerEnd) listener('*');
        await this.#readEvents(events);
      } catch (error) {
        if (!signal.aborted) this.#log.debug({ err: error }, 'docker events');
      }
      if (signal.aborted) return;
      this.#setState('unreachable');
      await delay(RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)], undefined, { signal }).catch(
        () => undefined,
      );
      failures += 1;
    }
  }

  async #readEvents(events: Readable): Promise<void> {
    let rest = '';
    for await (const chunk of events) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        if (part.trim() === '') continue;
        const event = JSON.parse(part) as { Actor?: { ID?: string } };
        for (const listener of this.#onContainerEnd) listener(event.Actor?.ID ?? '*');
      }
    }
  }

  #setState(state: 'ok' | 'unreachable'): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#info = null;
    for (const listener of this.#onStateChange) listener();
  }

  /** For the other parts of this adapter: a call of the engine, its errors in the words of the error table. */
  use<T>(run: (docker: Docker) => Promise<T>): Promise<T> {
    return this.#call(run);
  }

  async #call<T>(run: (docker: Docker) => Promise<T>): Promise<T> {
    try {
      return await run(await this.#connect());
    } catch (error) {
      throw dockerError(error, this.where);
    }
  }

  /** dockerode is large; a node without Docker slots never loads it. */
  #connect(): Promise<Docker> {
    if (this.#host.kind === 'tcp') {
      this.#egress.assertAllowed({
        purpose: 'docker',
        origin: `http://${this.#host.host.includes(':') ? `[${this.#host.host}]` : this.#host.host}:${this.#host.port}`,
      });
    }
    this.#client ??= import('dockerode').then(({ default: Client }) => {
      if (this.#host.kind === 'socket') return new Client({ socketPath: this.#host.path });
      return new Client({
        host: this.#host.host,
        port: this.#host.port,
        protocol: this.#host.tls ? 'https' : 'http',
      });
    });
    return this.#client;
  }
}

/** The first host port of each port that has one. */
function publishedPorts(
  ports: Readonly<Record<string, readonly { HostPort: string }[] | null>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(ports).flatMap(([port, bindings]) => {
      const host = Number(bindings?.[0]?.HostPort ?? 0);
      return host === 0 ? [] : [[port, host]];
    }),
  );
}

/** The signal of a call that the engine answers at once. */
export function limited(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
}

/** For the calls whose types take no signal: the answer of a call that is given up goes nowhere. */
export function raced<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  const given = new Promise<never>((_resolve, reject) => {
    const stop = (): void =>
      reject(Object.assign(new Error('Docker did not answer in time'), { code: 'ETIMEDOUT' }));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([call, given]);
}

function bufferStream(buffer: Buffer): Readable {
  const stream = new PassThrough();
  stream.end(buffer);
  return stream;
}

/** A writable that splits its text into lines and takes the time stamp off each. */
function lines(stream: 'stdout' | 'stderr', onLine: (line: EngineLogLine) => void): PassThrough {
  const through = new PassThrough();
  let rest = '';
  const emit = (row: string): void => {
    const match = /^(\S+Z) ?(.*)$/s.exec(row);
    const at = match?.[1] === undefined ? Number.NaN : Date.parse(match[1]);
    const text = match?.[2] ?? row;
    for (const part of text.split('\r'))
      if (part !== '') onLine({ at: Number.isNaN(at) ? null : at, stream, text: part });
  };
  through.setEncoding('utf8');
  through.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) emit(part);
  });
  through.on('end', () => {
    if (rest !== '') emit(rest);
  });
  return through;
}

/** Fields of `GET /info` that dockerode does not type. `DiscoveredDevices` since Docker 28. */
interface NvidiaInfo {
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
  readonly DiscoveredDevices?: readonly { readonly ID?: string }[] | null;
}

function nvidiaSupport({ Runtimes: runtimes, DiscoveredDevices: devices }: NvidiaInfo): NvidiaSupport {
  return {
    runtime: runtimes !== null && runtimes !== undefined && 'nvidia' in runtimes,
    cdi:
      devices === undefined || devices === null
        ? null
        : devices.some(({ ID: id }) => id?.startsWith('nvidia.com/gpu') === true),
  };
}
