import { readFile, rename, rm, writeFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type LoadError, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { ensureVllmImages, VLLM_IMAGE } from '../../tools/vllm-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { containersOf, docker, removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeDirectoryModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/** Everything that goes wrong with an engine, on a real Docker: state, code, cause, way out, and nothing left behind. */

let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;
let alpha: Model;
let dictionary: Model;
const llama = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };

beforeAll(async () => {
  ensureVllmImages();
  directory = await temporaryDirectory();
  const data = join(directory.path, 'data');
  // vLLM's own spec, for the processor and with little patience.
  const shipped = await readFile(new URL('../../resources/runtimes/vllm.yaml', import.meta.url), 'utf8');
  const spec = shipped
    .replace(/^id: .*$/m, 'id: faulty')
    .replace(/^device: .*$/m, 'device: cpu')
    .replace(/^stall_seconds: .*$/m, 'stall_seconds: 5')
    .replace(/^ {2}reference: .*$/m, `  reference: ${VLLM_IMAGE}`)
    .replace(/^env:$/m, "env:\n  VLLM_DOUBLE_DEVICE: cpu\n  VLLM_DOUBLE_STEP_MS: '0'");
  await mkdir(join(data, 'runtimes'), { recursive: true, mode: 0o700 });
  await writeFile(join(data, 'runtimes', 'faulty.yaml'), spec);
  agent = await startTestAgent(data, {
    retry: { baseMs: 20, capMs: 50, sameCauseLimit: 2 },
    watchMs: 100,
    liveness: { probeMs: 300, deadlineMs: 1500, hungMs: 1500 },
  });
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  dictionary = await importModel(
    agent,
    await writeDirectoryModel(join(directory.path, 'dictionary'), 'dictionary'),
  );
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

const containersOfSlot = async (slot: string) =>
  (await containersOf(nodeId)).filter((one) => one.Config.Labels['io.modelops.slot'] === slot);
const loaded = (slot: string, attempt = 0): Promise<Slot> =>
  agent.slot(slot, (now) => now.load_state === 'loaded' && now.attempt > attempt);
const failed = (slot: string): Promise<Slot> => agent.slot(slot, (now) => now.load_state === 'error');
const empty = async (slot: string): Promise<void> => {
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
  await agent.slot(slot, (now) => now.load_state === 'empty');
  expect(await containersOfSlot(slot)).toEqual([]);
};
async function faulty(name: string, config: object = {}): Promise<string> {
  const id = `f-${name}`;
  await agent.call(ENDPOINTS.createSlot, {
    body: {
      id,
      capability: 'llm_inference',
      runtime_spec: 'faulty',
      config: { context_length: 256, ...config, extra_args: ['--double-failure', name] },
    },
  });
  // vLLM takes the share of the memory that it is told; on the processor nobody has so much.
  await agent.call(ENDPOINTS.loadSlot, {
    params: { id },
    body: { managed_model_id: dictionary.id, override: true },
  });
  return id;
}

describe('an engine that does not come up', () => {
  it.concurrent.each<[string, Partial<LoadError>, object?]>([
    ['address-in-use', { error: 'runtime_crash_loop', cause: 'address-in-use' }],
    ['exit-3', { error: 'runtime_crash_loop', message: 'It ended with code 3.' }],
    ['killed', { error: 'runtime_exited', cause: 'killed' }],
    ['segfault', { error: 'runtime_crash_loop', cause: 'crashed' }],
    ['kv-too-small', { error: 'runtime_out_of_memory', cause: 'context-above-kv-cache' }],
    ['no-models', { error: 'runtime_crash_loop', message: expect.stringContaining('/v1/models') as string }],
    [
      'wrong-model',
      { error: 'runtime_wrong_model', message: expect.stringContaining('somebody-else') as string },
    ],
    ['no-compute', { error: 'runtime_crash_loop' }],
    [
      'hang-weights',
      { error: 'runtime_crash_loop', message: 'The runtime got no further than "weights" for 5 s.' },
    ],
    ['silent', { error: 'runtime_crash_loop', message: expect.stringContaining('for 5 s.') as string }],
    [
      'host-oom',
      { error: 'runtime_out_of_memory', cause: 'oom-killed' },
      { memory_limit_bytes: 100_000_000 },
    ],
  ])('%s', async (name, told, config = {}) => {
    const slot = await faulty(name, config);
    const now = await failed(slot);
    expect(now.load_error).toMatchObject({ ...told, will_retry: false, retry_at: null });
    expect(now.load_error?.hint.length).toBeGreaterThan(10);
    expect(now).toMatchObject({
      loaded_managed_model_id: null,
      endpoint: null,
      container_id: null,
      assigned_model_id: dictionary.id,
    });
    expect(await containersOfSlot(slot)).toEqual([]);
    const { history } = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: slot }, query: {} });
    expect(history.every((attempt) => attempt.ended_at !== null && attempt.error !== null)).toBe(true);
    await empty(slot);
  });

  it('that floods its log is loaded all the same; the agent keeps the end of it and goes on answering', async () => {
    const before = process.memoryUsage().rss;
    const slot = await faulty('log-flood');
    await loaded(slot);
    // The slot is told anew at every look, so there is something to wait for.
    let last = 0;
    await agent.slot(slot, () => {
      void agent
        .call(ENDPOINTS.getSlotLogs, { params: { id: slot }, query: { tail: 1 } })
        .then((log) => (last = log.lines.at(-1)?.line ?? 0));
      return last > 50_000;
    });
    // 50 MB came through; what is kept of them is a few.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
    await empty(slot);
  });
});

