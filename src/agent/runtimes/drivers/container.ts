import { totalmem } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Launch, RuntimePaths } from './driver.ts';
import { KEY_NAME, SOCKET_NAME } from './attempt-socket.ts';

/** The container of a launch, word for word. Pure: the driver makes it, `render` shows it. */

export const LABEL_NODE = 'io.modelops.node';
export const LABEL_SLOT = 'io.modelops.slot';
export const LABEL_MODEL = 'io.modelops.model';
export const LABEL_ATTEMPT = 'io.modelops.attempt';
export const LABEL_GENERATION = 'io.modelops.generation';
/** The hash of everything it was made from. */
export const LABEL_CONFIG = 'io.modelops.config-hash';
export const LABEL_SOCKET = 'io.modelops.socket-dir';
export const LABEL_REFERENCE = 'io.modelops.image-reference';
export const LABEL_VERSION = 'io.modelops.engine-version';
/** The port inside, of a container that listens on TCP. */
export const LABEL_PORT = 'io.modelops.port';

const IN_MODELS = '/models';
/** The directory of the attempt: writable for a socket, else only to be read. */
const IN_ATTEMPT = '/run/modelops';
const PIDS_LIMIT = 4096;
/** Left to the system when an engine takes all it may. */
const MEMORY_RESERVE_BYTES = 1024 ** 3;
const MIN_MEMORY_BYTES = 512 * 1024 ** 2;

/** How Docker is asked for GPUs: through the hook of NVIDIA's toolkit, or by names of the Container Device Interface. */
export type GpuRequest = 'nvidia' | 'cdi';

/** How a container that listens on TCP is reached: by its own address, or through a loopback port of the host. */
export type TcpReach = 'address' | 'published';

export interface ContainerHost {
  readonly nodeId: string;
  readonly rootless: boolean;
  readonly gpuRequest: GpuRequest;
  readonly tcpReach: TcpReach;
  readonly uid?: number;
  readonly gid?: number;
  readonly memoryBytes?: number;
}

export type ContainerBody = Docker.ContainerCreateOptions & { name: string };

/** The paths a container sees. Pure. */
export function containerPaths(launch: Launch): RuntimePaths {
  const { transport, spec } = launch;
  const usesKeyFile = transport.kind === 'tcp' && transport.key !== undefined && 'file' in transport.key;
  return {
    modelDir: IN_MODELS,
    modelFile: `${IN_MODELS}/${launch.modelFile}`,
    mmprojFile: launch.mmprojFile === null ? null : `${IN_MODELS}/${launch.mmprojFile}`,
    socket: `${IN_ATTEMPT}/${SOCKET_NAME}`,
    cacheDir: spec.cache.path,
    keyFile: usesKeyFile ? `${IN_ATTEMPT}/${KEY_NAME}` : null,
  };
}

/** Of the container and of its network: the attempt is part of it, because a replacement comes up beside what serves. Pure. */
function containerName(nodeId: string, slotId: string, attempt: number): string {
  return `modelops-${nodeId.slice(-8)}-${slotId}-${attempt}`;
}

/** @param key what the engine shall ask for; null when it listens on a socket or asks for nothing */
export function containerBody(launch: Launch, host: ContainerHost, key: string | null): ContainerBody {
  const { transport } = launch;
  // On a rootless engine, root of the container is the user who runs the engine.
  const uid = host.rootless ? 0 : (host.uid ?? process.getuid?.() ?? 0);
  const gid = host.rootless ? 0 : (host.gid ?? process.getgid?.() ?? 0);
  const paths = containerPaths(launch);
  const { command, prefix } = launch.entrypoint;
  const name = containerName(host.nodeId, launch.slotId, launch.attempt);
  return {
    name,
    Image: launch.engine.id,
    ...(command === null ? {} : { Entrypoint: [...command] }),
    Cmd: [...prefix, ...launch.args(paths)],
    Env: Object.entries(variables(launch, paths, key)).map(([variable, value]) => `${variable}=${value}`),
    User: `${uid}:${gid}`,
    WorkingDir: '/tmp',
    Labels: labels(launch, host),
    // An image's own check asks a port that is not there.
    Healthcheck: { Test: ['NONE'] },
    ...(transport.kind === 'tcp' ? { ExposedPorts: { [`${transport.port}/tcp`]: {} } } : {}),
    HostConfig: {
      ...networking(launch, host, name),
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=512m,mode=1777' },
      Mounts: mounts(launch, paths),
      PidsLimit: PIDS_LIMIT,
      ...memoryLimits(launch.settings, host),
      ...(launch.gpuIds.length === 0
        ? {}
        : { DeviceRequests: deviceRequests(launch.gpuIds, host.gpuRequest) }),
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '20m', 'max-file': '3' } },
    },
  };
}

