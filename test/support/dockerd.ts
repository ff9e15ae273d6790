import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureLlamaImage } from '../../tools/llama-image.ts';
import { engineEnvironment } from '../../tools/test-machine.ts';

const execute = promisify(execFile);

/** A Docker engine of the test's own, which it may stop and start. Needs root. */
export interface OwnDockerd extends AsyncDisposable {
  readonly host: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param under a command that runs the engine in its place: in a network of its own, under a tracer */
export async function ownDockerd(
  directory: string,
  args: readonly string[] = [],
  under: readonly string[] = [],
): Promise<OwnDockerd> {
  const socket = join(directory, 'docker.sock');
  const host = `unix://${socket}`;
  await mkdir(directory, { recursive: true });
  let child: ChildProcess | null = null;

  const answers = async (): Promise<boolean> =>
    execute('docker', ['-H', host, 'info']).then(
      () => true,
      () => false,
    );
  const start = async (): Promise<void> => {
    const log = openSync(join(directory, 'dockerd.log'), 'a');
    const paths = [
      '--data-root',
      join(directory, 'data'),
      '--exec-root',
      join(directory, 'exec'),
      '--pidfile',
      join(directory, 'docker.pid'),
    ];
    const [command, ...options] = [...under, 'dockerd'] as const;
    child = spawn(
      command,
      [...options, '-H', host, ...paths, '--bridge=none', '--iptables=false', '--ip6tables=false', ...args],
      { stdio: ['ignore', log, log], env: engineEnvironment() },
    );
    const ended = once(child, 'exit').then(async () => {
      throw new Error(
        `dockerd ended: ${(await readFile(join(directory, 'dockerd.log'), 'utf8')).slice(-2000)}`,
      );
    });
    ended.catch(() => undefined);
    const ready = (async () => {
      while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 50));
    })();
    await Promise.race([ready, ended]);
  };
  const stop = async (): Promise<void> => {
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    // The engine itself, not what it runs under.
    process.kill(Number(await readFile(join(directory, 'docker.pid'), 'utf8')), 'SIGTERM');
    await ended;
    child = null;
  };
  await start();
  ensureLlamaImage(host);
  return {
    host,
    start,
    stop,
    [Symbol.asyncDispose]: async () => {
      if (child === null) await start();
      const { stdout } = await execute('docker', ['-H', host, 'ps', '-aq']);
      for (const id of stdout.split('\n').filter((line) => line !== ''))
        await execute('docker', ['-H', host, 'rm', '-f', id]);
      await stop();
      // Graph and network mounts of the engine lie below; what is still mounted must not be deleted through.
      await execute('sh', ['-c', `grep -o '${directory}[^ ]*' /proc/mounts | sort -r | xargs -r umount -l`]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
