import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model, type RenderedContainer } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeDirectoryModel, writeSpeakingModel } from '../support/models.ts';
import { cli } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/** Runtimes as data, on a node whose Docker nobody can reach: everything here is told without starting anything. */

let directory: TemporaryDirectory;
let agent: TestAgent;
let gguf: Model;
let safetensors: Model;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), {
    env: { DOCKER_HOST: 'unix:///nowhere/docker.sock', MODELOPS_NVIDIA_SMI: '/nowhere/nvidia-smi' },
  });
  gguf = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  safetensors = await importModel(agent, await writeDirectoryModel(join(directory.path, 'beta'), 'beta'));
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const render = async (id: string, body: Record<string, unknown> = {}): Promise<RenderedContainer> =>
  (await agent.call(ENDPOINTS.renderRuntime, { params: { id }, body })).container;
const refusal = (id: string, body: Record<string, unknown>) =>
  agent.request('POST', `/v1/modelops/runtimes/${id}/render`, { body });

describe('the container that would be created', () => {
  it('is shown to the letter for a model and a slot, with what is missing', async () => {
    await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'cuts',
        capability: 'llm_inference',
        runtime_spec: 'vllm',
        gpu_ids: ['GPU-1', 'GPU-2'],
        config: { context_length: 1024, memory_limit_bytes: 4_000_000_000 },
      },
    });
    const container = await render('vllm', { slot_id: 'cuts', managed_model_id: safetensors.id });
    expect(container).toMatchObject({
      driver: 'docker',
      image: 'vllm/vllm-openai:v0.19.1',
      image_id: null,
      engine_version: '0.19.1',
      entrypoint: ['vllm', 'serve'],
      isolation: 'full',
      config_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(container.args.slice(0, 7)).toEqual([
      '/models',
      '--served-model-name',
      safetensors.id,
      '--max-model-len',
      '1024',
      '--tensor-parallel-size',
      '2',
    ]);
    expect(container.env).toMatchObject({ HF_HUB_OFFLINE: '1', VLLM_HOST_IP: '127.0.0.1' });
    expect(container.create).toMatchObject({
      Image: 'vllm/vllm-openai:v0.19.1',
      HostConfig: {
        NetworkMode: 'none',
        Memory: 4_000_000_000,
        ShmSize: 8_589_934_592,
        DeviceRequests: [{ Driver: '', DeviceIDs: ['GPU-1', 'GPU-2'], Capabilities: [['gpu']] }],
      },
    });
    expect(container.command).toMatch(/^docker run --detach --name modelops-\w{8}-cuts-1 .*--cap-drop ALL/);
    expect(container.command).toContain('--gpus \'"device=GPU-1,GPU-2"\'');
    expect(container.notes.join('\n')).toMatch(/no Docker engine[^]*no GPU GPU-1/);
  });

  it('changes with the version of the engine, and says so', async () => {
    const old = await render('vllm', {
      gpu_ids: ['GPU-1'],
      config: { image: 'vllm/vllm-openai:v0.10.0', kv_cache_memory_bytes: 1_073_741_824 },
    });
    expect(old).toMatchObject({ engine_version: '0.10.0', isolation: 'partial' });
    expect(old.args).toEqual(expect.arrayContaining(['--host', '0.0.0.0', '--port', '8000']));
    expect(old.args).not.toContain('--uds');
    expect(JSON.stringify(old.create)).toContain('VLLM_API_KEY=(a random key)');
    expect(old.notes.join('\n')).toMatch(
      /0\.10\.0 cannot listen on a Unix socket \(from 0\.11\.0 on it can\)/,
    );
    expect(old.notes.join('\n')).toMatch(/no argument for kv_cache_memory_bytes/);
    const unknown = await render('vllm', { config: { image: 'mirror.example/vllm:prod' } });
    expect(unknown.notes.join('\n')).toMatch(/taken for the newest[^]*/);
    expect(unknown.notes.join('\n')).toMatch(/needs a GPU, and none is named/);
  });

  it('of a runtime without containers is a command', async () => {
    const container = await render('embedded-llama', { managed_model_id: gguf.id });
    expect(container).toMatchObject({ driver: 'embedded', create: null, command: null, image: null });
  });

  it.each([
    ['nothing', {}, 404, 'not_found'],
    ['vllm', { slot_id: 'nothing' }, 404, 'not_found'],
    ['vllm', { managed_model_id: 'nothing' }, 404, 'not_found'],
    ['vllm', { managed_model_id: 'alpha-v1' }, 422, 'unsupported_format'],
    ['text-embeddings-inference', { capability: 'rerank' }, 422, 'unsupported_format'],
    ['vllm', { config: { gpu_layers: 3 } }, 400, 'invalid_argument'],
    ['vllm', { config: { tensor_parallel_size: 3 }, gpu_ids: ['GPU-1'] }, 400, 'invalid_argument'],
    ['vllm', { config: { kv_cache_type: 'q8_0' } }, 400, 'invalid_argument'],
    ['llama-cpp-cpu', { gpu_ids: ['GPU-1'] }, 400, 'invalid_argument'],
  ])('of %s with %o is refused: %i', async (id, body, status, code) => {
    expect(await refusal(id, body)).toMatchObject({ status, body: { error: code } });
  });
});

