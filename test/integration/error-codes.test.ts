import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENDPOINTS,
  ERROR_CODES,
  ERRORS,
  IMPORT_MODEL,
  type ErrorCode,
  type Model,
} from '../../src/shared/contract/index.ts';
import { importModel, startTestAgent, type RawAnswer, type TestAgent } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

/**
 * Every code of the error table is produced by a test: here over HTTP where that is cheap, else in the file named below,
 * which has to hold the code. A code that nothing produces is a promise that nobody keeps.
 */
let directory: TemporaryDirectory;
let agent: TestAgent;
let first: Model;
let second: Model;
let userKey: string;

const models = '/v1/modelops/models';
const bring = async (name: string, register = true): Promise<Model> =>
  importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name), { register });
const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  agent.request('POST', path, { ...(body === undefined ? {} : { body }), headers });
/** The id of a recorded test run that failed, because nothing serves the model. */
const failedRun = async (id: string): Promise<string> => {
  const { body } = await post(`${models}/${id}/test`, { inputs: { prompt: 'x' } });
  return (body['details'] as { test_run: { id: string } }).test_run.id;
};

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  first = await bring('first');
  second = await bring('second');
  await agent.call(ENDPOINTS.createSlot, {
    body: { id: 'place', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
  });
  userKey = (await agent.call(ENDPOINTS.createKey, { body: { name: 'somebody', role: 'user' } })).token;
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const HERE: Partial<Record<ErrorCode, () => Promise<RawAnswer>>> = {
  invalid_argument: () => post(`${models}/inspect`, {}),
  unauthenticated: () => agent.request('GET', '/v1/system', { token: null }),
  insufficient_role: () => agent.request('POST', '/v1/modelops/slots', { token: userKey, body: {} }),
  forbidden: () => agent.request('GET', '/v1/system', { headers: { origin: 'https://evil.example' } }),
  not_found: () => agent.request('GET', `${models}/nobody-v1`),
  method_not_allowed: () => agent.request('PUT', '/v1/modelops/slots', { body: {} }),
  payload_too_large: () => post(`${models}/inspect`, { path: `/${'x'.repeat(1_100_000)}` }),
  test_run_not_found: () => post(`${models}/${first.id}/validate`, { test_run_id: 'nothing' }),
  validation_test_required: () => post(`${models}/${first.id}/validate`, {}),
  test_run_mismatch: async () =>
    post(`${models}/${first.id}/validate`, { test_run_id: await failedRun(second.id) }),
  validation_test_failed: async () =>
    post(`${models}/${first.id}/validate`, { test_run_id: await failedRun(first.id) }),
  local_model_not_served_by_runtime: () =>
    post(`${models}/${first.id}/test`, { inputs: { prompt: 'x' }, slot_id: 'place' }),
  unsupported_format: async () => {
    const path = await writeSpeakingModel(join(directory.path, 'translator.gguf'), 'translator');
    const { job } = await agent.call(IMPORT_MODEL, {
      body: { path, task_key: 'translation', register: true },
    });
    const { model_id: id } = (await agent.job(job.id)).result as { model_id: string };
    return post(`${models}/${id}/test`, { inputs: { prompt: 'x' } });
  },
  invalid_state_transition: () => post(`${models}/${first.id}/activate`),
  already_exists: () =>
    post('/v1/modelops/slots', {
      id: 'place',
      capability: 'llm_inference',
      runtime_spec: 'embedded-llama',
    }),
  ambiguous_source: async () => {
    const source = join(directory.path, 'several');
    for (const name of ['one', 'two']) await writeSpeakingModel(join(source, `${name}.gguf`), name);
    return post(`${models}/inspect`, { path: source });
  },
  conflict: () => post(`${models}/${first.id}/unregister`, undefined, { 'if-match': '99' }),
  model_not_loaded: () => post('/v1/modelops/slots/place/restart'),
  artifact_not_ready: async () => {
    const { id, artifact } = await bring('gone');
    const sha256 = artifact?.files?.[0]?.sha256 ?? '';
    await rm(join(agent.dataDir, 'store', 'blobs', sha256.slice(0, 2), sha256));
    return agent.request('PUT', '/v1/modelops/slots/place/model', { body: { managed_model_id: id } });
  },
  dependencies_unsatisfied: async () => {
    const { keys } = await agent.call(ENDPOINTS.listKeys, { query: {} });
    const admin = keys.find((key) => key.kind === 'admin');
    return agent.request('DELETE', `/v1/modelops/access/keys/${admin?.id}`);
  },
};

/** The other codes, and the test that produces each. */
const ELSEWHERE: Partial<Record<ErrorCode, string>> = {
  permission_denied: 'src/agent/kernel/files.test.ts',
  rate_limited: 'test/integration/access-limits.test.ts',
  validation_failed: 'test/integration/validation.test.ts',
  validation_already_current: 'test/integration/lifecycle.test.ts',
  validation_test_stale: 'test/integration/validation.test.ts',
  model_test_failed: 'test/integration/validation.test.ts',
  offline_not_allowed: 'test/integration/cloud-gateway.test.ts',
  credential_unavailable: 'test/integration/credentials.test.ts',
  insufficient_vram: 'test/integration/fit.test.ts',
  // Nothing recalls on this node yet; the guards stand and are tested.
  recalled: 'src/shared/lifecycle/model.test.ts',
  runtime_profile_locked: 'test/integration/process.test.ts',
  runtime_profile_blocks_internet: 'src/agent/kernel/egress.test.ts',
  upstream_failed: 'test/integration/cloud-gateway.test.ts',
  runtime_unavailable: 'test/integration/slots.test.ts',
  storage_unavailable: 'src/agent/kernel/files.test.ts',
  resource_exhausted: 'src/agent/kernel/files.test.ts',
  secrets_locked: 'test/integration/process.test.ts',
  shutting_down: 'src/agent/kernel/jobs/job-runner.test.ts',
  internal_error: 'src/agent/kernel/jobs/job-runner.test.ts',
  image_missing: 'src/agent/runtimes/rules.test.ts',
  engine_user_mapping: 'test/system/engine.test.ts',
  gpu_runtime_missing: 'src/agent/adapters/docker/docker-errors.test.ts',
  runtime_exited: 'src/agent/runtimes/rules.test.ts',
  runtime_crash_loop: 'src/agent/runtimes/rules.test.ts',
  runtime_out_of_memory: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  runtime_bad_argument: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  runtime_wrong_model: 'src/agent/runtimes/slots/probe.test.ts',
  gpu_unavailable: 'test/integration/runtimes.test.ts',
  runtime_gpu_lost: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  runtime_gpu_unused: 'src/agent/runtimes/rules.test.ts',
  runtime_stalled: 'src/agent/runtimes/slots/probe.test.ts',
  model_file_corrupt: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  model_not_supported: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  model_files_missing: 'src/agent/runtimes/diagnosis/diagnosis.test.ts',
  data_dir_locked: 'test/integration/process.test.ts',
  schema_too_new: 'test/integration/process.test.ts',
  database_corrupt: 'test/integration/process.test.ts',
  data_dir_unusable: 'test/integration/process.test.ts',
  agent_unreachable: 'src/main/agent-proxy.test.ts',
};

/** Codes of the contract whose cause does not exist on this node yet. Goes with the downloads. */
const NOT_YET: ReadonlySet<ErrorCode> = new Set(['hub_unreachable']);

describe('over HTTP', () => {
  it.each(Object.entries(HERE))('%s', async (code, produce) => {
    const { status, body } = await produce();
    expect(body).toMatchObject({
      error: code,
      message: expect.stringMatching(/\.$/),
      hint: expect.stringMatching(/\S/),
      request_id: expect.any(String),
    });
    expect(status).toBe(ERRORS[code as ErrorCode].status);
  });
});

describe('a method that a path does not take', () => {
  it('is told with those it takes, to those with a key', async () => {
    const refused = await agent.request('DELETE', '/v1/modelops/models');
    expect(refused.headers.get('allow')).toBe('GET, POST');
    expect((await agent.request('DELETE', '/v1/modelops/models', { token: null })).status).toBe(401);
  });

  it('does not hide an object that is called like a path', async () => {
    // POST /models/inspect is a route of its own; GET /models/inspect asks for a model of that name.
    const answer = await agent.request('GET', '/v1/modelops/models/inspect');
    expect(answer).toMatchObject({ status: 404, body: { message: 'There is no model inspect.' } });
  });
});

describe('every code', () => {
  it('is produced in exactly one of these ways', () => {
    for (const code of ERROR_CODES) {
      const ways = [HERE[code] !== undefined, ELSEWHERE[code] !== undefined, NOT_YET.has(code)];
      expect(ways.filter(Boolean), code).toHaveLength(1);
    }
  });

  it.each(Object.entries(ELSEWHERE))('%s stands in %s', async (code, file) => {
    const text = await readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
    expect(text).toMatch(new RegExp(`\\b${code}\\b`));
  });

  it('that nothing produces yet is thrown nowhere', async () => {
    const root = fileURLToPath(new URL('../../src/agent', import.meta.url));
    const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.ts'));
    for (const file of files) {
      const text = await readFile(join(root, file), 'utf8');
      for (const code of NOT_YET) expect(text, file).not.toContain(`new AppError('${code}'`);
    }
  });
});
