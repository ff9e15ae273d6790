import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { embeddingModel } from '../../src/agent/catalog/sample/speaking-model.ts';
import { ENDPOINTS, type Benchmark, type Job, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { childrenOf } from '../support/processes.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let alpha: Model;
let endless: Model;
let slot: string;
let long: string;
const LASTING = { concurrency: [1], output_tokens: 90_000, requests_per_round: 1000 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), {
    retry: { baseMs: 20, capMs: 100, sameCauseLimit: 3 },
    watchMs: 200,
    // Longer than a test waits: whoever is not let go at once shows.
    drainMs: 120_000,
  });
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  endless = await importModel(
    agent,
    await writeEndlessModel(join(directory.path, 'endless.gguf'), 'endless', 100_000),
  );
  slot = (await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256, parallel: 2 } }))
    .slot_id;
  long = (await serveModel(agent, endless.id, { config: { threads: 1, context_length: 100_000 } })).slot_id;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const start = async (id: string, body: object = {}): Promise<Job> =>
  (await agent.call(ENDPOINTS.startBenchmark, { params: { id }, body })).job;
const read = async (job: Job): Promise<Benchmark> =>
  (await agent.call(ENDPOINTS.getBenchmark, { params: { id: job.result?.['benchmark_id'] as string } }))
    .benchmark;
/** Looks at a job until it is so far. */
const reached = async ({ id }: Job, so: (progress: Job['progress']) => boolean): Promise<void> => {
  const look = async () => (await agent.call(ENDPOINTS.getJob, { params: { id } })).job.progress;
  while (!so(await look()));
};
const measuring = (job: Job) => reached(job, (progress) => progress?.phase === 'measuring');
/** A job in the middle of an answer that would go on for minutes. */
const lasting = async (): Promise<Job> => {
  const job = await start(long, LASTING);
  await reached(job, (progress) => progress?.reason?.includes('the first answer') === true);
  return job;
};