describe('a slot of a GPU runtime', () => {
  it('is not loaded without a GPU, nor on one that is not there', async () => {
    const load = (id: string) =>
      agent.request('PUT', `/v1/modelops/slots/${id}/model`, { body: { managed_model_id: safetensors.id } });
    await agent.call(ENDPOINTS.createSlot, {
      body: { id: 'bare', capability: 'llm_inference', runtime_spec: 'vllm' },
    });
    for (const id of ['bare', 'cuts'])
      expect(await load(id)).toMatchObject({ status: 409, body: { error: 'gpu_unavailable' } });
  });
});

describe('a runtime of the user', () => {
  const mine = [
    'id: mine',
    'name: Mine',
    'engine: mine',
    'driver: docker',
    'capabilities: [llm_inference]',
    'formats: [gguf]',
    'image: { reference: "example/mine:1.2.3" }',
    'settings: [image, threads]',
    'version: [{ from: tag, pattern: "^(.+)$" }]',
    'args:',
    '  - [--model, "{model_file}"]',
    '  - { when: threads, since: "1.0", args: [--threads, "{threads}"] }',
    'transports: [{ kind: tcp, port: 9000, args: [--port, "{port}"] }]',
  ];
  const listed = async () => agent.call(ENDPOINTS.listRuntimes, {});
  /** The directory is read when a file in it changes; that is not told as an event. */
  const until = async (reached: (answer: Awaited<ReturnType<typeof listed>>) => boolean) => {
    for (let look = 0; look < 2000; look += 1) {
      const answer = await listed();
      if (reached(answer)) return answer;
    }
    throw new Error('the directory was not read again');
  };

  it('is judged before it is written, with the place of every problem', async () => {
    const validate = (yaml: string) => agent.call(ENDPOINTS.validateRuntime, { body: { yaml } });
    expect(await validate(mine.join('\n'))).toEqual({ id: 'mine', problems: [] });
    const broken = mine.map((line) => line.replace('tcp', 'pigeon').replace('{threads}', '{speed}'));
    expect(await validate(broken.join('\n'))).toMatchObject({
      id: null,
      problems: [{ line: 13, column: expect.any(Number), message: expect.stringContaining('transports') }],
    });
    expect(await validate('id: [')).toMatchObject({ id: null, problems: [{ line: 1 }] });
  });

  it('appears, changes and goes without a restart, and a broken one is told with its place', async () => {
    const file = join(agent.dataDir, 'runtimes', 'mine.yaml');
    await writeFile(file, mine.join('\n'));
    const { runtimes } = await until((answer) => answer.runtimes.some(({ id }) => id === 'mine'));
    expect(runtimes.find(({ id }) => id === 'mine')).toMatchObject({
      origin: 'user',
      transport: 'tcp',
      gpus: 'none',
      available: false,
    });
    expect(await render('mine', { managed_model_id: gguf.id, config: { threads: 2 } })).toMatchObject({
      engine_version: '1.2.3',
      args: ['--model', '/models/model.gguf', '--threads', '2', '--port', '9000'],
    });
    await writeFile(file, mine.map((line) => line.replace('threads]', 'colour]')).join('\n'));
    const { problems } = await until((answer) => answer.problems.length > 0);
    expect(problems).toEqual([
      {
        file: 'mine.yaml',
        line: 8,
        column: expect.any(Number),
        message: expect.stringContaining('settings'),
      },
    ]);
    await rm(file);
    await until((answer) => answer.problems.length === 0);
  });
});

describe('modelops runtimes', () => {
  const run = async (...args: string[]) => cli(agent.dataDir, ['runtimes', ...args]);

  it('lists, shows, renders and validates', async () => {
    expect((await run('list')).stdout).toMatch(/vllm\s+docker\s+safetensors\s+not available/);
    expect(JSON.parse((await run('show', 'vllm', '--json')).stdout)).toMatchObject({
      runtime: { id: 'vllm', gpus: 'required', choices: { kv_cache_type: ['auto', 'fp8'] } },
    });
    expect(await run('show', 'nothing')).toMatchObject({ code: 1, stderr: expect.stringContaining('vllm') });
    const rendered = await run(
      'render',
      'vllm',
      '--gpu',
      'GPU-1',
      '--model',
      safetensors.id,
      '--config',
      '{"context_length":512}',
    );
    expect(rendered.stdout).toMatch(/^docker run .* --max-model-len 512 [^]*\n- There is no GPU GPU-1/m);
    const made = await cli(agent.dataDir, [
      'slots',
      'create',
      'typed',
      '--runtime',
      'vllm',
      '--gpu',
      'GPU-1',
      'GPU-2',
      '--json',
      '--context',
      '2048',
      '--config',
      '{"context_length":1,"dtype":"half"}',
    ]);
    expect(made.stderr).toContain('context_length');
    const right = await cli(agent.dataDir, [
      'slots',
      'create',
      'typed',
      '--runtime',
      'vllm',
      '--gpu',
      'GPU-1',
      'GPU-2',
      '--json',
      '--context',
      '2048',
      '--config',
      '{"dtype":"half"}',
    ]);
    expect(JSON.parse(right.stdout)).toMatchObject({
      slot: { gpu_ids: ['GPU-1', 'GPU-2'], config: { context_length: 2048, dtype: 'half' } },
    });
    const file = join(directory.path, 'bad.yaml');
    await writeFile(file, 'id: x\nname: 3\n');
    const judged = await run('validate', file);
    expect(judged).toMatchObject({ code: 1, stdout: expect.stringContaining(`${file}:2:7 name:`) });
  });
});
