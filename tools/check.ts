import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** `npm run check`: all that can be said of the sources without running them. Every check runs, then the sum is told. */
const CHECKS = [
  ['types', 'tsc', '-p', 'tsconfig.node.json'],
  ['types: what runs everywhere', 'tsc', '-p', 'tsconfig.shared.json'],
  ['types: user interface', 'tsc', '-p', 'tsconfig.web.json'],
  ['types: browser tests', 'tsc', '-p', 'tsconfig.browser-tests.json'],
  ['lint', 'oxlint', '--type-aware'],
  ['format', 'oxfmt', '--check'],
  ['architecture', 'vitest', 'run', '--project', 'architecture'],
  ['dead code', 'knip', '--no-progress'],
  ['generated documents', 'node', 'tools/docs.ts', '--check'],
  ['OpenAPI', 'node', 'tools/openapi.ts', '--check'],
] as const;

const root = fileURLToPath(new URL('..', import.meta.url));
const failed: string[] = [];

/** Whether a program ended well, with what it said. */
async function run(command: string, args: readonly string[]): Promise<{ ok: boolean; said: string }> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const ended = once(child, 'close') as Promise<[number | null]>;
    const [[status], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { ok: status === 0, said: stdout + stderr };
  } catch (error) {
    // It could not be started.
    return { ok: false, said: `${String(error)}\n` };
  }
}

async function work(left: (typeof CHECKS)[number][]): Promise<void> {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, command, ...args] = next;
    const started = performance.now();
    const { ok, said } = await run(command, args);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${ok ? 'ok    ' : 'FAILED'}  ${name}  ${seconds} s\n`);
    if (ok) continue;
    failed.push(name);
    process.stdout.write(said);
  }
}

const left = [...CHECKS];
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, () => work(left)));
process.stdout.write(failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
