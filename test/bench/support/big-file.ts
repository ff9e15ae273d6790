import { randomFill } from 'node:crypto';
import { open, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { writeGguf } from '../../../src/agent/catalog/sample/gguf-writer.ts';

export const GIBIBYTE = 1024 ** 3;
const BLOCK_BYTES = 8 * 1024 * 1024;
const FLOAT_BYTES = 4;
/** statfs types of file systems that keep their files in memory (linux/magic.h: tmpfs, ramfs). */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);

const fillRandomly = promisify(randomFill);

/** Why a directory does not take files of these bytes for a fair measurement; null when it does. */
export async function noRoomFor(directory: string, bytes: number): Promise<string | null> {
  const { type, bavail, bsize } = await statfs(directory);
  if (IN_MEMORY.has(type)) return `${directory} lies in memory; files of this size want a disk`;
  const free = bavail * bsize;
  if (free >= bytes + GIBIBYTE) return null;
  const gib = (value: number): string => (value / GIBIBYTE).toFixed(1);
  return `${gib(bytes + GIBIBYTE)} GiB are needed in ${directory}, ${gib(free)} GiB are free`;
}

/** A model file of `bytes`: a valid header with one large tensor of random bytes, which no disk can make smaller. */
export async function writeBigGguf(path: string, bytes: number): Promise<void> {
  const rows = Math.floor(bytes / FLOAT_BYTES / 1024);
  const header = writeGguf(
    {
      'general.architecture': { type: 'string', value: 'llama' },
      'general.name': { type: 'string', value: 'bench' },
      'llama.context_length': { type: 'u32', value: 4096 },
    },
    [{ name: 'token_embd.weight', dimensions: [1024, rows], data: new Float32Array(0) }],
  );
  const file = await open(path, 'w', 0o600);
  try {
    await file.write(header);
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    for (let left = rows * 1024 * FLOAT_BYTES; left > 0; left -= BLOCK_BYTES) {
      await fillRandomly(block);
      await file.write(block, 0, Math.min(left, BLOCK_BYTES));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
