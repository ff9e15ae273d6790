import { setTimeout as delay } from 'node:timers/promises';
import { ENDPOINTS, type Gpus } from '../../../src/shared/contract/index.ts';
import { readEvents } from '../../../src/cli/events.ts';
import { placeNvidiaSmi } from '../../support/nvidia-smi.ts';
import { startAgent } from '../support/agent.ts';
import { median, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import { cpuMs, ownCpuMs } from '../support/processes.ts';
import type { PartResult } from '../support/report.ts';

const LIMIT_PERCENT = 0.3;
const SETTLE_MS = 5000;

interface Share {
  /** Of one core, in percent. */
  readonly agent: number;
  readonly below: number;
  readonly samplingMs: number | null;
  readonly events: number;
}

/** What the telemetry of eight GPUs costs the built agent: while somebody watches, and while nobody does. */
export async function telemetry({ scope, quick, log }: PartContext): Promise<PartResult> {
  const seconds = quick ? 10 : 40;
  const rounds = quick ? 1 : 3;
  const double = await placeNvidiaSmi(await scope.directory('nvidia'), { recording: 'eight' });
  const nothing = `${double.path}-is-not-here`;

  const measure = async (name: string, nvidiaSmi: string, watched: boolean): Promise<Share> => {
    const agent = await startAgent(scope, await scope.directory(name), { MODELOPS_NVIDIA_SMI: nvidiaSmi });
    const stop = new AbortController();
    let events = 0;
    const reading = (async () => {
      if (!watched) return;
      for await (const event of readEvents(agent, 'telemetry', stop.signal))
        if (event.name === 'gpus') events += 1;
    })().catch(() => undefined);
    await delay(SETTLE_MS);
    const eventsBefore = events;
    const [own, all, from] = [await ownCpuMs(agent.pid), await cpuMs(agent.pid), performance.now()];
    await delay(seconds * 1000);
    const passed = performance.now() - from;
    const ownMs = (await ownCpuMs(agent.pid)) - own;
    const allMs = (await cpuMs(agent.pid)) - all;
    const { sampling_ms: samplingMs }: Gpus = await agent.call(ENDPOINTS.listGpus, {});
    stop.abort();
    await reading;
    await agent.stop();
    return {
      agent: (ownMs / passed) * 100,
      below: ((allMs - ownMs) / passed) * 100,
      samplingMs,
      events: events - eventsBefore,
    };
  };

  const watched: Share[] = [];
  const idle: Share[] = [];
  const none: Share[] = [];
  for (let round = 0; round < rounds; round += 1) {
    log(`round ${round + 1} of ${rounds}: three times ${SETTLE_MS / 1000 + seconds} s`);
    none.push(await measure(`none-${round}`, nothing, true));
    watched.push(await measure(`watched-${round}`, double.path, true));
    idle.push(await measure(`idle-${round}`, double.path, false));
  }
  const without = median(none.map(({ agent }) => agent));
  const told = (shares: readonly Share[]): string =>
    shares.map(({ agent }) => `${short(agent)} %`).join(', ');
  const beside = (shares: readonly Share[]): string =>
    `of one core beyond ${short(without)} % without nvidia-smi; rounds: ${told(shares)}; a look every ${shares[0]?.samplingMs ?? '?'} ms`;
  return {
    part: 'telemetry',
    rows: [
      {
        name: 'processor time of the agent, eight GPUs, watched',
        value: Math.max(0, median(watched.map(({ agent }) => agent)) - without),
        unit: '%',
        target: { relation: '<', value: LIMIT_PERCENT },
        beside: `${beside(watched)}; ${watched[0]?.events ?? 0} events in ${seconds} s`,
      },
      {
        name: 'the same, nobody watches',
        value: Math.max(0, median(idle.map(({ agent }) => agent)) - without),
        unit: '%',
        target: { relation: '<', value: LIMIT_PERCENT },
        beside: beside(idle),
      },
    ],
    tables: [],
    notes: [
      `nvidia-smi is the double here, a Node program (${short(median(watched.map(({ below }) => below)))} % of a core); what the real one costs is reported by npm run verify:gpu.`,
    ],
  };
}
