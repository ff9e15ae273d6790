import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Hashes a file, and copies it while hashing, off the main thread. Reading the next block and writing the last one run
 * on the thread pool while this thread hashes, so the slowest of the three sets the pace.
 */
export interface HashTask {
  readonly source: string;
  /** Where to copy; null only hashes. */
  readonly target: string | null;
  /** Bytes that lie in the target already and are trusted after hashing them again. */
  readonly resumeAt: number;
  /** The source must still have this size when it was read. */
  readonly size: number;
  readonly checkpointBytes: number;
  /** Set to 1 to stop. */
  readonly cancel: SharedArrayBuffer;
}

export type HashMessage =
  | { readonly kind: 'progress'; readonly bytes: number }
  /** The target holds this many bytes durably. */
  | { readonly kind: 'checkpoint'; readonly bytes: number }
  | { readonly kind: 'done'; readonly sha256: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const BLOCK_BYTES = 4 * 1024 * 1024;

class Cancelled extends Error {}
class Changed extends Error {}

async function run(task: HashTask): Promise<string> {
  const flag = new Int32Array(task.cancel);
  const hash = createHash('sha256');
  const report = reporter();
  await using source = await openDisposable(task.source, 'r');
  const target = task.target === null ? null : await open(task.target, task.resumeAt > 0 ? 'r+' : 'w', 0o600);
  try {
    if (target !== null && task.resumeAt > 0) await hashPrefix(target, task.resumeAt, hash, flag, report);
    await pump({ source: source.file, target, task, hash, flag, report });
    if (target !== null) {
      await target.truncate(task.size);
      await target.sync();
    }
  } finally {
    await target?.close();
  }
  return hash.digest('hex');
}

interface Pump {
  readonly source: FileHandle;
  readonly target: FileHandle | null;
  readonly task: HashTask;
  readonly hash: Hash;
  readonly flag: Int32Array;
  readonly report: (bytes: number) => void;
}

async function pump({ source, target, task, hash, flag, report }: Pump): Promise<void> {
  const buffers = [
    Buffer.allocUnsafeSlow(BLOCK_BYTES),
    Buffer.allocUnsafeSlow(BLOCK_BYTES),
    Buffer.allocUnsafeSlow(BLOCK_BYTES),
  ];
  const read = async (index: number, position: number): Promise<Buffer> => {
    const buffer = buffers[index % buffers.length]!;
    const { bytesRead } = await source.read(buffer, 0, Math.min(BLOCK_BYTES, task.size - position), position);
    return buffer.subarray(0, bytesRead);
  };
  let position = task.target === null ? 0 : task.resumeAt;
  let durable = position;
  let syncing: Promise<void> | null = null;
  let pending = read(0, position);
  for (let index = 0; position < task.size; index += 1) {
    if (Atomics.load(flag, 0) === 1) throw new Cancelled('cancelled');
    const block = await pending;
    if (block.length === 0) throw new Changed(`the file ends at ${position} of ${task.size} bytes`);
    const next = position + block.length;
    pending = next < task.size ? read(index + 1, next) : Promise.resolve(block);
    const written = target === null ? null : writeAll(target, block, position);
    hash.update(block);
    await written;
    position = next;
    report(position);
    // The disk works while we go on; a checkpoint is told only once it is true.
    if (target !== null && syncing === null && position - durable >= task.checkpointBytes) {
      const upTo = position;
      syncing = target.datasync().then(() => {
        durable = upTo;
        syncing = null;
        post({ kind: 'checkpoint', bytes: upTo });
      });
    }
  }
  await pending;
  await syncing;
}

async function hashPrefix(
  file: FileHandle,
  length: number,
  hash: Hash,
  flag: Int32Array,
  report: (bytes: number) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  for (let position = 0; position < length;) {
    if (Atomics.load(flag, 0) === 1) throw new Cancelled('cancelled');
    const { bytesRead } = await file.read(buffer, 0, Math.min(BLOCK_BYTES, length - position), position);
    if (bytesRead === 0) throw new Changed('the partial file is shorter than its checkpoint');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
    report(position);
  }
}

async function writeAll(file: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await file.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

/** At most ten messages a second. */
function reporter(): (bytes: number) => void {
  let last = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - last < 100) return;
    last = now;
    post({ kind: 'progress', bytes });
  };
}

async function openDisposable(path: string, flags: string): Promise<{ file: FileHandle } & AsyncDisposable> {
  const file = await open(path, flags);
  return { file, [Symbol.asyncDispose]: () => file.close() };
}

function post(message: HashMessage): void {
  parentPort?.postMessage(message);
}

try {
  post({ kind: 'done', sha256: await run(workerData as HashTask) });
} catch (error) {
  const code =
    error instanceof Cancelled
      ? 'CANCELLED'
      : error instanceof Changed
        ? 'CHANGED'
        : ((error as NodeJS.ErrnoException).code ?? 'UNKNOWN');
  post({ kind: 'failed', code, message: (error as Error).message });
}
