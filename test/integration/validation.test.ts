import { chmod, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, IMPORT_MODEL, type CheckResult, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeSafetensorsModel, writeSpeakingModel } from '../support/models.ts';
import { RUNS_A_COMMAND } from '../support/pickles.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
const config = { threads: 1, context_length: 256 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const bring = async (name: string, register = true): Promise<Model> =>
  importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name), { register });
const model = async (id: string): Promise<Model> =>
  (await agent.call(ENDPOINTS.getModel, { params: { id } })).model;
const post = (id: string, action: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  agent.request('POST', `/v1/modelops/models/${id}/${action}`, { body, headers });
const validations = async (id: string) =>
  (await agent.call(ENDPOINTS.listValidations, { params: { id }, query: {} })).validations;
const tests = async (id: string) =>
  (await agent.call(ENDPOINTS.listTestRuns, { params: { id }, query: {} })).tests;
const checks = async (id: string): Promise<Record<string, CheckResult>> => {
  const answer = await agent.call(ENDPOINTS.checkModel, { params: { id } });
  return Object.fromEntries(answer.checks.map((check) => [check.validator_kind, check]));
};

/** The stored file of a one-file model. */
function blobOf({ artifact }: Model): string {
  const sha256 = artifact?.files?.[0]?.sha256 ?? '';
  return join(agent.dataDir, 'store', 'blobs', sha256.slice(0, 2), sha256);
}

/** Other bytes of the same size, as a careless tool or a bad disk would leave them. */
async function damage(path: string): Promise<Buffer> {
  const before = await readFile(path);
  const after = Buffer.from(before);
  after[after.length - 1]! ^= 0xff;
  await chmod(path, 0o600);
  await writeFile(path, after);
  return before;
}

let bundles = 0;
/** A directory model with more files in it. */
async function bringDirectory(files: Record<string, string | Buffer>): Promise<Model> {
  bundles += 1;
  const path = await writeSafetensorsModel(join(directory.path, `bundle-${bundles}`));
  await writeFile(join(path, 'tokenizer.json'), '{}');
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return importModel(agent, path, { name: `bundle-${bundles}` });
}

describe('a validation', () => {
  it('asks every validator, keeps what each found, and is in force for the runtime it was tested on', async () => {
    const { id } = await bring('proved');
    const { slot_id: slot } = await serveModel(agent, id, { config });
    const [served] = await validations(id);
    expect(served).toMatchObject({ trigger_reason: 'serve', validator_kind: 'llm_test_confirmation' });

    const { test_run: run } = await agent.call(ENDPOINTS.testModel, {
      params: { id },
      body: { inputs: { prompt: 'who?' } },
    });
    const { validation } = await agent.call(ENDPOINTS.validateModel, {
      params: { id },
      body: { test_run_id: run.id },
    });
    expect(validation).toMatchObject({
      validator_kind: 'llm_test_confirmation',
      trigger_reason: 'manual_after_test',
      result: 'success',
      test_run_id: run.id,
      expires_at: null,
      runtime_identity: run.runtime_identity,
    });
    const { validators } = await agent.call(ENDPOINTS.listValidators, {});
    const local = validators.filter((one) => one.hosting.includes('local'));
    expect(validation.checks.map((check) => check.validator_kind)).toEqual(
      local.map((one) => one.validator_kind),
    );
    expect((await validations(id))[0]).toEqual(validation);

    // Another runtime is another proof; each identity has one.
    const first = await model(id);
    expect(first.current_validations).toEqual([
      {
        validation_id: validation.id,
        runtime_identity: run.runtime_identity,
        validated_at: validation.created_at,
        expires_at: null,
      },
    ]);
    await agent.call(ENDPOINTS.patchSlot, {
      params: { id: slot },
      body: { config: { ...config, context_length: 512 } },
    });
    await agent.slot(slot, (now) => now.load_state === 'loaded' && now.context_length === 512);
    await serveModel(agent, id, { slot_id: slot });
    const { current_validations: both } = await model(id);
    expect(both).toHaveLength(2);
    expect(new Set(both?.map((one) => one.runtime_identity)).size).toBe(2);
  });

  it('is refused when a required check fails, with a row for it, and possible again when the bytes are right', async () => {
    const { id } = await bring('damaged');
    await serveModel(agent, id, { config: { ...config, context_length: 128 } });
    const { test_run: run } = await agent.call(ENDPOINTS.testModel, {
      params: { id },
      body: { inputs: { prompt: 'who?' } },
    });
    const blob = blobOf(await model(id));
    const right = await damage(blob);
    const refused = await post(id, 'validate', { test_run_id: run.id });
    expect(refused).toMatchObject({
      status: 409,
      body: {
        error: 'validation_failed',
        message: expect.stringContaining('no longer holds the bytes'),
        details: {
          validation: {
            result: 'failure',
            validator_kind: 'artifact_integrity',
            trigger_reason: 'requested',
            test_run_id: run.id,
            error_details: { artifact_status: 'corrupt' },
          },
          checks: expect.arrayContaining([
            expect.objectContaining({ validator_kind: 'artifact_integrity', result: 'failure' }),
          ]),
        },
      },
    });
    const [row] = await validations(id);
    expect(row).toMatchObject({ result: 'failure', validator_kind: 'artifact_integrity' });
    expect(await model(id)).toMatchObject({
      lifecycle_state: 'inactive',
      is_validation_current: false,
      last_validation_status: 'failure',
      validation_error: { reason: 'content_changed' },
      artifact: { artifact_status: 'corrupt' },
      current_validations: [],
    });
    expect(await post(id, 'activate')).toMatchObject({
      status: 409,
      body: { error: 'validation_failed', details: { reason: 'content_changed' } },
    });

    await writeFile(blob, right);
    expect((await checks(id))['artifact_integrity']).toMatchObject({
      result: 'success',
      details: { hashed_count: 1 },
    });
    expect((await model(id)).artifact?.artifact_status).toBe('ready');
    // The test ran on the right bytes, so it still proves them.
    expect(await post(id, 'validate', { test_run_id: run.id })).toMatchObject({
      status: 200,
      body: { model: { lifecycle_state: 'validated', is_validation_current: true, validation_error: null } },
    });
  });

  it('does not outlive files that changed on disk: the next load sees it', async () => {
    const { id } = await bring('watched');
    const { slot_id: slot } = await serveModel(agent, id, { config: { ...config, context_length: 160 } });
    const right = await damage(blobOf(await model(id)));
    expect(
      await agent.request('PUT', `/v1/modelops/slots/${slot}/model`, { body: { managed_model_id: id } }),
    ).toMatchObject({ status: 409, body: { error: 'artifact_not_ready' } });
    expect(await model(id)).toMatchObject({
      lifecycle_state: 'inactive',
      validation_error: { reason: 'content_changed' },
      artifact: { artifact_status: 'verifying' },
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: `model:${id}` } });
    expect(audit[0]).toMatchObject({
      action: 'model.validation_stale',
      data: { reason: 'content_changed', from: 'active', to: 'inactive' },
    });
    await writeFile(blobOf(await model(id)), right);
  });

  it('is not lost to a file that was only touched', async () => {
    const { id } = await bring('touched');
    await serveModel(agent, id, { config: { ...config, context_length: 192 } });
    const blob = blobOf(await model(id));
    const { atime } = await stat(blob);
    await utimes(blob, atime, new Date(0));
    expect((await checks(id))['artifact_integrity']).toMatchObject({ result: 'success' });
    expect(await model(id)).toMatchObject({
      lifecycle_state: 'active',
      is_validation_current: true,
      artifact: { artifact_status: 'ready' },
    });
  });

  it('never stands for another configuration than the one that was tested, however two requests meet', async () => {
    const { id } = await bring('raced');
    await serveModel(agent, id, { config: { ...config, context_length: 224 } });
    for (let round = 0; round < 6; round += 1) {
      const { test_run: run } = await agent.call(ENDPOINTS.testModel, {
        params: { id },
        body: { inputs: { prompt: 'who?' } },
      });
      const { rev } = await model(id);
      const [validated, patched] = await Promise.all([
        post(id, 'validate', { test_run_id: run.id }),
        agent.request('PATCH', `/v1/modelops/models/${id}`, {
          body: { config: { context_length: 300 + round } },
          headers: { 'if-match': String(rev) },
        }),
      ]);
      // Whoever comes second knows of the first.
      expect([validated.status, patched.status], validated.text).not.toEqual([200, 200]);
      if (patched.status === 200) {
        expect(validated.body['error']).toMatch(/^(validation_test_stale|conflict)$/);
        expect((await model(id)).is_validation_current).toBe(false);
      } else {
        expect(patched.body['error']).toBe('conflict');
        expect(validated.status).toBe(200);
      }
    }
  });

  it('is made under the rev that was read', async () => {
    const { id } = await bring('versioned');
    await serveModel(agent, id, { config: { ...config, context_length: 240 } });
    const { rev } = await model(id);
    const { test_run: run } = await agent.call(ENDPOINTS.testModel, {
      params: { id },
      body: { inputs: { prompt: 'who?' } },
    });
    expect(await post(id, 'validate', { test_run_id: run.id }, { 'if-match': String(rev) })).toMatchObject({
      status: 409,
      body: { error: 'conflict', details: { rev: rev + 1 } },
    });
    expect(
      await post(id, 'validate', { test_run_id: run.id }, { 'if-match': String(rev + 1) }),
    ).toMatchObject({ status: 200 });
  });
});

