import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface Mount extends AsyncDisposable {
  readonly path: string;
}

/** A small disk in memory. Needs root. */
export async function tmpfs(path: string, megabytes: number): Promise<Mount> {
  await mkdir(path, { recursive: true });
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', path]);
  return { path, [Symbol.asyncDispose]: () => unmount(path) };
}

/** Makes what lies at a path read-only. Needs root. */
export async function readOnly(path: string): Promise<Mount> {
  await execute('mount', ['--bind', path, path]);
  await execute('mount', ['-o', 'remount,ro,bind', path]);
  return { path, [Symbol.asyncDispose]: () => unmount(path) };
}

async function unmount(path: string): Promise<void> {
  await execute('umount', ['-l', path]);
}
