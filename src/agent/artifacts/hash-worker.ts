import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Hashes a file, and copies it while hashing, off the main thread. Reading the next block and writing the last ones
 * run on the thread pool while this thread hashes, so the slowest of the three sets the pace.
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
/** Blocks on their way at once. A disk that stalls for a checkpoint holds up the hash only when all of them wait for it. */
const BLOCKS = 6;

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
  const ring = Array.from({ length: BLOCKS }, () => ({
    buffer: Buffer.allocUnsafeSlow(BLOCK_BYTES),
    written: Promise.resolve(),
  }));
  const slotOf = (index: number): (typeof ring)[number] => ring[index % BLOCKS]!;
  const read = async (index: number, position: number): Promise<Buffer> => {
    const { buffer, written } = slotOf(index);
    await written;
    const { bytesRead } = await source.read(buffer, 0, Math.min(BLOCK_BYTES, task.size - position), position);
    return buffer.subarray(0, bytesRead);
  };
  let position = target === null ? 0 : task.resumeAt;
  const writer = target === null ? null : new BlockWriter(target, position, task.checkpointBytes);
  let pending = read(0, position);
  for (let index = 0; position < task.size; index += 1) {
    if (Atomics.load(flag, 0) === 1) throw new Cancelled('cancelled');
    const block = await pending;
    if (block.length === 0) throw new Changed(`the file ends at ${position} of ${task.size} bytes`);
    if (writer !== null) slotOf(index).written = writer.write(block, position);
    position += block.length;
    pending = position < task.size ? read(index + 1, position) : Promise.resolve(block);
    // When this loop is left early, nobody awaits it any more.
    pending.catch(() => undefined);
    hash.update(block);
    report(position);
  }
  await pending;
  await writer?.end();
}

/** Writes blocks in order, and makes them durable now and then while the next ones are written. */
class BlockWriter {
  readonly #file: FileHandle;
  readonly #checkpointBytes: number;
  #last: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | null = null;
  #durable: number;

  constructor(file: FileHandle, durable: number, checkpointBytes: number) {
    this.#file = file;
    this.#durable = durable;
    this.#checkpointBytes = checkpointBytes;
  }

  /** Resolves when the block is written, and with it every block before. */
  write(block: Buffer, position: number): Promise<void> {
    this.#last = this.#last.then(async () => {
      await writeAll(this.#file, block, position);
      this.#checkpoint(position + block.length);
    });
    // Thrown where it is awaited: when the buffer is needed again, or at the end.
    this.#last.catch(() => undefined);
    return this.#last;
  }

  /** Resolves when everything is written and no checkpoint is under way. */
  async end(): Promise<void> {
    await this.#last;
    await this.#syncing;
  }

  /** The disk works while we go on; a checkpoint is told only once it is true. */
  #checkpoint(written: number): void {
    if (this.#syncing !== null || written - this.#durable < this.#checkpointBytes) return;
    this.#syncing = this.#file.datasync().then(() => {
      this.#durable = written;
      this.#syncing = null;
      post({ kind: 'checkpoint', bytes: written });
    });
    // A disk that refuses is told by `end`.
    this.#syncing.catch(() => undefined);
  }
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