describe('an engine that fails while it serves', () => {
  it('hangs in the middle of a stream: the stream is ended with the reason, and it is started again', async () => {
    const slot = await faulty('hang-stream');
    const before = await loaded(slot);
    await serveModel(agent, dictionary.id, { slot_id: slot });
    // A short answer may be through before it hangs.
    let text = '';
    for (let ask = 0; ask < 100 && !text.includes('upstream_failed'); ask += 1) {
      ({ text } = await agent.request('POST', '/v1/chat/completions', {
        body: { model: dictionary.id, messages: [{ role: 'user', content: 'x' }], stream: true },
      }));
    }
    expect(text).toContain('upstream_failed');
    expect((await loaded(slot, before.attempt)).load_error).toBeNull();
    const { history } = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: slot }, query: {} });
    expect(history.find((one) => one.attempt === before.attempt)).toMatchObject({
      error: 'runtime_stalled',
      message: expect.stringContaining('does not compute'),
    });
    await empty(slot);
  });

  it.each([
    ['is killed', (id: string) => docker('kill', id)],
    ['is stopped', (id: string) => docker('stop', '-t', '2', id)],
    ['is removed', (id: string) => docker('rm', '-f', id)],
  ])('%s: it is started again, once, on a socket of its own', async (_name, harm) => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec: 'llama-cpp-cpu',
      config: llama,
    });
    const before = await loaded(slot);
    await harm(before.container_id ?? '');
    const after = await loaded(slot, before.attempt);
    // The former one left its socket; nobody can bind it again.
    expect(dirname(after.endpoint ?? '')).not.toBe(dirname(before.endpoint ?? ''));
    expect((await containersOfSlot(slot)).map((one) => one.Id)).toEqual([after.container_id]);
    await empty(slot);
  });

  it('loses the directory of its socket and dies: it is started again in a fresh one', async () => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec: 'llama-cpp-cpu',
      config: llama,
    });
    const before = await loaded(slot);
    await rm(dirname(before.endpoint ?? ''), { recursive: true });
    await docker('kill', before.container_id ?? '');
    const after = await loaded(slot, before.attempt);
    expect((await containersOfSlot(slot)).map((one) => one.Id)).toEqual([after.container_id]);
    await empty(slot);
  });

  it('loses its image and dies: the slot says which image is missing, and goes on when it is back', async () => {
    const image = `modelops-test/llama.cpp:gone-${randomUUID().slice(0, 8)}`;
    await docker('tag', LLAMA_IMAGE, image);
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec: 'llama-cpp-cpu',
      config: { ...llama, image },
    });
    const before = await loaded(slot);
    await docker('rmi', image);
    // It goes on as long as it runs.
    expect((await ask(alpha.id)).status).toBe(200);
    await docker('kill', before.container_id ?? '');
    const now = await failed(slot);
    expect(now.load_error).toMatchObject({
      error: 'image_missing',
      message: expect.stringContaining(image),
      will_retry: false,
    });
    expect(await containersOfSlot(slot)).toEqual([]);
    await docker('tag', LLAMA_IMAGE, image);
    await agent.call(ENDPOINTS.restartSlot, { params: { id: slot } });
    await loaded(slot, before.attempt);
    await empty(slot);
    await docker('rmi', image);
  });

  it('loses the files of its model and dies: nothing is started on what is not there', async () => {
    const { id, artifact } = await importModel(
      agent,
      await writeSpeakingModel(join(directory.path, 'fleeting.gguf'), 'fleeting'),
    );
    const { slot_id: slot } = await serveModel(agent, id, { runtime_spec: 'llama-cpp-cpu', config: llama });
    const before = await loaded(slot);
    const path = artifact?.storage_path ?? '';
    await rename(path, `${path}.away`);
    await docker('kill', before.container_id ?? '');
    const now = await failed(slot);
    expect(now.load_error).toMatchObject({ error: 'model_files_missing', will_retry: false });
    expect(await containersOfSlot(slot)).toEqual([]);
    await rename(`${path}.away`, path);
    await agent.call(ENDPOINTS.restartSlot, { params: { id: slot } });
    await loaded(slot, before.attempt);
    expect((await ask(id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('fleeting') } }],
    });
    await empty(slot);
  });

  const ask = (model: string) =>
    agent.request('POST', '/v1/chat/completions', {
      body: { model, messages: [{ role: 'user', content: 'x' }] },
    });
});
