import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Fit, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeShape, type Shape } from '../support/geometries.ts';
import { writeSafetensorsModel, writeSpeakingModel } from '../support/models.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

const GIB = 1024 ** 3;
const shape: Shape = {
  name: 'shape',
  layers: 16,
  embedding: 1024,
  feedForward: 2816,
  heads: 16,
  kvHeads: 16,
  vocabulary: 4000,
  trained: 131_072,
};

let directory: TemporaryDirectory;
let agent: TestAgent;
let large: Model;
let speaking: Model;
let tensors: Model;
/** What the machine of this agent has; tests change it. */
const machine = { total: 64 * GIB, available: 8 * GIB };
const fitDevices = { gpus: () => Promise.resolve([]), memory: () => machine };
const retry = { baseMs: 20, capMs: 100, sameCauseLimit: 3 };

const start = () => startTestAgent(join(directory.path, 'data'), { retry, watchMs: 200, fitDevices });

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await start();
  await writeShape(join(directory.path, 'shape.gguf'), shape);
  large = await importModel(agent, join(directory.path, 'shape.gguf'));
  speaking = await importModel(
    agent,
    await writeSpeakingModel(join(directory.path, 'speaks.gguf'), 'speaks'),
  );
  tensors = await importModel(agent, await writeSafetensorsModel(join(directory.path, 'tensors')));
  await agent.call(ENDPOINTS.createSlot, {
    body: {
      id: 'small',
      capability: 'llm_inference',
      runtime_spec: 'embedded-llama',
      config: { threads: 1, context_length: 4096 },
    },
  });
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const fit = (id: string, model: string, more: object = {}): Promise<Fit> =>
  agent.call(ENDPOINTS.fitSlot, { params: { id }, body: { managed_model_id: model, ...more } });
const load = (id: string, model: string, override = false) =>
  agent.call(ENDPOINTS.loadSlot, { params: { id }, body: { managed_model_id: model, override } });
const loaded = (id: string, model: string): Promise<Slot> =>
  agent.slot(id, (now) => now.load_state === 'loaded' && now.loaded_managed_model_id === model);

