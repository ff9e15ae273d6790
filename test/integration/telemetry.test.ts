import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type EventData, type Model, type SlotMetrics } from '../../src/shared/contract/index.ts';
import { readEvents } from '../../src/cli/events.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let model: Model;
let slot: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  // So rarely that what comes in time comes because somebody listens.
  agent = await startTestAgent(join(directory.path, 'data'), {
    metricsTiming: { watchedMs: 40, otherwiseMs: 3_600_000 },
  });
  const path = await writeEndlessModel(join(directory.path, 'endless.gguf'), 'endless', 2048);
  model = await importModel(agent, path);
  const served = await serveModel(agent, model.id, {
    config: { threads: 1, context_length: 2048, parallel: 1 },
  });
  slot = served.slot_id;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

/** The first sample of the slot that is as wanted, told on the event stream while `during` runs. */
async function sample(
  wanted: (metrics: SlotMetrics) => boolean,
  during: () => Promise<unknown> = () => Promise.resolve(),
): Promise<SlotMetrics> {
  const stop = new AbortController();
  const deadline = setTimeout(() => stop.abort(new Error('no such sample')), 30_000);
  try {
    let work: Promise<unknown> | null = null;
    for await (const { name, data } of readEvents(agent, 'telemetry', stop.signal)) {
      work ??= during();
      if (name !== 'slot_metrics') continue;
      const { slot_id: id, metrics } = data as EventData<'slot_metrics'>;
      if (id === slot && wanted(metrics)) {
        await work;
        return metrics;
      }
    }
    throw new Error('the event stream ended');
  } finally {
    clearTimeout(deadline);
    stop.abort();
  }
}
const telemetry = async () =>
  (await agent.call(ENDPOINTS.getSlotTelemetry, { params: { id: slot } })).samples;
const complete = (maxTokens: number) =>
  agent.request('POST', '/v1/completions', {
    body: { model: model.id, prompt: 'on', max_tokens: maxTokens },
  });

describe('the figures of an engine', () => {
  it('are not asked for while nobody looks', async () => {
    await complete(4);
    expect(await telemetry()).toEqual([]);
    expect((await agent.call(ENDPOINTS.getSlot, { params: { id: slot } })).slot.metrics).toBeNull();
    expect((await agent.request('GET', '/metrics')).text).not.toMatch(/^modelops_engine_.*\{/m);
  });

  it('come at once when somebody does: what runs, what waits, how fast', async () => {
    const busy = await sample(
      (metrics) =>
        metrics.requests_running === 1 &&
        metrics.requests_waiting === 1 &&
        (metrics.tokens_per_second ?? 0) > 0,
      () => Promise.all([complete(1500), complete(1500)]),
    );
    expect(busy.kv_cache_percent).toBeGreaterThan(0);
    expect(busy.kv_cache_percent).toBeLessThanOrEqual(100);
    const samples = await telemetry();
    expect(samples[0]).toMatchObject({ tokens_per_second: null, prompt_tokens_per_second: null });
    expect(samples).toContainEqual(busy);
    expect(samples.length).toBeLessThanOrEqual(60);
    expect(samples.map(({ at }) => at)).toEqual(samples.map(({ at }) => at).toSorted());
  });

  it('stand in the slot and in /metrics as the engine counts them', async () => {
    await sample(() => true);
    const before = parseMetrics((await agent.request('GET', '/metrics')).text);
    const { usage } = (await complete(64)).body as {
      usage: { prompt_tokens: number; completion_tokens: number };
    };
    expect(usage.completion_tokens).toBe(64);
    const counted = 'modelops_engine_generated_tokens_total';
    // The look that was under way may be older than the answer.
    await sample(() => true);
    const last = await sample(() => true);
    const after = parseMetrics((await agent.request('GET', '/metrics')).text);
    expect(after.value(counted, { slot }) - before.value(counted, { slot })).toBe(64);
    expect(after.value('modelops_engine_prompt_tokens_total', { slot })).toBeGreaterThan(0);
    expect(after.families.get(counted)?.type).toBe('counter');
    expect(after.value('modelops_engine_requests_running', { slot })).toBe(0);
    expect(after.value('modelops_engine_kv_cache_ratio', { slot })).toBeGreaterThan(0);
    const { slot: shown } = await agent.call(ENDPOINTS.getSlot, { params: { id: slot } });
    expect(Date.parse(shown.metrics?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(last.at));
  });

  it('are an administrator’s to see, and go with the model', async () => {
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'app', role: 'user' } });
    const path = `/v1/modelops/slots/${slot}/telemetry`;
    expect((await agent.request('GET', path, { token })).status).toBe(403);
    expect((await agent.request('GET', '/v1/modelops/slots/none/telemetry')).status).toBe(404);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    const empty = await agent.slot(slot, (now) => now.load_state === 'empty');
    expect(empty.metrics).toBeNull();
    expect(await telemetry()).toEqual([]);
    expect((await agent.request('GET', '/metrics')).text).not.toMatch(/^modelops_engine_.*\{/m);
  });
});
