import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { parseMetrics, type Metrics } from '../support/prometheus.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let alpha: Model;
let slotId: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), { settings: { profile: 'offline' } });
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  const served = await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256 } });
  slotId = served.slot_id;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const chat = (more: Record<string, unknown> = {}) =>
  agent.request('POST', '/v1/chat/completions', {
    body: { model: alpha.id, messages: [{ role: 'user', content: 'a secret prompt' }], ...more },
  });
const scrape = async (): Promise<Metrics> => parseMetrics((await agent.request('GET', '/metrics')).text);
const CALLS = 'modelops_calls_total';
const ok = () => ({ model: alpha.id, route: '/v1/chat/completions', outcome: 'ok' });

describe('metrics', () => {
  it('come as the text of Prometheus, each with its help and type, to an administrator', async () => {
    await chat();
    const { headers, text } = await agent.request('GET', '/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.endsWith('\n')).toBe(true);
    const { families } = parseMetrics(text);
    for (const family of families.values()) {
      expect(family.help, family.name).toMatch(/\S/);
      expect(['counter', 'gauge', 'histogram']).toContain(family.type);
    }
    expect([...families.keys()]).toEqual(
      expect.arrayContaining([
        CALLS,
        'modelops_tokens_total',
        'modelops_call_duration_seconds',
        'modelops_first_byte_seconds',
        'modelops_build_info',
        'modelops_start_time_seconds',
        'modelops_slots',
        'modelops_models',
        'modelops_jobs',
        'modelops_slot_requests_in_flight',
        'modelops_slot_requests_waiting',
        'modelops_egress_refused_total',
        'modelops_offline',
        'modelops_journal_head_seq',
        'modelops_database_bytes',
        'modelops_store_bytes',
        'nodejs_eventloop_lag_seconds',
        'process_cpu_seconds_total',
        'process_resident_memory_bytes',
      ]),
    );
    expect(text).not.toContain('secret prompt');
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'app', role: 'user' } });
    expect((await agent.request('GET', '/metrics', { token })).status).toBe(403);
  });

  it('move by exactly one call for one call', async () => {
    const before = await scrape();
    const { usage } = (await chat()).body as { usage: { prompt_tokens: number; completion_tokens: number } };
    const after = await scrape();
    const moved = (name: string, labels: Record<string, string>): number =>
      after.value(name, labels) - before.value(name, labels);
    expect(moved(CALLS, ok())).toBe(1);
    expect(moved('modelops_tokens_total', { model: alpha.id, type: 'prompt' })).toBe(usage.prompt_tokens);
    expect(moved('modelops_tokens_total', { model: alpha.id, type: 'completion' })).toBe(
      usage.completion_tokens,
    );
    for (const histogram of ['modelops_call_duration_seconds', 'modelops_first_byte_seconds']) {
      expect(moved(`${histogram}_count`, { model: alpha.id })).toBe(1);
      expect(moved(`${histogram}_sum`, { model: alpha.id })).toBeGreaterThan(0);
      expect(moved(`${histogram}_bucket`, { model: alpha.id, le: '+Inf' })).toBe(1);
    }
    expect(moved(CALLS, { ...ok(), outcome: 'invalid_argument' })).toBe(0);
    // Every other model's counters stood still.
    expect(after.sum(CALLS) - before.sum(CALLS)).toBe(1);
  });

  it('tell a refusal by its code, and time no failed call', async () => {
    const before = await scrape();
    expect((await chat({ messages: [{ role: 'user', content: 'x'.repeat(2000) }] })).status).toBe(400);
    const after = await scrape();
    const refused = { ...ok(), outcome: 'invalid_argument' };
    expect(after.value(CALLS, refused) - before.value(CALLS, refused)).toBe(1);
    expect(after.value(CALLS, ok())).toBe(before.value(CALLS, ok()));
    const count = 'modelops_call_duration_seconds_count';
    expect(after.value(count, { model: alpha.id })).toBe(before.value(count, { model: alpha.id }));
  });

  it('have buckets that only grow and end in the count', async () => {
    const metrics = await scrape();
    for (const name of ['modelops_call_duration_seconds', 'modelops_first_byte_seconds']) {
      const buckets = metrics
        .samples(`${name}_bucket`)
        .filter((sample) => sample.labels['model'] === alpha.id)
        .map(({ labels, value }) => [Number(labels['le']?.replace('+Inf', 'Infinity')), value] as const);
      expect(buckets.length).toBeGreaterThan(10);
      expect(buckets).toEqual(buckets.toSorted(([a], [b]) => a - b));
      for (const [i, [, value]] of buckets.entries())
        expect(value).toBeGreaterThanOrEqual(buckets[i - 1]?.[1] ?? 0);
      expect(buckets.at(-1)?.[1]).toBe(metrics.value(`${name}_count`, { model: alpha.id }));
    }
  });

  it('name no model that nobody called or that is not known', async () => {
    await importModel(agent, await writeSpeakingModel(join(directory.path, 'quiet.gguf'), 'quiet'));
    await chat({ model: 'unknown"model\n' });
    const { families } = await scrape();
    const models = new Set(
      [...families.values()].flatMap(({ samples }) => samples.flatMap(({ labels }) => labels['model'] ?? [])),
    );
    expect([...models]).toEqual([alpha.id]);
  });

  it('show the node as it is', async () => {
    const metrics = await scrape();
    const { system } = await agent.call(ENDPOINTS.getSystem, {});
    const [slots, models, jobs] = await Promise.all([
      agent.call(ENDPOINTS.listSlots, {}),
      agent.call(ENDPOINTS.listModels, {}),
      agent.call(ENDPOINTS.listJobs, {}),
    ]);
    expect(metrics.value('modelops_build_info', { version: system.version })).toBe(1);
    expect(metrics.value('modelops_start_time_seconds')).toBe(Date.parse(system.started_at) / 1000);
    expect(metrics.value('modelops_offline')).toBe(1);
    expect(metrics.value('modelops_store_bytes')).toBe(system.disk.models_bytes);
    expect(metrics.value('modelops_slots', { state: 'loaded' })).toBe(slots.slots.length);
    expect(metrics.value('modelops_slots', { state: 'error' })).toBe(0);
    expect(metrics.value('modelops_models', { state: 'active' })).toBe(models.counts.active);
    expect(metrics.value('modelops_jobs', { state: 'succeeded' })).toBe(jobs.counts.succeeded);
    expect(metrics.value('modelops_slot_requests_in_flight', { slot: slotId })).toBe(0);
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 1 } });
    expect(metrics.value('modelops_journal_head_seq')).toBe(audit[0]?.seq);
  });

  it('show what is in flight and what waits behind it', async () => {
    const path = await writeEndlessModel(join(directory.path, 'endless.gguf'), 'endless', 100_000);
    const endless = await importModel(agent, path);
    const { slot_id: slot } = await serveModel(agent, endless.id, {
      config: { threads: 1, context_length: 100_000, parallel: 1 },
    });
    const controller = new AbortController();
    const streams = [1, 2, 3].map(async () =>
      fetch(`${agent.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: endless.id,
          messages: [{ role: 'user', content: 'x' }],
          stream: true,
        }),
        signal: controller.signal,
      }).catch(() => null),
    );
    const [inFlight, waiting] = ['modelops_slot_requests_in_flight', 'modelops_slot_requests_waiting'];
    let metrics = await scrape();
    while (metrics.value(inFlight, { slot }) < 3) metrics = await scrape();
    expect(metrics.value(inFlight, { slot })).toBe(3);
    expect(metrics.value(waiting, { slot })).toBe(2);
    expect(metrics.value(waiting, { slot: slotId })).toBe(0);
    controller.abort();
    await Promise.all(streams);
    await agent.slot(slot, (now) => now.requests_in_flight === 0);
    expect((await scrape()).value(inFlight, { slot })).toBe(0);
  });
});