describe('the checks', () => {
  it('of a GGUF model say what it is', async () => {
    const { id } = await bring('plain', false);
    expect(await checks(id)).toMatchObject({
      artifact_integrity: { result: 'success', required: true, details: { file_count: 1, hashed_count: 1 } },
      unsafe_formats: { result: 'success', required: true },
      remote_code: { result: 'success', required: true },
      tokenizer: { result: 'success', summary: expect.stringMatching(/^A llama tokenizer with \d+ tokens/) },
      chat_template: { result: 'success', details: { source: 'the GGUF header' } },
      licence: { result: 'warning', details: { reason: 'unknown' } },
      memory_fit: {
        result: 'success',
        summary: expect.stringMatching(/^It needs about [\d.]+ MiB\. .*up to 2,048 tokens\.$/),
      },
    });
    expect(await validations(id)).toEqual([]);
  });

  it('look into the files of a directory, and keep what a required one found', async () => {
    const { id } = await bringDirectory({ 'extra.joblib': RUNS_A_COMMAND[4]!, 'notes.dat': 'nothing' });
    expect(await checks(id)).toMatchObject({
      artifact_integrity: { result: 'success', details: { file_count: 7, hashed_count: 7 } },
      unsafe_formats: { result: 'failure', summary: expect.stringContaining('posix.system') },
      tokenizer: { result: 'success', details: { files: ['tokenizer.json'] } },
      chat_template: { result: 'success', details: { source: 'tokenizer_config.json' } },
    });
    expect(await validations(id)).toMatchObject([
      { validator_kind: 'unsafe_formats', trigger_reason: 'check', result: 'failure', test_run_id: null },
    ]);
    expect((await model(id)).last_validation_status).toBe('failure');
  });

  it('refuse code in the model until somebody allows it for this model', async () => {
    const code = {
      'config.json': JSON.stringify({
        architectures: ['LlamaForCausalLM'],
        auto_map: { AutoModelForCausalLM: 'modeling.Own' },
      }),
      'modeling.py': 'print("hello")',
    };
    const { id, rev } = await bringDirectory(code);
    expect((await checks(id))['remote_code']).toMatchObject({
      result: 'failure',
      details: { auto_map_in: ['config.json'], code_files: ['modeling.py'], trusted: false },
    });
    const { rev: now } = await model(id);
    expect(now).toBeGreaterThan(rev);
    await agent.call(
      ENDPOINTS.patchModel,
      { params: { id }, body: { config: { trust_remote_code: true } } },
      { ifMatch: now },
    );
    expect((await checks(id))['remote_code']).toMatchObject({
      result: 'success',
      details: { trusted: true },
      summary: expect.stringContaining('trust_remote_code is set'),
    });
  });

  it('are asked by whoever may validate, and nobody else', async () => {
    const { id } = await bring('guarded', false);
    const { token } = await agent.call(ENDPOINTS.createKey, { body: { name: 'plain-user', role: 'user' } });
    for (const [method, action] of [
      ['POST', 'checks'],
      ['POST', 'validate'],
      ['POST', 'test'],
      ['GET', 'test-runtimes'],
    ] as const) {
      const body = action === 'test' ? { inputs: { prompt: 'x' } } : {};
      const answer = await agent.request(method, `/v1/modelops/models/${id}/${action}`, {
        token,
        ...(method === 'POST' ? { body } : {}),
      });
      expect(answer, action).toMatchObject({ status: 403, body: { error: 'insufficient_role' } });
    }
  });
});

