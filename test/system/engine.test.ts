import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { ownDockerd } from '../support/dockerd.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});
const config = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };
const options = { retry: { baseMs: 100, capMs: 500, sameCauseLimit: 3 }, watchMs: 200 };
const ask = (agent: TestAgent, model: string) =>
  agent.request('POST', '/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: 'x' }] },
  });

async function serving(agent: TestAgent): Promise<{ id: string; slot: string; container: string | null }> {
  const { id } = await importModel(
    agent,
    await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
  );
  const { slot_id: slot } = await serveModel(agent, id, { runtime_spec: 'llama-cpp-cpu', config });
  return { id, slot, container: (await agent.slot(slot, (now) => now.load_state === 'loaded')).container_id };
}

describe('a Docker engine that stops while a model is loaded', () => {
  it('is told as such, and the model is loaded again by itself when the engine is back', async () => {
    await using engine = await ownDockerd(join(directory.path, 'e'));
    await using agent = await startTestAgent(join(directory.path, 'data'), {
      ...options,
      settings: { docker_host: engine.host },
    });
    const { id, slot, container } = await serving(agent);
    await engine.stop();
    const down = await agent.slot(
      slot,
      (now) => now.load_state === 'error' && now.load_error?.error === 'runtime_unavailable',
    );
    expect(down.load_error).toMatchObject({ will_retry: true, message: expect.stringContaining('Docker') });
    expect(down).toMatchObject({ loaded_managed_model_id: null, assigned_model_id: id });
    expect(await ask(agent, id)).toMatchObject({
      status: 503,
      body: { error: { code: 'model_not_loaded' } },
    });
    expect(
      (await agent.call(ENDPOINTS.getDoctor, {})).checks.find((check) => check.id === 'docker'),
    ).toMatchObject({ status: 'warning' });
    await engine.start();
    const back = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(back.container_id).not.toBe(container);
    expect((await ask(agent, id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('alpha') } }],
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
  });

  it('but keeps its containers (live-restore): the model never stops answering', async () => {
    const directoryOfEngine = join(directory.path, 'e');
    await mkdir(directoryOfEngine);
    await writeFile(join(directoryOfEngine, 'daemon.json'), '{"live-restore": true}');
    await using engine = await ownDockerd(directoryOfEngine, [
      '--config-file',
      join(directoryOfEngine, 'daemon.json'),
    ]);
    await using agent = await startTestAgent(join(directory.path, 'data'), {
      ...options,
      settings: { docker_host: engine.host },
    });
    const { id, slot, container } = await serving(agent);
    await engine.stop();
    // Observed several times while the engine is away, and still loaded, because it still answers.
    const before = (await agent.call(ENDPOINTS.getSlot, { params: { id: slot } })).slot.observed_at ?? '';
    await agent.slot(slot, (now) => (now.observed_at ?? '') > before);
    expect((await ask(agent, id)).status).toBe(200);
    expect((await agent.call(ENDPOINTS.getSlot, { params: { id: slot } })).slot.load_state).toBe('loaded');
    await engine.start();
    expect((await ask(agent, id)).status).toBe(200);
    expect(await agent.slot(slot, (now) => now.load_state === 'loaded')).toMatchObject({
      container_id: container,
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
  });
});

describe('an agent that starts while its engine is away', () => {
  it('takes over the container that went on when the engine is back', async () => {
    const directoryOfEngine = join(directory.path, 'e');
    await mkdir(directoryOfEngine);
    await writeFile(join(directoryOfEngine, 'daemon.json'), '{"live-restore": true}');
    await using engine = await ownDockerd(directoryOfEngine, [
      '--config-file',
      join(directoryOfEngine, 'daemon.json'),
    ]);
    const data = join(directory.path, 'data');
    const first = await startTestAgent(data, { ...options, settings: { docker_host: engine.host } });
    const { id, slot, container } = await serving(first);
    await first.stop();
    await engine.stop();
    await using second = await startTestAgent(data, { ...options, settings: { docker_host: engine.host } });
    await second.slot(slot, (now) => now.load_error?.error === 'runtime_unavailable');
    await engine.start();
    expect(await second.slot(slot, (now) => now.load_state === 'loaded')).toMatchObject({
      container_id: container,
    });
    expect((await ask(second, id)).status).toBe(200);
    await second.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await second.slot(slot, (now) => now.load_state === 'empty');
  });
});

describe('an engine that maps users', () => {
  it('is refused with the reason, because the container could not read the model', async () => {
    await promisify(execFile)('sh', [
      '-c',
      'getent passwd dockremap || useradd -r dockremap; grep -q dockremap /etc/subuid || echo dockremap:700000:65536 >> /etc/subuid; grep -q dockremap /etc/subgid || echo dockremap:700000:65536 >> /etc/subgid',
    ]);
    // The mapped root has to be able to walk to the engine's directory.
    await chmod(directory.path, 0o755);
    await using engine = await ownDockerd(join(directory.path, 'e'), ['--userns-remap=dockremap']);
    await using agent = await startTestAgent(join(directory.path, 'data'), {
      ...options,
      settings: { docker_host: engine.host },
    });
    const { id } = await importModel(
      agent,
      await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
    );
    const { slot } = await agent.call(ENDPOINTS.createSlot, {
      body: { capability: 'llm_inference', runtime_spec: 'llama-cpp-cpu', config },
    });
    await expect(
      agent.call(ENDPOINTS.loadSlot, { params: { id: slot.id }, body: { managed_model_id: id } }),
    ).rejects.toMatchObject({ code: 'engine_user_mapping' });
  });
});
