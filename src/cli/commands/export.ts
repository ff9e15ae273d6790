import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, endpointUrl, isErrorCode, type Model } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatBytes } from '../output.ts';
import { createProgress } from '../progress.ts';

type ModelFile = NonNullable<NonNullable<Model['artifact']>['files']>[number];
/** Told bytes as they come; a negative number takes back what has to come again. */
type OnBytes = (bytes: number) => void;

export function exportCommand(models: Command): void {
  action(
    models
      .command('export')
      .description('copy every file of a model into a directory, and check each; goes on where it stopped')
      .argument('<id>')
      .argument('<dir>'),
    async ({ agent, output }, _options, id, directory) => {
      const connection = await agent();
      const { model } = await connection.call(ENDPOINTS.getModel, { params: { id: id ?? '' } });
      const files = model.artifact?.files ?? [];
      if (files.length === 0)
        throw new AppError('invalid_argument', `${model.id} has no files on this node.`, {
          hint: 'A model that runs at a provider has none to export.',
        });
      const root = resolve(directory ?? '');
      const total = files.reduce((sum, file) => sum + file.size_bytes, 0);
      const view = createProgress(output);
      let done = 0;
      const onBytes: OnBytes = (bytes) => {
        done += bytes;
        const progress = { phase: 'copying', bytes_done: done, bytes_total: total };
        view.update({ title: `Export ${model.id}`, progress });
      };
      let skipped = 0;
      try {
        for (const file of files)
          if (await exportFile(connection, model.id, file, root, onBytes)) skipped += 1;
      } finally {
        view.end();
      }
      output.result(
        { model_id: model.id, directory: root, files, skipped },
        `${model.id}: ${files.length} files, ${formatBytes(total)} in ${root}${skipped === 0 ? '' : `; ${skipped} were there`}. Every digest is right.`,
      );
    },
  );
}

/** @returns whether it was there already, whole. */
async function exportFile(
  connection: Connection,
  id: string,
  file: ModelFile,
  root: string,
  onBytes: OnBytes,
): Promise<boolean> {
  const target = join(root, ...file.path.split('/'));
  if (!target.startsWith(root + sep)) throw new AppError('invalid_argument', `${file.path} leaves ${root}.`);
  if ((await sizeOf(target)) === file.size_bytes && (await digestOf(target)) === file.sha256) {
    onBytes(file.size_bytes);
    return true;
  }
  await mkdir(dirname(target), { recursive: true });
  const part = `${target}.part`;
  for (const isLast of [false, true]) {
    await fetchRest(connection, id, file, part, onBytes);
    if ((await digestOf(part)) === file.sha256) {
      await rename(part, target);
      return false;
    }
    // What was kept of an earlier try may be of other bytes; once more from the start.
    await rm(part, { force: true });
    if (!isLast) onBytes(-file.size_bytes);
  }
  throw new AppError('storage_unavailable', `${file.path} came with another digest than ${file.sha256}.`, {
    hint: 'Check the disk it is written to, then give the same command again.',
  });
}

async function fetchRest(
  { url, token }: Connection,
  id: string,
  file: ModelFile,
  part: string,
  onBytes: OnBytes,
): Promise<void> {
  const kept = await sizeOf(part);
  const have = kept > file.size_bytes ? 0 : kept;
  onBytes(have);
  if (have === file.size_bytes && have > 0) return;
  const path = endpointUrl(ENDPOINTS.getModelFile, { params: { id, '*': file.path } });
  const response = await fetch(url + path, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': `"${file.sha256}"` }),
    },
  }).catch((cause: unknown) => {
    throw new AppError('agent_unreachable', 'The agent does not answer.', { cause });
  });
  if (!response.ok) throw await refusalOf(response);
  const resumes = response.status === 206;
  if (!resumes) onBytes(-have);
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      onBytes(chunk.length);
      next(null, chunk);
    },
  });
  const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as never);
  await pipeline(body, counting, createWriteStream(part, { flags: resumes ? 'a' : 'w' })).catch(
    (cause: unknown) => {
      throw new AppError('storage_unavailable', `${file.path} did not arrive whole.`, {
        hint: 'Give the same command again; it goes on where this one stopped.',
        cause,
      });
    },
  );
}

async function refusalOf(response: Response): Promise<AppError> {
  const body = (await response.json().catch(() => ({}))) as {
    error?: unknown;
    message?: unknown;
    hint?: unknown;
  };
  return new AppError(
    isErrorCode(body.error) ? body.error : 'agent_unreachable',
    typeof body.message === 'string' ? body.message : `The agent answered with status ${response.status}.`,
    typeof body.hint === 'string' ? { hint: body.hint } : {},
  );
}

/** 0 for a file that is not there. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
