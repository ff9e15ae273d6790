import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { ensureVllmImages, VLLM_IMAGE } from '../../tools/vllm-image.ts';
import { importModel, serveModel, startTestAgent } from '../support/agent.ts';
import { ownDockerd } from '../support/dockerd.ts';
import { sentenceOf, writeDirectoryModel } from '../support/models.ts';
import { placeNvidiaSmi } from '../support/nvidia-smi.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('vLLM gets exactly the GPUs of its slot, is served over two of them, and is refused one that is not there', async () => {
  await using directory = await temporaryDirectory();
  await using engine = await ownDockerd(join(directory.path, 'e'));
  ensureVllmImages(engine.host);
  const { path } = await placeNvidiaSmi(directory.path, { recording: 'eight' });
  await using agent = await startTestAgent(join(directory.path, 'data'), {
    env: { DOCKER_HOST: engine.host, MODELOPS_NVIDIA_SMI: path },
  });
  const gpuIds = (await agent.call(ENDPOINTS.listGpus, {})).gpus.slice(2, 4).map(({ uuid }) => uuid);
  const model = await importModel(agent, await writeDirectoryModel(join(directory.path, 'gamma'), 'gamma'));
  const make = (id: string, gpu_ids: string[], config: object = {}) =>
    agent.call(ENDPOINTS.createSlot, {
      body: {
        id,
        capability: 'llm_inference',
        runtime_spec: 'vllm',
        gpu_ids,
        config: { image: VLLM_IMAGE, context_length: 512, shm_bytes: 67_108_864, ...config },
      },
    });
  await make('two', gpuIds);
  await serveModel(agent, model.id, { slot_id: 'two' });
  const loaded = await agent.slot('two', (now) => now.load_state === 'loaded');
  expect(loaded).toMatchObject({ isolation: 'full', engine_version: '0.19.1' });
  const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: 'two' }, query: {} });
  expect(log.lines.map(({ text }) => text).join('\n')).toContain('world_size=2');
  const answer = await agent.request('POST', '/v1/chat/completions', {
    body: { model: model.id, messages: [{ role: 'user', content: 'x' }] },
  });
  expect(answer.body).toMatchObject({ choices: [{ message: { content: sentenceOf('gamma') } }] });
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'two' } });
  await agent.slot('two', (now) => now.load_state === 'empty');

  await make('gone', ['GPU-00000000-0000-0000-0000-000000000000']);
  const refused = await agent.request('PUT', '/v1/modelops/slots/gone/model', {
    body: { managed_model_id: model.id },
  });
  expect(refused.body).toMatchObject({ error: 'gpu_unavailable' });
  expect(await agent.call(ENDPOINTS.getSlot, { params: { id: 'gone' } })).toMatchObject({
    slot: { load_state: 'empty', assigned_model_id: null },
  });
});
