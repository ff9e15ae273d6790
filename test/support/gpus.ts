import { ENDPOINTS, type Gpus } from '../../src/shared/contract/index.ts';
import { GPU_TIMING, type GpuTiming } from '../../src/agent/gpus/index.ts';
import { readEvents } from '../../src/cli/events.ts';
import type { TestAgent } from './agent.ts';

/** Everything at a pace that a test can wait for. */
export const QUICK: GpuTiming = {
  ...GPU_TIMING,
  callMs: 15_000,
  watchedMs: 100,
  lingerMs: 200,
  // Each is a start of the double, which is a Node program.
  processesWatchedMs: 400,
  processesIdleMs: 400,
  retryMs: 100,
  retryMaxMs: 1000,
  kernelLogMs: 20,
};

const DEADLINE_MS = 50_000;

/** Watches the GPUs until they are as told. @throws after fifty seconds, with how they were last */
export async function gpusUntil(
  agent: Pick<TestAgent, 'url' | 'token' | 'call'>,
  reached: (gpus: Gpus) => boolean,
): Promise<Gpus> {
  const stop = new AbortController();
  let last: Gpus | null = null;
  const deadline = setTimeout(() => stop.abort(), DEADLINE_MS);
  try {
    for await (const event of readEvents(agent, 'telemetry', stop.signal)) {
      last = event.name === 'gpus' ? (event.data as Gpus) : await agent.call(ENDPOINTS.listGpus, {});
      if (reached(last)) return last;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearTimeout(deadline);
    stop.abort();
  }
  throw new Error(`the GPUs did not become as wanted: ${JSON.stringify(last, null, 1)}`);
}
