import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildIfOutdated } from './build.ts';
import { findElectron, whyNoWindow } from './electron.ts';

/**
 * `npm run verify:electron`: the specs of test/desktop on the real Electron, where it is. What the stand-in promises about
 * Electron is then seen on Electron. Exit 2 says that it could not be tried here.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CANNOT = 2;

function main(): number {
  const program = findElectron(ROOT);
  const hasVirtualDisplay = spawnSync('xvfb-run', ['--help']).status === 0;
  const reason = whyNoWindow(program);
  const wrap =
    program !== null && reason !== null && hasVirtualDisplay ? ['xvfb-run', '--auto-servernum'] : [];
  if (program === null || (reason !== null && wrap.length === 0)) {
    process.stderr.write(`Nothing was verified: ${reason}.\n`);
    return CANNOT;
  }
  if (!buildIfOutdated(ROOT)) return 1;
  const vitest = dirname(createRequire(join(ROOT, 'package.json')).resolve('vitest/package.json'));
  const command = [...wrap, process.execPath, join(vitest, 'vitest.mjs'), 'run', '--project', 'desktop'];
  const [first = process.execPath, ...args] = command;
  process.stdout.write(
    `${program}\nSet MODELOPS_TEST_KEYCHAIN=1 where the session has a keychain; without it those specs are left out.\n`,
  );
  const { status } = spawnSync(first, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, MODELOPS_ELECTRON_PROGRAM: program },
  });
  return status ?? 1;
}

process.exitCode = main();
