import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../../shared/contract/index.ts';

/** How the engine is reached. */
export type DockerHost =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean };

/**
 * `DOCKER_HOST` when it is set, else the first socket that exists: the system engine, a rootless one, Docker Desktop.
 * @throws {AppError} `invalid_argument` when `DOCKER_HOST` is not understood.
 */
export function findDockerHost(
  configured: string | null,
  env: NodeJS.ProcessEnv,
  exists: (path: string) => boolean = existsSync,
): DockerHost {
  if (configured !== null) return parseDockerHost(configured);
  if (process.platform === 'win32') return { kind: 'socket', path: '//./pipe/docker_engine' };
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  const candidates = [
    '/var/run/docker.sock',
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, 'docker.sock')]),
    join(homedir(), '.docker', 'run', 'docker.sock'),
    join(homedir(), '.docker', 'desktop', 'docker.sock'),
  ];
  return { kind: 'socket', path: candidates.find(exists) ?? '/var/run/docker.sock' };
}

function parseDockerHost(value: string): DockerHost {
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(value);
  if (socket?.[1] !== undefined) return { kind: 'socket', path: socket[1] };
  const tcp = /^(tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(value);
  if (tcp?.[2] !== undefined) {
    const tls = tcp[1] === 'https';
    return {
      kind: 'tcp',
      host: tcp[2].replace(/^\[|\]$/g, ''),
      port: Number(tcp[3] ?? (tls ? 2376 : 2375)),
      tls,
    };
  }
  throw new AppError('invalid_argument', `DOCKER_HOST=${value} is not understood.`, {
    hint: 'Use unix:///path/to/docker.sock or tcp://host:port. For a remote engine over SSH, forward its socket.',
    details: { fields: ['docker_host'] },
  });
}

/** Options that make the docker client speak to this engine; none where it does by itself. Pure. */
export function dockerClientOptions(host: DockerHost): string[] {
  if (host.kind === 'tcp') {
    const name = host.host.includes(':') ? `[${host.host}]` : host.host;
    return ['-H', `tcp://${name}:${host.port}`, ...(host.tls ? ['--tls'] : [])];
  }
  if (host.path === '/var/run/docker.sock' || host.path === '//./pipe/docker_engine') return [];
  return ['-H', `${host.path.startsWith('//./pipe/') ? 'npipe' : 'unix'}://${host.path}`];
}

export function describeDockerHost(host: DockerHost): string {
  return host.kind === 'socket' ? host.path : `tcp://${host.host}:${host.port}`;
}
