import type { ContentFile } from '../../../shared/contract/index.ts';
import {
  readGgufHeader,
  readSafetensorsHeader,
  type BlobStore,
  type ModelFiles,
} from '../../artifacts/index.ts';
import { toIsoOrNull } from '../../kernel/clock.ts';
import type { Finding, Validator } from './validator.ts';
import { bytesInWords, listInWords, plural } from './words.ts';

/** For so long a thorough check reads files that look unchanged; a slow disk does not make a model fail. */
const THOROUGH_MS = 90_000;

/**
 * Every file is there, is the file that was stored, and its header can be read. A file whose device, inode, size or time
 * changed is hashed again; a thorough check hashes all of them.
 */
export function artifactIntegrity(deps: { blobs: BlobStore }): Validator {
  return {
    kind: 'artifact_integrity',
    title: 'Files are what was stored',
    description:
      'Every file is there with the size and the digest it was stored under, and its header can be read.',
    required: true,
    hosting: ['local'],
    applies: () => true,
    run: async ({ files, thorough }, signal) => {
      const { states, hashed } = await deps.blobs.verify(
        files.list,
        thorough ? AbortSignal.timeout(THOROUGH_MS) : null,
        signal,
      );
      const broken = files.list.filter((file) => states.get(file.path) !== 'ready');
      if (broken.length > 0) return damaged(broken, states);
      for (const file of files.list) await readHeader(files, file, signal);
      const bytes = files.list.reduce((sum, file) => sum + file.size, 0);
      return {
        result: 'success',
        summary: `${plural(files.list.length, 'file')}, ${bytesInWords(bytes)}. ${readAgain(hashed, files.list.length)}`,
        details: {
          artifact_status: 'ready',
          file_count: files.list.length,
          hashed_count: hashed,
          verified_at: toIsoOrNull(deps.blobs.verifiedAt(files.list)),
        },
      };
    },
  };
}

function readAgain(hashed: number, count: number): string {
  if (hashed === 0) return 'None changed since its digest was computed.';
  if (hashed === count) return 'All were read again, and every digest is right.';
  return `${hashed} of ${count} were read again and have the right digest; the others look as they were stored.`;
}

const WORST = ['missing', 'corrupt', 'quarantined', 'verifying'] as const;

function damaged(broken: readonly ContentFile[], states: ReadonlyMap<string, string>): Finding {
  const status = WORST.find((state) => [...states.values()].includes(state)) ?? 'corrupt';
  const names = listInWords(broken.map((file) => file.path));
  const said = {
    missing: `${names} cannot be found any more.`,
    corrupt: `${names} no longer holds the bytes that were stored.`,
    quarantined: `${names} is in quarantine.`,
    verifying: `${names} changed on disk and could not be compared.`,
  }[status];
  return {
    result: 'failure',
    summary: `The files are ${status}, not ready: ${said}`,
    details: {
      artifact_status: status,
      files: broken
        .slice(0, 50)
        .map((file) => ({ path: file.path, state: states.get(file.path) ?? 'missing' })),
    },
  };
}

/** @throws {AppError} `unsupported_format` with the reason. */
async function readHeader(files: ModelFiles, file: ContentFile, signal: AbortSignal): Promise<void> {
  const gguf = /\.gguf$/i.test(file.path);
  if (!gguf && !/\.safetensors$/i.test(file.path)) return;
  await using source = await files.open(file);
  if (gguf) await readGgufHeader(source, signal);
  else await readSafetensorsHeader(source, file.path, signal);
}
