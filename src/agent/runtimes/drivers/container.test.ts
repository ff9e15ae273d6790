import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RuntimeSpec } from '../specs/spec.ts';
import { parseSpec } from '../specs/spec-registry.ts';
import { MAX_SOCKET_PATH, socketDirectory, SOCKET_NAME } from './attempt-socket.ts';
import { containerBody, networkBody, type ContainerHost } from './container.ts';
import { gpuRequestFor } from './docker-driver.ts';
import type { Launch } from './driver.ts';

const shipped = (id: string): RuntimeSpec => {
  const result = parseSpec(
    readFileSync(new URL(`../../../../resources/runtimes/${id}.yaml`, import.meta.url), 'utf8'),
    id,
  );
  if (!('spec' in result)) throw new Error(JSON.stringify(result.problems));
  return result.spec;
};
const llama = shipped('llama-cpp-cpu');

const launch: Launch = {
  slotId: 'chat',
  attempt: 3,
  modelId: 'a-v1',
  generation: 2,
  configHash: 'h',
  spec: llama,
  engine: {
    id: 'sha256:1',
    imageId: 'sha256:1',
    version: '5678',
    reference: 'llama:server',
    entrypoint: null,
  },
  args: ({ modelFile, socket }) => ['--model', modelFile, '--host', socket],
  env: ({ cacheDir }) => ({ LLAMA_CACHE: cacheDir }),
  entrypoint: { command: null, prefix: [] },
  transport: { kind: 'unix' },
  gpuIds: [],
  modelDirectory: '/data/store/models/x',
  modelFile: 'model.gguf',
  mmprojFile: null,
  socketDirectory: '/data/run/chat/3',
  cacheDirectory: '/data/caches/chat',
  settings: {},
};
const host: ContainerHost = {
  nodeId: '01a1fc3e-6c4b-70c4-885f-db61fdf46328',
  rootless: false,
  gpuRequest: 'nvidia',
  tcpReach: 'address',
  uid: 1000,
  gid: 998,
  memoryBytes: 8 * 1024 ** 3,
};