function variables(launch: Launch, paths: RuntimePaths, key: string | null): Record<string, string> {
  const { transport, spec } = launch;
  const way = transport.kind === 'tcp' ? transport.key : undefined;
  return {
    HOME: spec.cache.path,
    USER: 'modelops',
    LOGNAME: 'modelops',
    ...launch.env(paths),
    ...(way !== undefined && 'env' in way && key !== null ? { [way.env]: key } : {}),
  };
}

function labels(launch: Launch, host: ContainerHost): Record<string, string> {
  const { transport, engine } = launch;
  return {
    [LABEL_NODE]: host.nodeId,
    [LABEL_SLOT]: launch.slotId,
    [LABEL_MODEL]: launch.modelId,
    [LABEL_ATTEMPT]: String(launch.attempt),
    [LABEL_GENERATION]: String(launch.generation),
    [LABEL_CONFIG]: launch.configHash,
    [LABEL_SOCKET]: launch.socketDirectory,
    [LABEL_REFERENCE]: engine.reference ?? '',
    [LABEL_VERSION]: engine.version ?? '',
    ...(transport.kind === 'tcp' ? { [LABEL_PORT]: String(transport.port) } : {}),
  };
}

function networking(
  { transport }: Launch,
  host: ContainerHost,
  name: string,
): Pick<Docker.HostConfig, 'NetworkMode' | 'Dns' | 'PortBindings'> {
  if (transport.kind === 'unix') return { NetworkMode: 'none' };
  return {
    NetworkMode: name,
    Dns: ['127.0.0.1'],
    ...(host.tcpReach === 'published'
      ? { PortBindings: { [`${transport.port}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: '' }] } }
      : {}),
  };
}

/** Mounts fail for a missing source; Binds would make it, as root. */
function mounts(launch: Launch, { keyFile }: RuntimePaths): Docker.MountSettings[] {
  const isUnix = launch.transport.kind === 'unix';
  const bind = (Source: string, Target: string, ReadOnly: boolean): Docker.MountSettings => ({
    Type: 'bind',
    Source,
    Target,
    ReadOnly,
  });
  return [
    bind(launch.modelDirectory, IN_MODELS, true),
    ...(isUnix || keyFile !== null ? [bind(launch.socketDirectory, IN_ATTEMPT, !isUnix)] : []),
    bind(launch.cacheDirectory, launch.spec.cache.path, false),
  ];
}

function memoryLimits(
  settings: Launch['settings'],
  host: ContainerHost,
): Pick<Docker.HostConfig, 'Memory' | 'MemorySwap' | 'ShmSize'> {
  const { memory_limit_bytes: limit, shm_bytes: shm } = settings;
  const most = Math.max(MIN_MEMORY_BYTES, (host.memoryBytes ?? totalmem()) - MEMORY_RESERVE_BYTES);
  const memory = typeof limit === 'number' ? limit : most;
  return {
    Memory: memory,
    // The same number: no swap, so that an engine that outgrows its memory ends instead of dragging the machine down.
    MemorySwap: memory,
    ...(typeof shm === 'number' ? { ShmSize: shm } : {}),
  };
}

/** By UUID: indices change with the order in which a driver finds the cards. Pure. */
function deviceRequests(gpuIds: readonly string[], request: GpuRequest): Docker.DeviceRequest[] {
  return request === 'cdi'
    ? [{ Driver: 'cdi', DeviceIDs: gpuIds.map((id) => `nvidia.com/gpu=${id}`) }]
    : [{ Driver: '', DeviceIDs: [...gpuIds], Capabilities: [['gpu']] }];
}

/**
 * The network of one attempt. Internal, so that nothing leads out of it; where a container's own address cannot be
 * reached a port has to be published, which internal networks do not do: then without address translation, so that
 * answers from beyond this machine find no way back. Pure.
 */
export function networkBody(
  launch: Pick<Launch, 'slotId' | 'attempt'>,
  host: ContainerHost,
): Docker.NetworkCreateOptions {
  return {
    Name: containerName(host.nodeId, launch.slotId, launch.attempt),
    Driver: 'bridge',
    CheckDuplicate: true,
    Labels: { [LABEL_NODE]: host.nodeId, [LABEL_SLOT]: launch.slotId },
    ...(host.tcpReach === 'address'
      ? { Internal: true }
      : { Options: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' } }),
  };
}

/** Where the key of an attempt lies on this machine. Pure. */
export function keyPath(socketDirectory: string): string {
  return join(socketDirectory, KEY_NAME);
}
