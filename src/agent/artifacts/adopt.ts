import { createHash } from 'node:crypto';
import {
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../shared/contract/index.ts';
import { fsError, fsyncDirectory, fsyncFile, writeFileDurably } from '../kernel/files.ts';
import { changedDuringImport, hashFile } from './hash-file.ts';

export type AdoptedHow = 'copy' | 'reflink' | 'link';

/** What a file was when we looked: another inode, size or time means other bytes. */
export interface FileStamp {
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mtime_ns: string;
}

export interface Adopted {
  readonly sha256: string;
  readonly size: number;
  readonly how: AdoptedHow;
  /** Durable, complete, still under its temporary name. */
  readonly part: string;
}

export interface AdoptOptions {
  readonly source: string;
  /** Directory for partial files; on the volume of the store. */
  readonly partials: string;
  readonly link: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

const SidecarSchema = z.strictObject({
  path: z.string(),
  dev: z.string(),
  ino: z.string(),
  size: z.number(),
  mtime_ns: z.string(),
  bytes: z.number(),
});
type Sidecar = z.infer<typeof SidecarSchema>;

export function stampOf(info: BigIntStats): FileStamp {
  return {
    dev: String(info.dev),
    ino: String(info.ino),
    size: Number(info.size),
    mtime_ns: String(info.mtimeNs),
  };
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns;
}

/** The partial file of a source: the same source, unchanged, finds what an interrupted import left. */
export function partialPath(partials: string, source: string): string {
  return join(partials, `${createHash('sha256').update(source).digest('hex').slice(0, 32)}.part`);
}

/**
 * Brings one file into the store's volume and hashes it: by hard link when asked for, by reflink where the file system
 * can, else by copy. A copy that was interrupted goes on from its last checkpoint.
 * @throws {AppError} `conflict` when the source changes meanwhile, and what the file system says.
 */
export async function adoptFile(options: AdoptOptions): Promise<Adopted> {
  const { source, partials, signal } = options;
  try {
    await mkdir(partials, { recursive: true, mode: 0o700 });
    const before = stampOf(await stat(source, { bigint: true }));
    const part = partialPath(partials, source);
    const adopted = options.link ? await byLink(options, before, part) : await byCopy(options, before, part);
    const after = stampOf(await stat(source, { bigint: true }));
    if (!sameStamp(before, after)) {
      await discardPartial(part);
      throw changedDuringImport(source, 'its size or time is another now');
    }
    signal.throwIfAborted();
    return adopted;
  } catch (error) {
    throw fsError(error, source);
  }
}

/** Removes a partial file and what is known about it. */
export async function discardPartial(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function byLink(
  { source, signal, onProgress }: AdoptOptions,
  stamp: FileStamp,
  part: string,
): Promise<Adopted> {
  await discardPartial(part);
  try {
    await link(source, part);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') {
      throw new AppError(
        'invalid_argument',
        `${source} lies on another volume than the store; a hard link cannot reach it.`,
        {
          hint: 'Import it without linking; it is copied then.',
          details: { fields: ['link'] },
          cause: error,
        },
      );
    }
    throw error;
  }
  const sha256 = await hashFile({ source: part, size: stamp.size, signal, onProgress });
  return { sha256, size: stamp.size, how: 'link', part };
}

async function byCopy(options: AdoptOptions, stamp: FileStamp, part: string): Promise<Adopted> {
  const { source, signal, onProgress } = options;
  const resumeAt = await checkpointOf(part, source, stamp);
  if (resumeAt === 0) {
    await discardPartial(part);
    if (await reflink(source, part)) {
      const sha256 = await hashFile({ source: part, size: stamp.size, signal, onProgress });
      await fsyncFile(part);
      return { sha256, size: stamp.size, how: 'reflink', part };
    }
    await assertSpace(dirname(part), stamp.size);
  } else await assertSpace(dirname(part), stamp.size - resumeAt);

  // Checkpoints are small files in order; the last one that was written completely counts.
  let saving = Promise.resolve();
  const save = (bytes: number): void => {
    const sidecar: Sidecar = { path: source, ...stamp, bytes };
    saving = saving.then(() => writeFileDurably(`${part}.json`, JSON.stringify(sidecar), 0o600));
    // A failure is thrown where it is awaited below.
    saving.catch(() => undefined);
  };
  const sha256 = await hashFile({
    source,
    target: part,
    resumeAt,
    size: stamp.size,
    signal,
    onProgress,
    onCheckpoint: save,
  });
  await saving;
  return { sha256, size: stamp.size, how: 'copy', part };
}

/** Bytes of a partial copy that can be trusted, 0 when there are none or the source is another one now. */
async function checkpointOf(part: string, source: string, stamp: FileStamp): Promise<number> {
  try {
    const sidecar = SidecarSchema.parse(JSON.parse(await readFile(`${part}.json`, 'utf8')));
    const { size } = await stat(part);
    const same = sidecar.path === source && sameStamp(sidecar, stamp);
    return same && size >= sidecar.bytes && sidecar.bytes <= stamp.size ? sidecar.bytes : 0;
  } catch {
    // No sidecar, half of one, or no partial file: all mean to start from the beginning.
    return 0;
  }
}

async function reflink(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    await rm(target, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM', 'ETXTBSY'].includes(code))
      return false;
    throw error;
  }
}

/** Bytes kept free for the database and its log. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** @throws {AppError} `resource_exhausted` with both numbers when the volume has no room for `bytes`. */
export async function assertSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (bytes + RESERVE_BYTES <= free) return;
  throw new AppError(
    'resource_exhausted',
    `${mebibytes(bytes)} are needed, ${mebibytes(Math.max(0, free - RESERVE_BYTES))} are free.`,
    {
      details: { needed_bytes: bytes, free_bytes: free, reserve_bytes: RESERVE_BYTES },
    },
  );
}

function mebibytes(bytes: number): string {
  const gib = bytes / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** Gives a complete part its final name, durably. A foreign file that is only linked keeps its mode. */
export async function promote({ part, how }: Adopted, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  if (how !== 'link') await chmod(part, 0o400);
  await rename(part, target);
  // Renaming one hard link of a file over another leaves both.
  await discardPartial(part);
  await fsyncDirectory(dirname(target));
}
