import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Fit, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { removeContainersOf } from '../support/docker.ts';
import { compareCase, errorsOf, FIT_CASES } from '../support/fit-cases.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

describe('what is calculated of llama-server', () => {
  it('is asked of enough shapes', () => {
    expect(FIT_CASES.length).toBeGreaterThanOrEqual(12);
    const named = (word: string): number => FIT_CASES.filter(({ shape }) => shape.name.includes(word)).length;
    expect(named('over 1 GiB')).toBeGreaterThanOrEqual(4);
    expect(named('large')).toBeGreaterThanOrEqual(3);
  });

  it.each(FIT_CASES.map((one) => [one.shape.name, one] as const))(
    '%s: weights and KV cache to 1 %, compute to 20 % or 16 MiB, all to 5 %',
    async (name, one) => {
      const { measured, estimated } = await compareCase(one, directory.path);
      const errors = errorsOf({ name, measured, estimated });
      if (name.includes('over 1 GiB')) expect(measured.weights).toBeGreaterThan(GIB);
      if (name.includes('large')) expect(measured.kv_cache).toBeGreaterThan(512 * MIB);
      expect(Math.abs(errors.weights)).toBeLessThan(0.01);
      expect(Math.abs(errors.kv_cache)).toBeLessThan(0.01);
      const compute = Math.abs(estimated.compute.expected - (measured.compute ?? 0));
      expect(compute < 16 * MIB || Math.abs(errors.compute) < 0.2).toBe(true);
      expect(Math.abs(errors.total)).toBeLessThan(0.05);
    },
  );
});

describe('what llama-server reports', () => {
  let agent: TestAgent;
  let model: Model;
  let nodeId = '';
  const start = () => startTestAgent(join(directory.path, 'data'), { watchMs: 200 });
  const fit = (): Promise<Fit> =>
    agent.call(ENDPOINTS.fitSlot, { params: { id: 'box' }, body: { managed_model_id: model.id } });
  const loaded = (): Promise<Slot> =>
    agent.slot('box', (now) => now.load_state === 'loaded' && now.reserved_basis === 'measured');

  beforeAll(async () => {
    agent = await start();
    nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
    model = await importModel(agent, await writeSpeakingModel(join(directory.path, 'speaks.gguf'), 'speaks'));
    await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'box',
        capability: 'llm_inference',
        runtime_spec: 'llama-cpp-cpu',
        config: { image: LLAMA_IMAGE, threads: 1, context_length: 2048 },
      },
    });
  });
  afterAll(async () => {
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'box' } });
    await agent.slot('box', (now) => now.load_state === 'empty');
    await agent.stop();
    await removeContainersOf(nodeId);
  });

  it('is shown, corrects the next estimate, and is known after a restart of the agent', async () => {
    expect((await fit()).learned).toBeNull();
    await agent.call(ENDPOINTS.loadSlot, { params: { id: 'box' }, body: { managed_model_id: model.id } });
    const slot = await loaded();
    expect(slot.measured_memory_bytes).toBeGreaterThan(100_000);
    // One layer of 64 keys and 64 values of two bytes.
    expect(slot.reserved?.kv_cache_bytes).toBe(2048 * 2 * 64 * 2);
    const learned = await fit();
    expect(learned.learned).toMatchObject({ measurements: 1 });
    expect(Math.abs(learned.learned?.last_error_percent ?? 100)).toBeLessThan(20);
    await agent.stop();
    agent = await start();
    const again = await loaded();
    expect(again.attempt).toBe(slot.attempt);
    expect(again.measured_memory_bytes).toBe(slot.measured_memory_bytes);
    expect((await fit()).learned).toEqual(learned.learned);
    // Other settings were never measured.
    const { learned: other } = await agent.call(ENDPOINTS.fitSlot, {
      params: { id: 'box' },
      body: { managed_model_id: model.id, config: { ...slot.config, context_length: 1024 } },
    });
    expect(other).toBeNull();
  });
});
