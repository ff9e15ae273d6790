import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { containersOf, docker, networksOf, removeContainersOf } from '../support/docker.ts';
import { writeDirectoryModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import { writeVllmSpec } from '../support/vllm.ts';

/** Failures of vLLM, from its log in a container to what the slot tells: code, cause, evidence and fixes. */
let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;
let model: Model;
let spec: string;
const params = { id: 'ill' };
const config = { context_length: 512, parallel: 2 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  spec = await writeVllmSpec(dataDir);
  // Tried once more after a moment, where a rule says so; then a person has to look.
  agent = await startTestAgent(dataDir, {
    retry: { baseMs: 20, capMs: 50, sameCauseLimit: 2 },
    watchMs: 300,
  });
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  model = await importModel(agent, await writeDirectoryModel(join(directory.path, 'delta'), 'delta'), {
    name: 'delta',
  });
  await agent.call(ENDPOINTS.createSlot, {
    body: { ...params, capability: 'llm_inference', runtime_spec: spec, config },
  });
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  for (const network of await networksOf(nodeId)) await docker('network', 'rm', network);
  await directory[Symbol.asyncDispose]();
});

/** Starts the model under other settings and waits until the slot has given up. */
async function failWith(settings: Slot['config']): Promise<Slot> {
  await agent.call(ENDPOINTS.unloadSlot, { params });
  await agent.slot('ill', (slot) => slot.load_state === 'empty');
  await agent.call(ENDPOINTS.patchSlot, { params, body: { config: { ...config, ...settings } } });
  await agent.call(ENDPOINTS.loadSlot, { params, body: { managed_model_id: model.id, override: true } });
  return agent.slot('ill', (slot) => slot.load_state === 'error');
}

type Row = readonly [
  failure: string,
  code: string,
  cause: string | null,
  message: RegExp,
  patches: readonly Record<string, unknown>[],
];

describe('a failure of vLLM', () => {
  it.each<Row>([
    [
      'kv-too-small',
      'runtime_out_of_memory',
      'context-above-kv-cache',
      /131072 tokens .* 12,288 do/,
      [{ context_length: 12_288 }, { kv_cache_type: 'fp8' }],
    ],
    [
      'free-memory',
      'runtime_out_of_memory',
      'free-memory-below-utilization',
      /3\.21 of 23\.53 GiB/,
      [{ gpu_memory_utilization: 0.11 }],
    ],
    [
      'mamba',
      'runtime_out_of_memory',
      'mamba-cache-blocks',
      /256 are asked for, 113 fit/,
      [{ parallel: 113 }],
    ],
    ['remote-code', 'model_not_supported', 'trust-remote-code', /code of its own/, []],
    ['corrupt', 'model_file_corrupt', 'safetensors-corrupt', /MetadataIncompleteBuffer/, []],
    ['bfloat16', 'runtime_bad_argument', 'bfloat16-unsupported', /bfloat16/, [{ dtype: 'half' }]],
    ['offline', 'model_files_missing', 'engine-went-online', /tried to fetch it/, []],
    // Tried twice, and then no more.
    ['nccl', 'runtime_exited', 'nccl', /NCCL/, []],
    ['segfault', 'runtime_crash_loop', 'crashed', /segmentation fault/, []],
    ['exit-3', 'runtime_crash_loop', null, /^It ended with code 3\.$/, []],
  ])('%s: %s', async (failure, code, cause, message, patches) => {
    const { load_error: error, attempt } = await failWith({ extra_args: ['--double-failure', failure] });
    expect(error).toMatchObject({
      error: code,
      cause,
      message: expect.stringMatching(message),
      will_retry: false,
    });
    expect(error?.fixes.map((fix) => fix.patch)).toEqual(patches);
    expect(await containersOf(nodeId)).toEqual([]);
    // The evidence is where it says.
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params, query: { attempt } });
    expect(log.history[0]).toMatchObject({ attempt, error: code, message: error?.message });
    if (error?.evidence !== undefined)
      expect(log.lines[error.evidence.line - 1]?.text).toBe(error.evidence.text);
    else expect(cause === null || cause === 'crashed').toBe(true);
  });

  it('is over once its fix is applied', async () => {
    const failed = await failWith({ extra_args: ['--swap-space', '4'] });
    expect(failed.load_error).toMatchObject({ cause: 'unrecognized-argument' });
    const patch = failed.load_error?.fixes[0]?.patch ?? {};
    expect(patch).toEqual({ extra_args: [] });
    await agent.call(ENDPOINTS.patchSlot, {
      params,
      body: { config: { ...failed.config, ...patch } },
    });
    expect(await agent.slot('ill', (slot) => slot.load_state === 'loaded')).toMatchObject({
      load_error: null,
      loaded_managed_model_id: model.id,
    });
  });
});
