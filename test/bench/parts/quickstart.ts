import { readAgentFile, sharedFiles } from '../../../src/agent/kernel/agent-file.ts';
import { isAlive } from '../../support/processes.ts';
import { environment } from '../support/agent.ts';
import { median, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import type { PartResult } from '../support/report.ts';
import { timed, type Scope } from '../support/scope.ts';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = new URL('../../../', import.meta.url);
const STOP_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** `npm run quickstart` as a stranger types it: on an empty data directory, then again beside the agent it left running. */
export async function quickstart({ scope, quick, log }: PartContext): Promise<PartResult> {
  const first: number[] = [];
  const again: number[] = [];
  const bare: number[] = [];
  const rounds = quick ? 1 : 3;
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}`);
    const dataDir = await scope.directory(`quick-${round}`);
    bare.push(await timed(scope, process.execPath, ['-e', '0'], { env: environment() }));
    first.push(await run(scope, dataDir));
    const stop = await runningAgent(scope, dataDir);
    again.push(await run(scope, dataDir));
    await stop();
  }
  const rounded = (values: readonly number[]): string =>
    values.map((value) => `${short(value)} s`).join(', ');
  const beside = (values: readonly number[]): string =>
    `rounds: ${rounded(values)}; node -e 0 takes ${short(median(bare))} s`;
  return {
    part: 'quickstart',
    rows: [
      {
        name: 'quickstart, empty data directory',
        value: median(first),
        unit: 's',
        target: { relation: '<', value: 10 },
        beside: beside(first),
      },
      { name: 'quickstart again', value: median(again), unit: 's', beside: beside(again) },
    ],
    tables: [],
    notes: [],
  };
}

async function run(scope: Scope, dataDir: string): Promise<number> {
  // Any free port: an agent of whoever runs this may hold the usual one.
  return timed(scope, 'npm', ['run', '--silent', 'quickstart', '--', '--port', '0'], {
    cwd: ROOT,
    env: environment({ MODELOPS_DATA_DIR: dataDir }),
  });
}

/** The agent that quickstart left running. @returns what stops it. */
async function runningAgent(scope: Scope, dataDir: string): Promise<() => Promise<void>> {
  const file = await readAgentFile(sharedFiles(dataDir));
  if (file === null) throw new Error('quickstart left no agent running');
  const forget = scope.adopt(file.pid);
  return async () => {
    process.kill(file.pid, 'SIGTERM');
    const deadline = performance.now() + STOP_MS;
    while (await isAlive(file.pid)) {
      if (performance.now() > deadline) throw new Error(`the agent ${file.pid} does not stop`);
      await delay(LOOK_EVERY_MS);
    }
    forget();
  };
}
