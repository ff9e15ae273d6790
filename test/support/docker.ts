import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The docker client, for looking at what the agent made and for doing to it what people do. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await execute('docker', args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout.trim();
}

export interface InspectedContainer {
  readonly Id: string;
  readonly Args: string[];
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly Config: { readonly User: string; readonly Labels: Record<string, string>; readonly Env: string[] };
  readonly HostConfig: {
    readonly NetworkMode: string;
    readonly CapDrop: string[];
    readonly SecurityOpt: string[];
    readonly ReadonlyRootfs: boolean;
    readonly PidsLimit: number;
    readonly Memory: number;
    readonly RestartPolicy: { readonly Name: string };
    readonly AutoRemove: boolean;
    readonly ShmSize: number;
  };
  readonly NetworkSettings: { readonly Ports: Record<string, unknown> };
  readonly Mounts: { readonly Type: string; readonly Destination: string; readonly RW: boolean }[];
}

/** Containers of a node, running or not. */
export async function containersOf(nodeId: string): Promise<InspectedContainer[]> {
  for (;;) {
    const ids = (await docker('ps', '-aq', '--no-trunc', '--filter', `label=io.modelops.node=${nodeId}`))
      .split('\n')
      .filter((id) => id !== '');
    if (ids.length === 0) return [];
    try {
      return JSON.parse(await docker('inspect', ...ids)) as InspectedContainer[];
    } catch (error) {
      // One of them went between the two questions.
      if (!String(error).includes('No such object')) throw error;
    }
  }
}

export async function removeContainersOf(nodeId: string): Promise<void> {
  for (const { Id } of await containersOf(nodeId)) await docker('rm', '-f', Id).catch(() => '');
}

/** Resolves when a container is gone: a replaced one answers its last requests first. @throws after 1000 looks. */
export async function containerGone(id: string): Promise<void> {
  // Blocks until it has ended; it may be gone already.
  await docker('wait', id).catch(() => '');
  for (let look = 0; look < 1000; look += 1) {
    const found = await docker('ps', '-aq', '--no-trunc', '--filter', `id=${id}`);
    if (found === '') return;
  }
  throw new Error(`container ${id} ended but is still there`);
}

/** Networks of a node. */
export async function networksOf(nodeId: string): Promise<string[]> {
  const names = await docker(
    'network',
    'ls',
    '--format',
    '{{.Name}}',
    '--filter',
    `label=io.modelops.node=${nodeId}`,
  );
  return names.split('\n').filter((name) => name !== '');
}
