import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { AppError } from '../../shared/contract/index.ts';
import type { RawContext } from '../../server/context.ts';
import type { BlobStore } from '../artifacts/index.ts';
import { fsError } from '../kernel/files.ts';
import type { ModelLifecycle } from './lifecycle.ts';
import type { ModelStore } from './model-store.ts';

/** First and last byte, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range that a header asks for (RFC 9110, 14.2). Pure.
 * @returns null to send everything (no range, several, or not in bytes), `none` when it lies outside
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'none' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  const [, from = '', to = ''] = match ?? [];
  if (match === null || (from === '' && to === '')) return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null;
  return start >= size || (from === '' && Number(to) === 0) ? 'none' : { start, end };
}

/** Sends a file of a model, or the range that is asked for. The digest is its entity tag. */
export async function sendModelFile(
  { models, lifecycle, blobs }: { models: ModelStore; lifecycle: ModelLifecycle; blobs: BlobStore },
  { id, path }: { id: string; path: string },
  { request, reply, caller, requestId }: RawContext,
): Promise<void> {
  const row = lifecycle.visible(id, caller);
  // Only what the version names is ever opened, and by its digest.
  const file = models.files(row.version_id).find((one) => one.path === path);
  if (file === undefined)
    throw new AppError('not_found', `${id} has no file ${path.slice(0, 200)}.`, {
      hint: 'See its artifact for the files there are.',
    });
  const status = await lifecycle.observeArtifact(id);
  if (status !== 'ready')
    throw new AppError('artifact_not_ready', `The files of ${id} are ${status}, not ready.`, {
      details: { artifact_status: status },
    });
  const blob = blobs.blobPath(file.sha256);
  const { size } = await stat(blob).catch((error: unknown) => {
    throw fsError(error, path);
  });
  const etag = `"${file.sha256}"`;
  const { range: wanted, 'if-range': ifRange, 'if-none-match': known } = request.headers;
  void reply.headers({
    etag,
    'x-request-id': requestId,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(path.split('/').at(-1) ?? 'file')}`,
  });
  if (known === '*' || known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true) {
    await reply.status(304).send();
    return;
  }
  const range = ifRange === undefined || ifRange === etag ? rangeOf(wanted, size) : null;
  if (range === 'none') {
    await reply.status(416).header('content-range', `bytes */${size}`).header('content-length', '0').send('');
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  void reply.header('content-length', String(end - start + 1));
  if (range !== null) void reply.status(206).header('content-range', `bytes ${start}-${end}/${size}`);
  if (size === 0) await reply.send('');
  else await reply.send(createReadStream(blob, { start, end }));
}