describe('whether a model fits', () => {
  it('says so with the numbers', async () => {
    const answer = await fit('small', large.id);
    expect(answer).toMatchObject({
      fits: true,
      place: 'memory',
      context_length: 4096,
      parallel: 1,
      trained_context_length: 131_072,
      missing_bytes: 0,
      gpu_memory_utilization: null,
      learned: null,
    });
    // 16 layers of 16 heads of 64, keys and values of two bytes.
    expect(answer.required.kv_cache_bytes).toBe(4096 * 16 * 16 * 64 * 2 * 2);
    expect(answer.required.weights_bytes).toBeGreaterThan(400 * 1024 ** 2);
    expect(answer.breakdown.map(({ part }) => part)).toEqual(['weights', 'kv_cache', 'compute', 'overhead']);
    expect(answer.required.total_bytes).toBe(
      answer.breakdown.reduce((sum, part) => sum + part.expected_bytes, 0),
    );
    expect(answer.verdict).toMatch(/^Fits into memory, up to [\d,]+ tokens\.$/);
    expect(answer.max_context_length).toBeGreaterThan(4096);
  });

  it('says how much is missing and what would make it fit', async () => {
    const answer = await fit('small', large.id, { config: { context_length: 131_072 } });
    expect(answer.fits).toBe(false);
    expect(answer.missing_bytes).toBe(answer.required.total_bytes - answer.available_bytes);
    expect(answer.verdict).toMatch(
      new RegExp(
        `^${large.id} needs [\\d.]+ to [\\d.]+ GiB; the machine has 8.0 free\\. It fits with [\\d,]+ tokens of context\\.$`,
      ),
    );
    const [way] = answer.ways;
    expect(way).toMatchObject({ fits: true, patch: { context_length: answer.max_context_length } });
    expect(way?.spare_bytes).toBeGreaterThanOrEqual(0);
    // What it says fits does, and one step more does not.
    const most = answer.max_context_length ?? 0;
    expect((await fit('small', large.id, { config: { context_length: most } })).fits).toBe(true);
    expect((await fit('small', large.id, { config: { context_length: most + 256 } })).fits).toBe(false);
  });

  it('is told on the command line with its parts', async () => {
    const { stdout, code } = await cli(join(directory.path, 'data'), [
      'slots',
      'fit',
      'small',
      large.id,
      '--context',
      '131072',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/It fits with [\d,]+ tokens of context\./);
    expect(stdout).toMatch(/KV cache, 131072 × 1 +8\.00 GiB +8\.00 GiB/);
    expect(stdout).toContain('Basis: calculated');
    const refused = await cli(join(directory.path, 'data'), [
      'slots',
      'edit',
      'small',
      '--context',
      '131072',
    ]);
    expect(refused.code).toBe(0);
    const tried = await cli(join(directory.path, 'data'), ['slots', 'load', 'small', large.id]);
    expect(tried.code).toBe(1);
    expect(tried.stderr).toContain('the machine has 8.0 free');
    expect(
      (await cli(join(directory.path, 'data'), ['slots', 'edit', 'small', '--context', '4096'])).code,
    ).toBe(0);
  });

  it('refuses what the slot cannot run', async () => {
    await expect(fit('small', tensors.id)).rejects.toMatchObject({ code: 'unsupported_format' });
    await expect(fit('small', 'nobody')).rejects.toMatchObject({ code: 'not_found' });
    await expect(fit('nowhere', large.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the gate before a load', () => {
  it('refuses what does not fit, with the numbers, and writes nothing', async () => {
    await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'long',
        capability: 'llm_inference',
        runtime_spec: 'embedded-llama',
        config: { threads: 1, context_length: 131_072 },
      },
    });
    await expect(load('long', large.id)).rejects.toMatchObject({
      code: 'insufficient_vram',
      details: {
        required_bytes: expect.any(Number) as number,
        available_bytes: 8 * GIB,
        max_context_length: expect.any(Number) as number,
      },
    });
    const { slot } = await agent.call(ENDPOINTS.getSlot, { params: { id: 'long' } });
    expect(slot).toMatchObject({ assigned_model_id: null, load_state: 'empty', memory_override: false });
  });

  it('lets an explicit override pass, keeps it and journals the numbers', async () => {
    machine.available = 1;
    const { slot } = await load('small', speaking.id, true);
    expect(slot.memory_override).toBe(true);
    const now = await loaded('small', speaking.id);
    expect(now).toMatchObject({ memory_override: true, reserved_basis: 'estimated' });
    expect(now.reserved?.total_bytes).toBeGreaterThan(1);
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { action: 'slot.assigned' } });
    expect(audit[0]?.data).toMatchObject({
      override: true,
      available_bytes: 1,
      required_bytes: expect.any(Number) as number,
    });
  });

  it('asks of a change and of a restart too', async () => {
    await expect(
      agent.call(ENDPOINTS.patchSlot, {
        params: { id: 'small' },
        body: { config: { threads: 1, context_length: 8192 } },
      }),
    ).rejects.toMatchObject({ code: 'insufficient_vram' });
    // What was overridden stays so for the same settings.
    await agent.call(ENDPOINTS.restartSlot, { params: { id: 'small' } });
    machine.available = 8 * GIB;
    const { slot } = await agent.call(ENDPOINTS.patchSlot, {
      params: { id: 'small' },
      body: { config: { threads: 1, context_length: 2048 } },
    });
    expect(slot.memory_override).toBe(false);
    await loaded('small', speaking.id);
    machine.available = 1;
    await expect(agent.call(ENDPOINTS.restartSlot, { params: { id: 'small' } })).rejects.toMatchObject({
      code: 'insufficient_vram',
    });
    await agent.call(ENDPOINTS.restartSlot, { params: { id: 'small' }, query: { override: true } });
    machine.available = 8 * GIB;
    await loaded('small', speaking.id);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'small' } });
    const empty = await agent.slot('small', (now) => now.load_state === 'empty');
    expect(empty).toMatchObject({ reserved: null, reserved_basis: null, memory_override: false });
  });
});
