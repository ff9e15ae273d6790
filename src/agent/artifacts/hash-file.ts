import { Worker } from 'node:worker_threads';
import { AppError } from '../../shared/contract/index.ts';
import { fsError } from '../kernel/files.ts';
import { workerPath } from '../kernel/worker-entry.ts';
import type { HashMessage, HashTask } from './hash-worker.ts';

export interface HashOptions {
  readonly source: string;
  readonly target?: string;
  readonly resumeAt?: number;
  readonly size: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
  readonly onCheckpoint?: (bytes: number) => void;
}

/** One fdatasync for this much; a crash costs copying at most this again. */
const CHECKPOINT_BYTES = 256 * 1024 * 1024;

/**
 * SHA-256 of a file, copying it on the way when `target` is given. On return the target is durable.
 * @throws {AppError} `conflict` when the source changed, `not_found`, `permission_denied`, `resource_exhausted`,
 * `storage_unavailable`; the reason of `signal` when that aborts.
 */
export async function hashFile(options: HashOptions): Promise<string> {
  const { signal } = options;
  signal.throwIfAborted();
  const cancel = new SharedArrayBuffer(4);
  const task: HashTask = {
    source: options.source,
    target: options.target ?? null,
    resumeAt: options.resumeAt ?? 0,
    size: options.size,
    checkpointBytes: CHECKPOINT_BYTES,
    cancel,
  };
  const worker = new Worker(workerPath('hash-worker'), { workerData: task });
  const stop = (): void => void Atomics.store(new Int32Array(cancel), 0, 1);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.on('message', (message: HashMessage) => {
        if (message.kind === 'progress') options.onProgress?.(message.bytes);
        else if (message.kind === 'checkpoint') options.onCheckpoint?.(message.bytes);
        else if (message.kind === 'done') resolve(message.sha256);
        else reject(failure(message, options));
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the hash worker ended with code ${code}`)));
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failure(
  { code, message }: { code: string; message: string },
  { source, target, signal }: HashOptions,
): unknown {
  if (code === 'CANCELLED')
    return signal.reason instanceof Error ? signal.reason : new AppError('shutting_down', 'It was stopped.');
  if (code === 'CHANGED') return changedDuringImport(source, message);
  const noRoom = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  const cause = Object.assign(new Error(message), { code: code === 'EFBIG' ? 'ENOSPC' : code });
  return fsError(cause, noRoom ? (target ?? source) : source);
}

export function changedDuringImport(path: string, what: string): AppError {
  return new AppError('conflict', `${path} changed while it was read: ${what}.`, {
    hint: 'Wait until whatever writes it has finished, then import it again.',
    details: { reason: 'source_changed', path },
  });
}
