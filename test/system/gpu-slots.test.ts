import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { LIVENESS } from '../../src/agent/runtimes/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { ensureVllmImages, VLLM_IMAGE } from '../../tools/vllm-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { ownDockerd, type OwnDockerd } from '../support/dockerd.ts';
import { QUICK } from '../support/gpus.ts';
import { sentenceOf, writeDirectoryModel, writeSpeakingModel } from '../support/models.ts';
import { placeNvidiaSmi, type NvidiaSmiDouble } from '../support/nvidia-smi.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/** Slots on GPUs: an engine with the hook of the container toolkit, eight cards of a nvidia-smi double, real llama-server. */
describe('a slot on GPUs', () => {
  let directory: TemporaryDirectory;
  let engine: OwnDockerd;
  let driver: NvidiaSmiDouble;
  let agent: TestAgent;
  let cards: string[];
  let gamma: Model;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    engine = await ownDockerd(join(directory.path, 'e'));
    ensureVllmImages(engine.host);
    driver = await placeNvidiaSmi(directory.path, { recording: 'eight' });
    agent = await startTestAgent(join(directory.path, 'data'), {
      env: { DOCKER_HOST: engine.host, MODELOPS_NVIDIA_SMI: driver.path },
      gpuTiming: QUICK,
      watchMs: 100,
      liveness: { ...LIVENESS, gpusMs: 100 },
    });
    cards = (await agent.call(ENDPOINTS.listGpus, {})).gpus.map(({ uuid }) => uuid);
    gamma = await importModel(agent, await writeDirectoryModel(join(directory.path, 'gamma'), 'gamma'));
  });
  afterAll(async () => {
    await agent?.stop();
    await engine?.[Symbol.asyncDispose]();
    await directory?.[Symbol.asyncDispose]();
  });

  const makeVllm = (id: string, gpu_ids: string[]) =>
    agent.call(ENDPOINTS.createSlot, {
      body: {
        id,
        capability: 'llm_inference',
        runtime_spec: 'vllm',
        gpu_ids,
        config: { image: VLLM_IMAGE, context_length: 512, shm_bytes: 67_108_864 },
      },
    });
  const failed = (id: string): Promise<Slot> =>
    agent.slot(id, ({ load_error: error }) => error !== null && error.error !== 'internal_error');

  it('gets exactly its GPUs, and serves over two of them', async () => {
    // The double of vLLM takes no memory of a card, so the double of the driver says that somebody does.
    await driver.say({ recording: 'eight', values: used(cards.slice(2, 4)) });
    await makeVllm('two', cards.slice(2, 4));
    await serveModel(agent, gamma.id, { slot_id: 'two' });
    const loaded = await agent.slot('two', (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({ isolation: 'full', engine_version: '0.19.1' });
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: 'two' }, query: {} });
    expect(log.lines.map(({ text }) => text).join('\n')).toContain('world_size=2');
    const answer = await agent.request('POST', '/v1/chat/completions', {
      body: { model: gamma.id, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer.body).toMatchObject({ choices: [{ message: { content: sentenceOf('gamma') } }] });
  });

  it('says when one of them is lost, and starts nothing on it', async () => {
    await driver.say({ recording: 'eight', values: used(cards.slice(2, 4)), lost: [cards[2] ?? ''] });
    // It ends what ran there, and then is refused a start on a card that is not there.
    const { load_error: error } = await agent.slot(
      'two',
      (now) => now.load_error?.error === 'gpu_unavailable',
    );
    expect(error?.hint).toMatch(/\S/);
    const { history } = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: 'two' }, query: {} });
    expect(history.map((attempt) => attempt.error)).toContain('runtime_gpu_lost');
    await driver.say({ recording: 'eight', values: used(cards.slice(2, 4)) });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'two' } });
    await agent.slot('two', (now) => now.load_state === 'empty');
  });

  it('is refused a GPU that is not there, and wishes for nothing', async () => {
    await makeVllm('gone', ['GPU-00000000-0000-0000-0000-000000000000']);
    const refused = await agent.request('PUT', '/v1/modelops/slots/gone/model', {
      body: { managed_model_id: gamma.id },
    });
    expect(refused.body).toMatchObject({ error: 'gpu_unavailable' });
    expect(await agent.call(ENDPOINTS.getSlot, { params: { id: 'gone' } })).toMatchObject({
      slot: { load_state: 'empty', assigned_model_id: null },
    });
  });

  it('does not run on the processor instead: a real llama-server without CUDA is stopped', async () => {
    const alpha = await importModel(
      agent,
      await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
      { register: true },
    );
    await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'cpu',
        capability: 'llm_inference',
        runtime_spec: 'llama-cpp-cuda',
        gpu_ids: cards.slice(5, 6),
        config: { image: LLAMA_IMAGE, context_length: 256, threads: 1 },
      },
    });
    await agent.call(ENDPOINTS.loadSlot, { params: { id: 'cpu' }, body: { managed_model_id: alpha.id } });
    const { load_error: error, load_state: state, loaded_managed_model_id: holds } = await failed('cpu');
    expect(error).toMatchObject({ error: 'runtime_gpu_unused', will_retry: false });
    expect([state, holds]).toEqual(['error', null]);
  });
});

/** Cards on which something holds memory. */
function used(uuids: readonly string[]): Record<string, Record<string, string>> {
  return Object.fromEntries(uuids.map((uuid) => [uuid, { 'memory.used': '900', 'memory.free': '80000' }]));
}
