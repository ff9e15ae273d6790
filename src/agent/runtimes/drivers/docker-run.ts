import type Docker from 'dockerode';
import type { ContainerBody } from './container.ts';

/** The body of a create call as a `docker run` line, for reading. Pure. */
export function dockerRunLine(body: ContainerBody): string {
  const host: Docker.HostConfig = body.HostConfig ?? {};
  const entrypoint = [body.Entrypoint ?? []].flat();
  const words = [
    'docker run --detach',
    option('name', body.name),
    option('user', body.User),
    option('workdir', body.WorkingDir),
    option('network', host.NetworkMode),
    ...(host.Dns ?? []).map((dns) => option('dns', dns)),
    ...((host.CapDrop ?? []) as string[]).map((capability) => option('cap-drop', capability)),
    ...((host.SecurityOpt ?? []) as string[]).map((one) => option('security-opt', one)),
    host.ReadonlyRootfs === true ? '--read-only' : '',
    ...Object.entries((host.Tmpfs ?? {}) as Record<string, string>).map(([path, options]) =>
      option('tmpfs', `${path}:${options}`),
    ),
    ...(host.Mounts ?? []).map((mount) =>
      option(
        'mount',
        `type=${mount.Type},source=${mount.Source},target=${mount.Target}${mount.ReadOnly === true ? ',readonly' : ''}`,
      ),
    ),
    ...publishes((host.PortBindings ?? {}) as Record<string, { HostIp?: string }[]>),
    option('pids-limit', host.PidsLimit),
    option('memory', host.Memory),
    option('memory-swap', host.MemorySwap),
    option('shm-size', host.ShmSize),
    ...(host.DeviceRequests ?? []).map(gpuOption),
    '--no-healthcheck',
    ...Object.entries(body.Labels ?? {}).map(([name, value]) => option('label', `${name}=${value}`)),
    ...(body.Env ?? []).map((entry) => option('env', entry)),
    // Only the first word fits into the option; the others come before the arguments.
    option('entrypoint', entrypoint[0]),
    quote(body.Image ?? ''),
    ...[...entrypoint.slice(1), ...(body.Cmd ?? [])].map(quote),
  ];
  return words.filter((word) => word !== '').join(' ');
}

function option(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : `--${name} ${quote(String(value))}`;
}

function publishes(bindings: Record<string, { HostIp?: string }[]>): string[] {
  return Object.entries(bindings).flatMap(([port, hosts]) =>
    hosts.map(({ HostIp: ip = '' }) => option('publish', `${ip}::${port}`)),
  );
}

function gpuOption({ Driver: driver, DeviceIDs: ids }: Docker.DeviceRequest): string {
  if (driver === 'cdi') return (ids ?? []).map((id) => option('device', id)).join(' ');
  return option('gpus', `"device=${(ids ?? []).join(',')}"`);
}

/** As a POSIX shell reads it back. */
function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
