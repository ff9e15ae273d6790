import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { asMarkdown, type PartResult } from './report.ts';

const PATH = new URL('../../../docs/benchmarks.md', import.meta.url);

/** The machine in words. */
export function machine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim().replaceAll(/\s+/g, ' ') ?? 'unknown';
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${processors.length} cores (${model}), ${memory} GiB of memory, ${process.platform} ${release()}, Node.js ${process.versions.node}`;
}

/** Puts results between the markers of their parts. @throws when the page has no place for one. */
export async function writeDocument(results: readonly PartResult[], command: string): Promise<void> {
  let text = await readFile(PATH, 'utf8');
  const when = `Measured on ${new Date().toISOString().slice(0, 10)} with \`${command}\`: ${machine()}.`;
  for (const result of results) {
    const begin = `<!-- bench:${result.part} -->`;
    const end = `<!-- /bench:${result.part} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for ${result.part}`);
    text = `${text.slice(0, from + begin.length)}\n\n${asMarkdown(result, when)}\n\n${text.slice(to)}`;
  }
  await writeFile(PATH, text);
  // npm puts the formatter on the path; the page is checked like every other file.
  const { status, error } = spawnSync('oxfmt', [fileURLToPath(PATH)], { stdio: 'ignore' });
  if (status !== 0) throw new Error('docs/benchmarks.md is written, but oxfmt did not run', { cause: error });
}
