import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildIfOutdated } from './build.ts';
import { ensureLlamaImage } from './llama-image.ts';
import { outcomeOf, SUITES, verdictOf, type Outcome, type Report, type Suite } from './suites.ts';
import { ensureTestUser, installPackages, startEngine, TEST_USER, userCanRead } from './test-machine.ts';
import { ensureVllmImages } from './vllm-image.ts';

/**
 * `npm run test:all`: every suite, on a machine that it first makes ready. The last line is the sum, which also lies in
 * test-results/summary.txt. `npm run test:all -- docker system` runs only the suites of these projects. Needs root on
 * Debian.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RESULTS = join(ROOT, 'test-results');
const SUITE_LIMIT_MS = 10 * 60_000;
/** Of the suites that kill the agent again and again; `npm run test:crash` runs more. */
const ROUNDS = '20';

async function main(projects: readonly string[]): Promise<boolean> {
  const unknown = projects.filter((name) => !SUITES.some(({ project }) => project === name));
  if (unknown.length > 0) throw new Error(`There is no suite of the project ${unknown.join(', ')}.`);
  const wanted = SUITES.filter(({ project }) => projects.length === 0 || projects.includes(project));
  mkdirSync(RESULTS, { recursive: true });
  installPackages();
  const endEngine = await startEngine(join(RESULTS, 'dockerd.log'));
  try {
    ensureLlamaImage();
    ensureVllmImages();
    if (!buildIfOutdated(ROOT)) throw new Error('The build failed, so nothing was tested.');
    return tell(
      wanted.map((suite) => runSuite(suite)),
      wanted,
    );
  } finally {
    await endEngine();
  }
}

function runSuite(suite: Suite): Outcome {
  process.stdout.write(`\n== ${suite.name}\n`);
  const started = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'modelops-suite-'));
  const report = join(directory, 'report.json');
  const args = [
    'run',
    `--project=${suite.project}`,
    // Written beside the configuration otherwise, where an ordinary user may not.
    '--configLoader=native',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  try {
    if (suite.as === 'root') {
      const env = { MODELOPS_ROUNDS: ROUNDS, ...process.env };
      spawnSync('vitest', args, { cwd: ROOT, stdio: 'inherit', timeout: SUITE_LIMIT_MS, env });
    } else runAsUser(directory, args);
    const outcome = outcomeOf(suite.name, readReport(report));
    const seconds = Math.round((performance.now() - started) / 1000);
    process.stdout.write(`== ${suite.name}: ${outcome.problem ?? 'passed'} after ${seconds} s\n`);
    return outcome;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same, as somebody who is not root, may use Docker, and owns nothing here but a directory for the report. */
function runAsUser(directory: string, args: readonly string[]): void {
  ensureTestUser();
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, TEST_USER], { encoding: 'utf8' })),
  ) as [number, number];
  chownSync(directory, uid, gid);
  const readable = readableCheckout();
  try {
    const env = {
      PATH: `${join(readable.path, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
      HOME: directory,
      TMPDIR: directory,
      MODELOPS_VITE_CACHE: join(directory, 'vite'),
    };
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    spawnSync('runuser', ['-u', TEST_USER, '--', 'env', '-i', ...words, 'vitest', ...args], {
      cwd: readable.path,
      stdio: 'inherit',
      timeout: SUITE_LIMIT_MS,
    });
  } finally {
    readable.release();
  }
}

/** A checkout below root's home is not readable for others; a bind mount shows it elsewhere. */
function readableCheckout(): { path: string; release: () => void } {
  if (userCanRead(join(ROOT, 'package.json'))) return { path: ROOT, release: () => undefined };
  const path = mkdtempSync(join(tmpdir(), 'modelops-checkout-'));
  execFileSync('chmod', ['0755', path]);
  execFileSync('mount', ['--bind', ROOT, path]);
  return {
    path,
    release: () => {
      execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true });
    },
  };
}

function readReport(path: string): Report | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch {
    // No report, or half of one: the run died. `outcomeOf` says so.
    return null;
  }
}

function tell(outcomes: readonly Outcome[], wanted: readonly Suite[]): boolean {
  const { ok, line } = verdictOf(outcomes, wanted);
  const rows = outcomes.map(
    ({ suite, passed, failed, skipped, problem }) =>
      `${problem === null ? 'ok    ' : 'FAILED'}  ${suite}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
  );
  // At the very end, where somebody who sees only the tail of a log finds them.
  const failures = outcomes.flatMap((outcome) =>
    outcome.failures.map((failure) => `  ${outcome.suite}: ${failure}`),
  );
  writeFileSync(join(RESULTS, 'summary.txt'), `${line}\n`);
  process.stdout.write(`\n${[...rows, ...failures, line].join('\n')}\n`);
  return ok;
}

if (import.meta.main) process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
