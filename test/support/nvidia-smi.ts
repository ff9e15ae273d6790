import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Control } from '../doubles/nvidia/recording.ts';

const PROGRAM = fileURLToPath(new URL('../doubles/nvidia/nvidia-smi.ts', import.meta.url));

/** A nvidia-smi of the test's own, and what it says. */
export interface NvidiaSmiDouble {
  readonly path: string;
  /** From the next look on. */
  say(control: Control): Promise<void>;
}

/** Puts a nvidia-smi into a directory that replays a recording until it is told otherwise. */
export async function placeNvidiaSmi(directory: string, control: Control): Promise<NvidiaSmiDouble> {
  const path = join(directory, 'nvidia-smi');
  const file = join(directory, 'nvidia-smi.json');
  const say = async (said: Control): Promise<void> => {
    // In one step: it may be read at any moment.
    await writeFile(`${file}.new`, JSON.stringify(said));
    await rename(`${file}.new`, file);
  };
  await say(control);
  await writeFile(path, `#!/bin/sh\nNVIDIA_DOUBLE='${file}' exec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  await chmod(path, 0o755);
  return { path, say };
}
