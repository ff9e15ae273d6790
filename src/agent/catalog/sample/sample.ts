import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../../../shared/contract/index.ts';
import { exists, translateFs, writeFileDurably } from '../../kernel/files.ts';
import { startImport, type ImportDeps } from '../import-job.ts';
import { speakingModel } from './speaking-model.ts';

/** The model of `modelops run sample`: made here, so that a first answer needs no network. It says what it is. */
const SAMPLE_NAME = 'sample';
const SENTENCE =
  'Hello! I am the sample model, made on this very machine in a moment, and nothing was sent anywhere. ' +
  'Import your own GGUF file to talk with one that thinks.';

/** Writes the sample model when it is not there and imports it. */
export async function startSample(
  deps: ImportDeps,
  directory: string,
  actorId: string | null,
  signal: AbortSignal,
): Promise<Job> {
  const path = join(directory, `${SAMPLE_NAME}.gguf`);
  await translateFs(path, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const bytes = speakingModel({ name: SAMPLE_NAME, sentence: SENTENCE });
    if (!(await exists(path))) await writeFileDurably(path, bytes, 0o600);
  });
  const request = {
    path,
    name: SAMPLE_NAME,
    id: null,
    label: null,
    task_key: 'llm',
    description: 'A tiny model made here to show how it works.',
    register: true,
    link: false,
    is_sample: true,
  } as const;
  return startImport(deps, request, actorId, signal);
}