describe('a test run', () => {
  it('that fails keeps why, and answers with the recorded run', async () => {
    const { id } = await bring('small');
    const { slot_id: slot } = await serveModel(agent, id, { config: { ...config, context_length: 144 } });
    const tooLong = await post(id, 'test', { inputs: { prompt: 'word '.repeat(4000) } });
    expect(tooLong).toMatchObject({
      status: 409,
      body: { error: 'model_test_failed', details: { test_run: { result: 'failure', slot_id: slot } } },
    });
    const [run] = await tests(id);
    expect(run).toMatchObject({
      result: 'failure',
      error_details: { error: 'model_test_failed', status_code: expect.any(Number) },
      latency_ms: expect.any(Number),
    });
    expect(JSON.stringify(run?.input_payload).length).toBeLessThan(20_000);
    expect(await post(id, 'validate', { test_run_id: run?.id })).toMatchObject({ status: 409 });
  });

  it('of a task without a test is refused and not recorded', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'looker.gguf'), 'looker');
    const { job } = await agent.call(IMPORT_MODEL, {
      body: { path, name: 'looker', task_key: 'translation', register: true },
    });
    const { model_id: id } = (await agent.job(job.id)).result as { model_id: string };
    expect(await post(id, 'test', { inputs: { prompt: 'x' } })).toMatchObject({
      status: 422,
      body: {
        error: 'unsupported_format',
        details: { testable_tasks: ['llm', 'embeddings', 'rerank'] },
      },
    });
    expect(await tests(id)).toEqual([]);
    expect(await agent.call(ENDPOINTS.listTestRuntimes, { params: { id } })).toEqual({
      model_id: id,
      runtimes: [],
      default_slot_id: null,
    });
  });

  it('of a reranker takes a query and documents', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'ranker.gguf'), 'ranker');
    const { job } = await agent.call(IMPORT_MODEL, {
      body: { path, name: 'ranker', task_key: 'rerank', register: true },
    });
    const { model_id: id } = (await agent.job(job.id)).result as { model_id: string };
    expect(await post(id, 'test', { inputs: { text: 'x' } })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['inputs'] } },
    });
    const inputs = { query: 'which?', documents: ['this', 'that'] };
    expect(await post(id, 'test', { inputs })).toMatchObject({
      status: 409,
      body: {
        error: 'local_model_not_served_by_runtime',
        details: {
          test_run: { input_payload: inputs, error_details: { error: 'local_model_not_served_by_runtime' } },
        },
      },
    });
  });
});

