import { spawnSync } from 'node:child_process';
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
] as const;

const root = fileURLToPath(new URL('..', import.meta.url));
const failed: string[] = [];
for (const [name, command, ...args] of CHECKS) {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = status === 0;
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'}  ${name}  ${seconds} s\n`);
  if (ok) continue;
  failed.push(name);
  process.stdout.write(error === undefined ? `${stdout}${stderr}` : `${error.message}\n`);
}
process.stdout.write(failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
