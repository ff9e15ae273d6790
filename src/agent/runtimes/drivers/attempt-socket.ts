import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes a Unix socket's path may have on Linux, without the closing zero (unix(7): sun_path[108]). */
export const MAX_SOCKET_PATH = 107;
export const SOCKET_NAME = 's.sock';
/** Beside it, or in its place: the key of an engine that listens on TCP. */
export const KEY_NAME = 'key';

/** The directory of an attempt's socket: fresh each time, because a killed engine leaves its socket and cannot bind it again. */
export function socketDirectory(runtimeDir: string, slotId: string, attempt: number): string {
  const plain = join(runtimeDir, slotId, String(attempt));
  if (Buffer.byteLength(join(plain, SOCKET_NAME)) <= MAX_SOCKET_PATH) return plain;
  const short = createHash('sha256').update(slotId).digest('hex').slice(0, 12);
  return join(runtimeDir, short, String(attempt));
}

/** Where an attempt listens. Windows has named pipes instead. */
export function socketPath(directory: string): string {
  if (process.platform !== 'win32') return join(directory, SOCKET_NAME);
  return `\\\\.\\pipe\\modelops-${createHash('sha256').update(directory).digest('hex').slice(0, 24)}`;
}

export async function makeSocketDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
}

export async function removeSocketDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
