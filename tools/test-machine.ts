import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';

/** What the suites need of the machine beyond npm, made on a Debian machine by root. */

const PACKAGES = [
  'docker.io',
  'chromium',
  'xvfb',
  'debootstrap',
  'postgresql',
  'strace',
  'iproute2',
  'nginx-light',
] as const;

const ENGINE_START_MS = 60_000;

/**
 * Installs the Debian packages that are missing.
 * @throws when something is missing and cannot be installed, with what to do
 */
export function installPackages(): void {
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(`These packages are missing; install them as root: ${missing.join(' ')}`);
  process.stdout.write(`Installing ${missing.join(', ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  apt(['update', '-qq'], env);
  apt(['install', '-y', '-qq', '--no-install-recommends', ...missing], env);
}

function isInstalled(name: string): boolean {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], {
    encoding: 'utf8',
  });
  return status === 0 && stdout === 'installed';
}

function apt(args: readonly string[], env: NodeJS.ProcessEnv): void {
  const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stdout.slice(-2000)}${stderr}`);
}

const engineAnswers = (): boolean => spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;

const NVIDIA_DOUBLES = fileURLToPath(new URL('../test/doubles/nvidia/', import.meta.url));

/** The environment of an engine that offers GPUs: it does when it finds the hook of NVIDIA's toolkit in its PATH. */
export function engineEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { ...env, PATH: `${env['PATH'] ?? ''}:${NVIDIA_DOUBLES}` };
}

/**
 * Sees to it that a Docker engine answers; starts one in a session of its own when none does.
 * @returns a function that ends the engine if this started it
 * @throws when none can be started, with where its log lies
 */
export async function startEngine(log: string): Promise<() => Promise<void>> {
  if (engineAnswers()) return () => Promise.resolve();
  const output = openSync(log, 'w');
  const engine = spawn('dockerd', [], {
    detached: true,
    stdio: ['ignore', output, output],
    env: engineEnvironment(),
  });
  const ended = once(engine, 'exit');
  const deadline = performance.now() + ENGINE_START_MS;
  while (!engineAnswers()) {
    if (engine.exitCode !== null || performance.now() > deadline)
      throw new Error(`dockerd did not come up; see ${log}`);
    // The engine tells nobody when it is ready; asking is the way.
    await delay(200);
  }
  return async () => {
    engine.kill('SIGTERM');
    await ended;
  };
}

export const TEST_USER = 'modelops-test';

/** Makes the ordinary user of group `docker` whom the Docker suite runs as, unless there is one. Needs root. */
export function ensureTestUser(): void {
  if (spawnSync('id', [TEST_USER], { stdio: 'ignore' }).status !== 0)
    execFileSync('useradd', ['--create-home', '--groups', 'docker', TEST_USER], { stdio: 'inherit' });
}

/** Whether the ordinary user can read a path. */
export function userCanRead(path: string): boolean {
  return spawnSync('runuser', ['-u', TEST_USER, '--', 'test', '-r', path]).status === 0;
}
