import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VLLM_IMAGE } from '../../tools/vllm-image.ts';

/**
 * A user's spec of vLLM for the double (test/doubles/vllm) on a machine without a GPU: the shipped one with another id,
 * the double's image and device `cpu`. Write it before the agent starts, or wait until it lists it.
 * @returns the id of the spec
 */
export async function writeVllmSpec(dataDir: string, image: string = VLLM_IMAGE): Promise<string> {
  const shipped = await readFile(new URL('../../resources/runtimes/vllm.yaml', import.meta.url), 'utf8');
  const changed = [
    [/^id: vllm$/m, 'id: vllm-on-cpu'],
    [/^device: cuda$/m, 'device: cpu'],
    [/^ {2}reference: .*$/m, `  reference: ${image}`],
    [/^ {2}shm_bytes: .*$/m, '  shm_bytes: 67108864'],
    [/^env:$/m, 'env:\n  VLLM_DOUBLE_DEVICE: cpu'],
  ] as const;
  let text = shipped;
  for (const [pattern, replacement] of changed) {
    if (!pattern.test(text)) throw new Error(`the shipped spec has no ${pattern.source} any more`);
    text = text.replace(pattern, replacement);
  }
  const directory = join(dataDir, 'runtimes');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'vllm-on-cpu.yaml'), text);
  return 'vllm-on-cpu';
}
