import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type EventData } from '../../src/shared/contract/index.ts';
import { readEvents } from '../../src/cli/events.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { removeContainersOf } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), {
    metricsTiming: { watchedMs: 50, otherwiseMs: 50 },
  });
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

describe('a real llama-server', () => {
  it('gives its figures, and is measured with answers of equal length', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha');
    const alpha = await importModel(agent, path);
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec: 'llama-cpp-cpu',
      config: { image: LLAMA_IMAGE, threads: 1, context_length: 256, parallel: 2 },
    });
    const { job } = await agent.call(ENDPOINTS.startBenchmark, {
      params: { id: slot },
      body: { concurrency: [1, 4], requests_per_round: 4 },
    });
    const done = await agent.job(job.id);
    expect(done).toMatchObject({ state: 'succeeded' });
    const { benchmark } = await agent.call(ENDPOINTS.getBenchmark, {
      params: { id: done.result?.['benchmark_id'] as string },
    });
    const { workload, rounds, image_id: image } = benchmark;
    expect(image).toMatch(/^sha256:/);
    expect(workload.prompt_tokens).toBeGreaterThan(110);
    for (const round of rounds)
      expect(round).toMatchObject({
        requests: 4,
        errors: 0,
        output_tokens: 4 * workload.output_tokens,
        prompt_tokens: 4 * workload.prompt_tokens,
      });

    // The engine counted what was measured, the warm-up included, and says so.
    const generated = 'modelops_engine_generated_tokens_total';
    const counted = async (): Promise<number> =>
      parseMetrics((await agent.request('GET', '/metrics')).text).value(generated, { slot });
    const stop = new AbortController();
    for await (const { name, data } of readEvents(agent, 'telemetry', stop.signal)) {
      if (name !== 'slot_metrics') continue;
      const { metrics } = data as EventData<'slot_metrics'>;
      expect(metrics.requests_running).not.toBeNull();
      if (metrics.requests_running === 0 && (metrics.tokens_per_second ?? 0) > 0) break;
    }
    stop.abort();
    expect(await counted()).toBeGreaterThanOrEqual(8 * workload.output_tokens);
    const { samples } = await agent.call(ENDPOINTS.getSlotTelemetry, { params: { id: slot } });
    expect(samples[0]?.tokens_per_second).toBeNull();
    // This version does not say how full its cache is.
    expect(samples.at(-1)).toMatchObject({ requests_waiting: 0, kv_cache_percent: null });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
  });
});