describe('the slots a model could be tested on', () => {
  it('tell what each serves, why not this model, and what to do', async () => {
    const [mine, other] = [await bring('mine'), await bring('other')];
    const make = (id: string, more: object = {}) =>
      agent.call(ENDPOINTS.createSlot, {
        body: {
          id,
          capability: 'llm_inference',
          runtime_spec: 'embedded-llama',
          config: { ...config, context_length: 272 },
          ...more,
        },
      });
    await make('place-empty');
    await make('place-off');
    await agent.call(ENDPOINTS.patchSlot, { params: { id: 'place-off' }, body: { enabled: false } });
    await make('place-other');
    await make('place-mine');
    for (const [slot, id] of [
      ['place-other', other.id],
      ['place-mine', mine.id],
    ] as const) {
      await agent.call(ENDPOINTS.loadSlot, { params: { id: slot }, body: { managed_model_id: id } });
      await agent.slot(slot, (now) => now.load_state === 'loaded');
    }
    const { runtimes, default_slot_id } = await agent.call(ENDPOINTS.listTestRuntimes, {
      params: { id: mine.id },
    });
    expect(default_slot_id).toBe('place-mine');
    const of = (id: string) => runtimes.find((runtime) => runtime.slot_id === id);
    expect(of('place-mine')).toMatchObject({
      matches_model: true,
      reachable: true,
      advertised_model_ids: [mine.id],
      context_length: 272,
      is_validated_here: false,
      reason: null,
      hint: null,
    });
    expect(of('place-other')).toMatchObject({
      matches_model: false,
      advertised_model_ids: [other.id],
      reason: 'serves_another_model',
      message: `It serves ${other.id}.`,
      hint: `Load ${mine.id} into place-other.`,
    });
    expect(of('place-empty')).toMatchObject({
      reason: 'slot_empty',
      reachable: null,
      advertised_model_ids: [],
    });
    expect(of('place-off')).toMatchObject({ reason: 'slot_disabled', enabled: false });
    // Only slots of what the model is for.
    await agent.call(ENDPOINTS.createSlot, {
      body: { id: 'place-vectors', capability: 'embeddings', runtime_spec: 'embedded-llama' },
    });
    const again = await agent.call(ENDPOINTS.listTestRuntimes, { params: { id: mine.id } });
    expect(again.runtimes.some((runtime) => runtime.slot_id === 'place-vectors')).toBe(false);
  });
});
