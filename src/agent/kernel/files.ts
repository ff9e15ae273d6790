import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../shared/contract/index.ts';

/** Small file operations that have to be durable, and their errors in the words of the error table. */

/** Writes a small file so that after a crash either the old or the new content is there, never a part. */
export async function writeFileDurably(path: string, content: string | Buffer, mode: number): Promise<void> {
  const part = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(part, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await fsyncDirectory(dirname(path));
}

/** Whether there is anything at a path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

export async function fsyncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function fsyncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** File system errors in the words of the error table. */
export async function translateFs<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw fsError(error, path);
  }
}

/** A file system error as an AppError; anything else comes back unchanged. */
export function fsError(error: unknown, path: string): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('not_found', `There is nothing at ${path}.`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new AppError('permission_denied', `The agent may not use ${path}.`, { cause: error });
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('resource_exhausted', `There is no room left on the disk of ${path}.`, {
        cause: error,
      });
    case 'EROFS':
    case 'EIO':
    case 'ENODEV':
    case 'ESTALE':
      return new AppError('storage_unavailable', `The disk of ${path} cannot be used now.`, { cause: error });
    default:
      return error;
  }
}
