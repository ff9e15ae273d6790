import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from '../support/agent.ts';
import { makeDataDir } from '../support/catalogue.ts';
import { median, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import { cpuMs, memoryOf, type Memory } from '../support/processes.ts';
import type { PartResult } from '../support/report.ts';
import { MANY_MODELS } from './start.ts';

const MEGABYTE = 1_000_000;
const LOOK_EVERY_MS = 500;
/** What follows the start (a look through the store, a check of the database) is not idling. */
const SETTLE_MS = 5000;

/** Memory and processor time of the built agent with 10,000 models when nobody asks it for anything. */
export async function idle({ scope, quick, log }: PartContext): Promise<PartResult> {
  const dataDir = await makeDataDir(scope, 'idle', MANY_MODELS);
  const rounds = quick ? 1 : 3;
  const seconds = quick ? 5 : 20;
  const memory: Memory[] = [];
  const shares: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}: ${SETTLE_MS / 1000 + seconds} s`);
    const agent = await startAgent(scope, dataDir);
    await delay(SETTLE_MS);
    const before = await cpuMs(agent.pid);
    const from = performance.now();
    const looks: Memory[] = [];
    while (performance.now() - from < seconds * 1000) {
      looks.push(await memoryOf(agent.pid));
      await delay(LOOK_EVERY_MS);
    }
    shares.push(((await cpuMs(agent.pid)) - before) / (performance.now() - from));
    memory.push({
      rss: median(looks.map((look) => look.rss)),
      anonymous: median(looks.map((look) => look.anonymous)),
    });
    await agent.stop();
  }
  const anonymous = median(memory.map((one) => one.anonymous)) / MEGABYTE;
  const largest = Math.max(...memory.map((one) => one.rss)) / MEGABYTE;
  return {
    part: 'idle',
    rows: [
      {
        name: 'memory (RSS), 10,000 models',
        value: median(memory.map((one) => one.rss)) / MEGABYTE,
        unit: 'MB',
        target: { relation: '<', value: 130 },
        beside: `of these ${short(anonymous)} MB anonymous; largest round ${short(largest)} MB`,
      },
      {
        name: 'processor time, 10,000 models',
        value: median(shares) * 100,
        unit: '%',
        target: { relation: '<', value: 0.5 },
        beside: `of one core, over ${seconds} s; rounds: ${shares.map((share) => `${short(share * 100)} %`).join(', ')}`,
      },
    ],
    tables: [],
    notes: [],
  };
}