describe('a benchmark', () => {
  it('measures each concurrency with what the slot takes, and is kept with the version', async () => {
    const job = await start(slot, { requests_per_round: 3, note: 'first' });
    expect(job).toMatchObject({ kind: 'benchmark', subject: `slot:${slot}` });
    const done = await agent.job(job.id);
    expect(done).toMatchObject({ state: 'succeeded', result: { model_id: alpha.id, slot_id: slot } });
    expect(done.progress?.steps?.map(({ name }) => name)).toEqual([1, 2, 4, 8].map((n) => `${n} at once`));
    const benchmark = await read(done);
    const { slot: shown } = await agent.call(ENDPOINTS.getSlot, { params: { id: slot } });
    expect(benchmark).toMatchObject({
      model_id: alpha.id,
      model_name: alpha.name,
      seq: 1,
      global_model_id: alpha.global_model_id,
      slot_id: slot,
      capability: 'llm_inference',
      runtime_spec: 'embedded-llama',
      runtime_identity: shown.runtime_identity,
      engine_version: shown.engine_version,
      load_ms: shown.load_ms,
      other_requests: 0,
      note: 'first',
      config: { context_length: 256, parallel: 2, threads: 1 },
    });
    const { workload, rounds } = benchmark;
    // Half the context, as near as whole words come to it; a quarter for the answer.
    expect(workload.prompt_tokens).toBeLessThanOrEqual(128);
    expect(workload.prompt_tokens).toBeGreaterThan(110);
    expect(workload).toMatchObject({ output_tokens: 64, requests_per_round: 3 });
    expect(rounds.map(({ concurrency, requests }) => [concurrency, requests])).toEqual([
      [1, 3],
      [2, 3],
      [4, 4],
      [8, 8],
    ]);
    for (const round of rounds) {
      // The model ends after a few words by itself; asked to go on, it fills what it may.
      expect(round).toMatchObject({
        errors: 0,
        output_tokens: round.requests * workload.output_tokens,
        prompt_tokens: round.requests * workload.prompt_tokens,
      });
      const { time_to_first_token_ms: first, latency_ms: latency } = round;
      expect(round.tokens_per_second).toBeGreaterThan(0);
      expect(round.tokens_per_second_per_request).toBeGreaterThan(0);
      expect(first?.p50).toBeGreaterThan(0);
      expect(first?.p95).toBeLessThanOrEqual(latency?.max ?? 0);
      expect(latency?.p50).toBeLessThanOrEqual(latency?.p95 ?? 0);
    }
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { limit: 10 } });
    expect(audit.find(({ action }) => action === 'model.benchmarked')).toMatchObject({
      subject: `model:${alpha.id}`,
      data: { benchmark_id: benchmark.id, slot_id: slot, runtime_identity: shown.runtime_identity },
    });
    // Not a call of anybody: nothing is counted or budgeted.
    const { text } = await agent.request('GET', '/metrics');
    expect(text).not.toMatch(new RegExp(`^modelops_calls_total.*"${alpha.id}"`, 'm'));
  });

  it('says when others were served meanwhile', async () => {
    const job = await start(slot, { concurrency: [1], requests_per_round: 100, output_tokens: 100 });
    await measuring(job);
    const answer = await agent.request('POST', '/v1/chat/completions', {
      body: { model: alpha.id, messages: [{ role: 'user', content: 'hello' }] },
    });
    expect(answer.status).toBe(200);
    const done = await agent.job(job.id);
    expect((await read(done)).other_requests).toBe(1);
  });

  it('of embeddings counts texts and their tokens', async () => {
    const path = join(directory.path, 'vectors.gguf');
    await writeFile(path, embeddingModel('vectors'));
    const vectors = await importModel(agent, path);
    const { slot_id: id } = await serveModel(agent, vectors.id, { config: { threads: 1 } });
    const benchmark = await read(await agent.job((await start(id, { concurrency: [2] })).id));
    expect(benchmark).toMatchObject({ capability: 'embeddings', workload: { output_tokens: 0 } });
    expect(benchmark.rounds).toHaveLength(1);
    expect(benchmark.rounds[0]).toMatchObject({ requests: 8, errors: 0, time_to_first_token_ms: null });
    expect(benchmark.rounds[0]?.requests_per_second).toBeGreaterThan(0);
    expect(benchmark.workload.prompt_tokens).toBeGreaterThan(200);
  });

  it('is refused where there is nothing to measure or the lengths do not fit', async () => {
    await agent.call(ENDPOINTS.createSlot, {
      body: { id: 'bare', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    await expect(start('bare')).rejects.toMatchObject({ code: 'model_not_loaded' });
    await expect(start('none')).rejects.toMatchObject({ code: 'not_found' });
    await expect(start(slot, { prompt_tokens: 250 })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { fields: ['prompt_tokens', 'output_tokens'], context_length: 256 },
    });
    await expect(start(slot, { concurrency: [] })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('stops when it is cancelled, and leaves no row and nothing in flight', async () => {
    const job = await lasting();
    const again = await start(long, LASTING);
    expect(again.id).toBe(job.id);
    await agent.call(ENDPOINTS.cancelJob, { params: { id: job.id } });
    expect((await agent.job(job.id)).state).toBe('cancelled');
    await agent.slot(long, (now) => now.requests_in_flight === 0);
    expect((await agent.call(ENDPOINTS.listBenchmarks, { query: { slot_id: long } })).benchmarks).toEqual([]);
  });

  it('fails with the reason when the slot is unloaded, and does not keep it waiting', async () => {
    const job = await lasting();
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: long } });
    expect(await agent.job(job.id)).toMatchObject({
      state: 'failed',
      error: {
        error: 'model_not_loaded',
        message: `Slot ${long} stopped serving ${endless.id} in the middle: it was unloaded.`,
      },
    });
    await agent.slot(long, (now) => now.load_state === 'empty');
  });

  it('fails with the reason when the engine dies', async () => {
    await agent.call(ENDPOINTS.loadSlot, { params: { id: long }, body: { managed_model_id: endless.id } });
    await agent.slot(long, (now) => now.load_state === 'loaded');
    const before = await childrenOf(process.pid, /embedded-runtime/);
    const job = await lasting();
    const newest = Math.max(...before);
    process.kill(newest, 'SIGKILL');
    const failed = await agent.job(job.id);
    expect(failed).toMatchObject({ state: 'failed', error: { error: 'model_not_loaded' } });
    expect(failed.error?.message).toContain(`Slot ${long} stopped serving ${endless.id} in the middle: `);
    await agent.slot(long, (now) => now.load_state === 'loaded');
  });

  it('lists newest first, by model, family and slot, page by page', async () => {
    const list = async (query: object) => agent.call(ENDPOINTS.listBenchmarks, { query });
    const all = (await list({})).benchmarks;
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(all.map(({ created_at: at }) => at)).toEqual(
      all
        .map(({ created_at: at }) => at)
        .toSorted()
        .toReversed(),
    );
    const first = await list({ limit: 1 });
    const second = await list({ limit: 1, cursor: first.next_cursor ?? '' });
    expect([...first.benchmarks, ...second.benchmarks]).toEqual(all.slice(0, 2));
    const ofAlpha = all.filter(({ model_id: id }) => id === alpha.id);
    expect((await list({ model_id: alpha.id })).benchmarks).toEqual(ofAlpha);
    expect((await list({ name: alpha.name })).benchmarks).toEqual(ofAlpha);
    expect((await list({ slot_id: slot })).benchmarks).toEqual(ofAlpha);
    expect((await list({ model_id: endless.id })).benchmarks).toEqual([]);
    await expect(agent.call(ENDPOINTS.getBenchmark, { params: { id: 'none' } })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is seen by an administrator who sees the model, and by no other', async () => {
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'admin-2', role: 'admin' } });
    const admin = agent.as(token);
    const seen = async () =>
      (await admin(ENDPOINTS.listBenchmarks, { query: { model_id: alpha.id } })).benchmarks;
    const [one] = await seen();
    expect(one?.model_id).toBe(alpha.id);
    await agent.call(ENDPOINTS.putVisibility, {
      params: { id: alpha.id },
      body: { visibility_scope: 'private' },
    });
    expect(await seen()).toEqual([]);
    await expect(admin(ENDPOINTS.getBenchmark, { params: { id: one?.id ?? '' } })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('that was running when the agent stopped starts again when it can, and ends', async () => {
    const job = await lasting();
    await agent.stop();
    agent = await startTestAgent(join(directory.path, 'data'), { watchMs: 200 });
    // What it waits for is the slot, which loads its model again.
    await agent.slot(long, (now) => now.load_state === 'loaded' && now.requests_in_flight > 0);
    expect((await agent.call(ENDPOINTS.getJob, { params: { id: job.id } })).job.state).toBe('running');
    await agent.call(ENDPOINTS.cancelJob, { params: { id: job.id } });
    expect((await agent.job(job.id)).state).toBe('cancelled');
  });
});
