import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { environment } from './agent.ts';
import { timed, type Scope } from './scope.ts';

const PEERS = join(import.meta.dirname, '..', 'peers');
const START_MS = 20_000;
/** More requests on one connection than a run ever sends: nobody closes a connection in the middle. */
const ENDLESS = 1_000_000_000;

export interface Peer {
  readonly port: number;
  readonly pid: number;
}

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks until something answers. @throws when nothing does in time. */
async function answering(port: number): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) });
      await response.body?.cancel();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`nothing answers on ${port}`, { cause: error });
      await delay(50);
    }
  }
}

/** nginx with one worker before the Unix socket of a runtime. @returns null where nginx is not installed. */
export async function startNginx(scope: Scope, modelSocket: string): Promise<Peer | null> {
  const program = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) =>
    existsSync(path),
  );
  if (program === undefined) return null;
  const directory = await scope.directory('nginx');
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n  ');
  // Its worker gives up root, and could not reach a socket in a private directory then.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  await writeFile(
    join(directory, 'nginx.conf'),
    `daemon off;
# One process that does the work itself: a worker would outlive a master that is killed.
master_process off;
${user}
pid ${directory}/pid;
error_log ${directory}/error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary}
  keepalive_requests ${ENDLESS};
  upstream runtime {
    server unix:${modelSocket};
    keepalive 128;
    keepalive_requests ${ENDLESS};
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://runtime;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`,
  );
  const args = ['-e', join(directory, 'error.log'), '-p', directory, '-c', join(directory, 'nginx.conf')];
  const child = scope.spawn(program, args, { stdio: 'inherit' });
  await answering(port);
  return { port, pid: child.pid ?? 0 };
}

/** Portkey's gateway, installed when it is not there. Clients name the runtime in a header. */
export async function startPortkey(scope: Scope): Promise<Peer> {
  const program = join(PEERS, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  if (!existsSync(program)) {
    const args = ['ci', '--prefix', PEERS, '--ignore-scripts', '--no-audit', '--no-fund'];
    await timed(scope, 'npm', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  const port = await freePort();
  const child = scope.spawn(process.execPath, [program, `--port=${port}`, '--headless'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment({ NODE_ENV: 'production' }),
    cwd: await scope.directory('portkey'),
  });
  await answering(port);
  return { port, pid: child.pid ?? 0 };
}

/** The version of Portkey's gateway that is compared with. */
export function portkeyVersion(): string {
  const { dependencies } = JSON.parse(readFileSync(join(PEERS, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return dependencies['@portkey-ai/gateway'] ?? '';
}