describe('the container', () => {
  it('has no network, no rights, no writable root, and runs as the user of the agent', () => {
    const body = containerBody(launch, host, null);
    expect(body).toMatchObject({
      name: 'modelops-fdf46328-chat-3',
      Image: 'sha256:1',
      User: '1000:998',
      Cmd: ['--model', '/models/model.gguf', '--host', '/run/modelops/s.sock'],
      Healthcheck: { Test: ['NONE'] },
      Labels: { 'io.modelops.node': host.nodeId, 'io.modelops.slot': 'chat' },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        RestartPolicy: { Name: 'no' },
        Memory: 7 * 1024 ** 3,
      },
    });
    expect(body.Env).toEqual(['HOME=/cache', 'USER=modelops', 'LOGNAME=modelops', 'LLAMA_CACHE=/cache']);
    expect(body.HostConfig?.Mounts?.map((mount) => [mount.Target, mount.ReadOnly])).toEqual([
      ['/models', true],
      ['/run/modelops', false],
      ['/cache', false],
    ]);
    for (const key of ['Binds', 'AutoRemove', 'DeviceRequests', 'ShmSize', 'PortBindings', 'Privileged'])
      expect(body.HostConfig).not.toHaveProperty(key);
    expect(body).not.toHaveProperty('Entrypoint');
  });

  it('is root of its own namespace on a rootless engine', () => {
    expect(containerBody(launch, { ...host, rootless: true }, null).User).toBe('0:0');
  });

  it('gets the entrypoint and the words before all others that the spec says', () => {
    const given = { ...launch, entrypoint: { command: ['python3'], prefix: ['--model'] } };
    const body = containerBody(given, host, null);
    expect(body.Entrypoint).toEqual(['python3']);
    expect((body.Cmd as string[])[0]).toBe('--model');
  });

  it('has the memory and the shared memory that the slot says', () => {
    const settings = { memory_limit_bytes: 100_000_000, shm_bytes: 2_000_000 };
    expect(containerBody({ ...launch, settings }, host, null).HostConfig).toMatchObject({
      Memory: 100_000_000,
      MemorySwap: 100_000_000,
      ShmSize: 2_000_000,
    });
  });

  it.each([
    ['nvidia', [{ Driver: '', DeviceIDs: ['GPU-1', 'GPU-2'], Capabilities: [['gpu']] }]],
    ['cdi', [{ Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=GPU-1', 'nvidia.com/gpu=GPU-2'] }]],
  ] as const)('asks for GPUs by UUID through %s', (gpuRequest, requests) => {
    const body = containerBody({ ...launch, gpuIds: ['GPU-1', 'GPU-2'] }, { ...host, gpuRequest }, null);
    expect(body.HostConfig?.DeviceRequests).toEqual(requests);
  });

  it('has its socket in a path that fits', () => {
    const path = socketDirectory('/data/run', 'x'.repeat(128), 12);
    expect(Buffer.byteLength(`${path}/${SOCKET_NAME}`)).toBeLessThanOrEqual(MAX_SOCKET_PATH);
    expect(socketDirectory('/data/run', 'chat', 12)).toBe('/data/run/chat/12');
  });
});

describe('a container that listens on TCP', () => {
  const tcp: Launch = { ...launch, transport: { kind: 'tcp', port: 8080, key: { env: 'API_KEY' } } };

  it('is in an internal network of its own, without names, and published nowhere', () => {
    const body = containerBody(tcp, host, 'secret');
    expect(body.HostConfig).toMatchObject({ NetworkMode: 'modelops-fdf46328-chat-3', Dns: ['127.0.0.1'] });
    expect(body.HostConfig).not.toHaveProperty('PortBindings');
    expect(body.HostConfig?.Mounts?.map((mount) => mount.Target)).toEqual(['/models', '/cache']);
    expect(networkBody(tcp, host)).toMatchObject({
      Name: 'modelops-fdf46328-chat-3',
      Internal: true,
      Labels: { 'io.modelops.node': host.nodeId, 'io.modelops.slot': 'chat' },
    });
  });

  it('is told its key by a variable or a file, and never in its arguments', () => {
    const byVariable = containerBody(tcp, host, 'secret');
    expect(byVariable.Env).toContain('API_KEY=secret');
    expect(JSON.stringify(byVariable.Cmd)).not.toContain('secret');
    const byFile = containerBody(
      { ...tcp, transport: { kind: 'tcp', port: 8080, key: { file: true } } },
      host,
      'secret',
    );
    expect(JSON.stringify(byFile)).not.toContain('secret');
    expect(byFile.HostConfig?.Mounts?.find((mount) => mount.Target === '/run/modelops')?.ReadOnly).toBe(true);
  });

  it('is published on a loopback port that the engine chooses where its address cannot be reached', () => {
    const desktop: ContainerHost = { ...host, tcpReach: 'published' };
    expect(containerBody(tcp, desktop, 'secret').HostConfig?.PortBindings).toEqual({
      '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    });
    expect(networkBody(tcp, desktop)).not.toHaveProperty('Internal');
    expect(networkBody(tcp, desktop).Options).toEqual({
      'com.docker.network.bridge.enable_ip_masquerade': 'false',
    });
  });
});

describe('how Docker is asked for GPUs', () => {
  it.each([
    ['auto', { runtime: true, cdi: null }, 'nvidia'],
    ['auto', { runtime: false, cdi: null }, 'nvidia'],
    ['auto', { runtime: true, cdi: true }, 'cdi'],
    ['auto', { runtime: false, cdi: false }, 'nvidia'],
    ['nvidia', { runtime: false, cdi: true }, 'nvidia'],
    ['cdi', { runtime: true, cdi: null }, 'cdi'],
  ] as const)('%s with %o: %s', (setting, nvidia, request) => {
    expect(gpuRequestFor(setting, { nvidia })).toBe(request);
  });
});
