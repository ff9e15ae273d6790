import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model, Slot, TestRun, Validation } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { cli, serve, type AgentProcess } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let data: string;
let agent: AgentProcess;
let nodeId: string;
const id = 'pilot-v1';

beforeAll(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
  agent = await serve(data);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

/** One command, its JSON answer. @throws with what it said when it was refused. */
async function answer<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await cli(data, [...args, '--json']);
  if (code !== 0) throw new Error(`modelops ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const refused = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await cli(data, args);
  expect(code, stderr).toBe(1);
  return stderr;
};

describe("the superadmin's way of a local model, by the command line, into a real llama-server", () => {
  it('1. imports a file; the model is created and its bytes are verified', async () => {
    const file = await writeSpeakingModel(join(directory.path, 'pilot.gguf'), 'pilot');
    expect(await answer('import', file)).toMatchObject({ model_id: id });
    const { model } = await answer<{ model: Model }>('models', 'show', id);
    nodeId = model.node_id;
    expect(model).toMatchObject({ lifecycle_state: 'created', artifact: { artifact_status: 'ready' } });
    expect(await refused('models', 'activate', id)).toContain('invalid_state_transition');
  });

  it('2. registers it', async () => {
    expect(await answer('models', 'register', id)).toMatchObject({
      model: { lifecycle_state: 'registered' },
    });
  });

  it('3. loads it into a slot and tests it there', async () => {
    expect(await refused('models', 'test', id, '--prompt', 'who?')).toContain(
      'local_model_not_served_by_runtime',
    );
    const make = ['--runtime', 'llama-cpp-cpu', '--image', LLAMA_IMAGE, '--context', '256', '--threads', '1'];
    await answer('slots', 'create', 'berth', ...make);
    expect(await answer<{ slot: Slot }>('slots', 'load', 'berth', id)).toMatchObject({
      slot: { load_state: 'loaded', loaded_managed_model_id: id },
    });
    const { test_run: run } = await answer<{ test_run: TestRun }>(
      'models',
      'test',
      id,
      '--prompt',
      'who?',
      '--slot',
      'berth',
    );
    expect(run).toMatchObject({
      result: 'success',
      slot_id: 'berth',
      output_payload: { text: sentenceOf('pilot') },
    });
  });

  it('4. validates it by that test', async () => {
    const [run] = (await agent.request('GET', `/v1/modelops/models/${id}/tests`)).body['tests'] as TestRun[];
    expect(
      await answer<{ validation: Validation }>('models', 'validate', id, '--test-run', run!.id),
    ).toMatchObject({
      validation: { result: 'success', test_run_id: run!.id },
    });
  });

  it('5. activates it', async () => {
    expect(await answer('models', 'activate', id)).toMatchObject({ model: { lifecycle_state: 'active' } });
  });

  it('6. sees it among the eligible models of its capability, and at the gateway', async () => {
    const eligible = async (capability: string) =>
      (await agent.request('GET', `/v1/modelops/models?eligible=1&capability=${capability}`)).body[
        'models'
      ] as Model[];
    expect((await eligible('llm_inference')).map((model) => model.id)).toEqual([id]);
    expect(await eligible('embeddings')).toEqual([]);
    const listed = await agent.request('GET', '/v1/models');
    expect(listed.body).toMatchObject({ object: 'list', data: [{ id }] });
  });

  it('7. invokes it, by the command line and as an application does', async () => {
    expect((await cli(data, ['chat', id, 'who?'])).stdout).toContain(sentenceOf('pilot'));
    const { token } = await answer<{ token: string }>('keys', 'create', 'portal', '--role', 'user');
    const called = await agent.request('POST', '/v1/chat/completions', {
      token,
      body: { model: id, messages: [{ role: 'user', content: 'who?' }] },
    });
    expect(called).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: sentenceOf('pilot') } }] },
    });
    expect(called.headers.get('x-modelops-model-id')).toBe(id);
  });
});
