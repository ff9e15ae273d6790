import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalFiles, ENDPOINTS, type Job } from '../../src/shared/contract/index.ts';
import { sha256Hex } from '../../src/agent/kernel/ids.ts';
import { importModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { writeEmbeddingModel, writeSafetensorsModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let files: TemporaryDirectory;
let agent: TestAgent;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(directory.path);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});
beforeEach(async () => {
  files = await temporaryDirectory();
  return () => files[Symbol.asyncDispose]();
});

/** Everything in the store, so that a test sees what was left behind. */
async function stored(): Promise<string[]> {
  const entries = await readdir(join(directory.path, 'store'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .toSorted();
}

const start = (body: Record<string, unknown>) => agent.request('POST', '/v1/modelops/models', { body });
async function finish(body: Record<string, unknown>): Promise<Job> {
  const answer = await start(body);
  expect(answer.status, answer.text).toBe(202);
  return agent.job((answer.body['job'] as Job).id);
}

describe('importing a GGUF file', () => {
  it('makes a family, a version and a managed model whose bytes are known', async () => {
    const path = await writeSpeakingModel(join(files.path, 'First.gguf'), 'first');
    const done = await finish({ path });
    expect(done).toMatchObject({
      state: 'succeeded',
      kind: 'import',
      title: 'Import first',
      result: { model_id: 'first-v1' },
    });
    const { model } = await agent.call(ENDPOINTS.getModel, { params: { id: 'first-v1' } });
    const digest = sha256Hex(await readFile(path));
    const size = (await stat(path)).size;
    expect(model).toMatchObject({
      name: 'first',
      seq: 1,
      lifecycle_state: 'created',
      backend: 'local',
      hosting: 'local',
      task_key: 'llm',
      category: 'generative',
      runtime_mode_policy: 'online_offline',
      format: 'gguf',
      architecture: 'llama',
      quantization: 'F32',
      trained_context_length: 2048,
      has_chat_template: true,
      source: 'import',
      artifact: {
        artifact_status: 'ready',
        size_bytes: size,
        files: [{ path: 'model.gguf', size_bytes: size, sha256: digest }],
      },
      actions: { register: { ok: true }, activate: { ok: false, code: 'invalid_state_transition' } },
    });
    expect(model.global_model_id).toBe(
      `urn:modelops:content:sha256:${sha256Hex(canonicalFiles([{ path: 'model.gguf', size, sha256: digest }]))}`,
    );
    expect(await readFile(join(model.artifact?.storage_path ?? '', 'model.gguf'))).toEqual(
      await readFile(path),
    );
  });

  it('again is a success that changes nothing; other bytes are the next version; another name is another family over the same bytes', async () => {
    const path = await writeSpeakingModel(join(files.path, 'twice.gguf'), 'twice');
    const first = await finish({ path });
    const before = await stored();
    expect((await finish({ path })).result).toEqual({ ...first.result, already_present: true });
    expect(await stored()).toEqual(before);
    const other = await finish({ path, name: 'renamed' });
    expect(other.result).toMatchObject({
      model_id: 'renamed-v1',
      global_model_id: first.result?.['global_model_id'],
    });
    expect((await stored()).filter((name) => name.length === 64)).toEqual(
      before.filter((name) => name.length === 64),
    );
    await writeSpeakingModel(path, 'changed');
    expect((await finish({ path })).result).toMatchObject({ model_id: 'twice-v2' });
    const { versions } = await agent.call(ENDPOINTS.listVersions, { params: { name: 'twice' }, query: {} });
    expect(versions.map((version) => [version.seq, version.model_ids])).toEqual([
      [2, ['twice-v2']],
      [1, ['twice-v1']],
    ]);
    expect((await agent.call(ENDPOINTS.getFamily, { params: { name: 'twice' } })).model).toMatchObject({
      latest_seq: 2,
      version_count: 2,
    });
  });

  it('registers it as well when asked, and links it when asked', async () => {
    const path = await writeSpeakingModel(join(files.path, 'linked.gguf'), 'linked');
    const done = await finish({ path, register: true, link: true, id: 'my-model', label: '1.0.0' });
    const { model } = await agent.call(ENDPOINTS.getModel, {
      params: { id: done.result?.['model_id'] as string },
    });
    expect(model).toMatchObject({ id: 'my-model', lifecycle_state: 'registered', label: '1.0.0' });
    expect((await stat(join(model.artifact?.storage_path ?? '', 'model.gguf'))).ino).toBe(
      (await stat(path)).ino,
    );
  });

  it('joins the same request while it runs', async () => {
    const path = await writeSpeakingModel(join(files.path, 'joined.gguf'), 'joined');
    const answers = await Promise.all([start({ path }), start({ path }), start({ path })]);
    const ids = new Set(answers.map((answer) => (answer.body['job'] as Job).id));
    for (const id of ids) expect((await agent.job(id)).state).toBe('succeeded');
    expect(
      (await agent.call(ENDPOINTS.listVersions, { params: { name: 'joined' }, query: {} })).versions,
    ).toHaveLength(1);
  });

  it('knows an embedding model', async () => {
    const model = await importModel(
      agent,
      await writeEmbeddingModel(join(files.path, 'vectors.gguf'), 'vectors'),
    );
    expect(model).toMatchObject({ task_key: 'embeddings', category: 'predictive' });
  });
});

describe('importing a directory', () => {
  it('gives the same identity whatever its README says', async () => {
    const first = await importModel(agent, await writeSafetensorsModel(join(files.path, 'one')), {
      name: 'dir-one',
    });
    const second = await importModel(
      agent,
      await writeSafetensorsModel(join(files.path, 'two'), { readme: '# Rewritten' }),
      { name: 'dir-two' },
    );
    expect(second.global_model_id).toBe(first.global_model_id);
    expect(first).toMatchObject({
      format: 'safetensors',
      architecture: 'LlamaForCausalLM',
      has_chat_template: true,
      artifact: { files: expect.arrayContaining([expect.objectContaining({ path: 'README.md' })]) },
    });
  });
});

describe('an import that cannot be', () => {
  const cases: [string, (path: string) => Promise<unknown>, number, string, Record<string, unknown>][] = [
    [
      'a web page',
      (path) => writeFile(path, '<!DOCTYPE html><title>Sign in</title>'),
      422,
      'unsupported_format',
      { reason: 'web_page' },
    ],
    ['a zip', (path) => writeFile(path, 'PK\u0003\u0004'), 422, 'unsupported_format', { reason: 'zip' }],
    [
      'an LFS pointer',
      (path) => writeFile(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:abc'),
      422,
      'unsupported_format',
      { reason: 'lfs_pointer' },
    ],
    ['an empty file', (path) => writeFile(path, ''), 422, 'unsupported_format', { reason: 'empty' }],
    ['nothing at all', () => Promise.resolve(), 404, 'not_found', {}],
  ];
  it.each(cases)('%s', async (_name, make, status, error, details) => {
    const before = await stored();
    const path = join(files.path, 'foreign.gguf');
    await make(path);
    const answer = await start({ path });
    expect(answer).toMatchObject({ status, body: { error, hint: expect.any(String) } });
    if (Object.keys(details).length > 0) expect(answer.body['details']).toMatchObject(details);
    expect(await stored()).toEqual(before);
    expect((await agent.call(ENDPOINTS.listModels, { query: { q: 'foreign' } })).models).toEqual([]);
  });

  it('a file that was cut off', async () => {
    const before = await stored();
    const path = await writeSpeakingModel(join(files.path, 'cut.gguf'), 'cut');
    await truncate(path, (await stat(path)).size - 1000);
    expect(await start({ path })).toMatchObject({
      status: 422,
      body: {
        error: 'unsupported_format',
        details: { reason: 'truncated' },
        message: expect.stringContaining('ends at'),
      },
    });
    expect(await stored()).toEqual(before);
  });

  it('a relative path', async () => {
    expect(await start({ path: 'model.gguf' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument', details: { fields: ['path'] } },
    });
    expect(await start({ path: '/x\u0000y' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_argument' },
    });
  });

  it('a directory with several choices, which are named', async () => {
    for (const quant of ['q4', 'q8']) await writeSpeakingModel(join(files.path, `m-${quant}.gguf`), quant);
    const answer = await start({ path: files.path });
    expect(answer).toMatchObject({ status: 409, body: { error: 'ambiguous_source' } });
    const { choices } = answer.body['details'] as { choices: { path: string; size_bytes: number }[] };
    expect(choices.map((choice) => choice.path)).toEqual([
      join(files.path, 'm-q4.gguf'),
      join(files.path, 'm-q8.gguf'),
    ]);
    expect((await finish({ path: choices[0]?.path })).state).toBe('succeeded');
  });

  it('under an id or a label that is taken by something else', async () => {
    await importModel(agent, await writeSpeakingModel(join(files.path, 'a.gguf'), 'owner'), {
      name: 'owner',
    });
    const other = await writeSpeakingModel(join(files.path, 'b.gguf'), 'intruder');
    expect(await start({ path: other, name: 'intruder', id: 'owner-v1' })).toMatchObject({
      status: 409,
      body: { error: 'already_exists', details: { next_free_id: 'intruder-v1' } },
    });
    await finish({ path: other, name: 'labelled', label: '1.2.0' });
    const clash = await finish({
      path: await writeSpeakingModel(join(files.path, 'c.gguf'), 'third'),
      name: 'labelled',
      label: '1.2.0',
    });
    expect(clash).toMatchObject({
      state: 'failed',
      error: { error: 'already_exists', details: { next_free_label: '1.2.1' } },
    });
    expect(
      (await agent.call(ENDPOINTS.listVersions, { params: { name: 'labelled' }, query: {} })).versions,
    ).toHaveLength(1);
  });
});

describe('a cancelled import', () => {
  it('leaves nothing behind', async () => {
    const before = await stored();
    const path = await writeSpeakingModel(join(files.path, 'big.gguf'), 'big');
    // What follows the tensors is kept too: the identity is of the bytes. Large enough to be caught in the middle.
    await appendFile(path, Buffer.alloc(400 * 1024 * 1024, 1));
    const answer = await start({ path });
    const { id } = answer.body['job'] as Job;
    await agent.call(ENDPOINTS.cancelJob, { params: { id } });
    const done = await agent.job(id);
    expect(done.state).toBe('cancelled');
    expect(await stored()).toEqual(before);
    await expect(agent.call(ENDPOINTS.cancelJob, { params: { id } })).rejects.toMatchObject({
      code: 'invalid_state_transition',
    });
  });
});

describe('what an import would bring', () => {
  it('is told before anything is copied', async () => {
    const before = await stored();
    const path = await writeSpeakingModel(join(files.path, 'Look.gguf'), 'look');
    const seen = await agent.call(ENDPOINTS.inspectPath, { body: { path } });
    expect(seen).toMatchObject({
      name: 'look',
      format: 'gguf',
      task_key: 'llm',
      architecture: 'llama',
      context_length: 2048,
      has_chat_template: true,
      file_count: 1,
    });
    expect(seen.free_bytes).toBeGreaterThan(0);
    expect(await stored()).toEqual(before);
  });
});

describe('the journal of an import', () => {
  it('tells what was made, by whom, with ids and digests only', async () => {
    const model = await importModel(agent, await writeSpeakingModel(join(files.path, 'told.gguf'), 'told'));
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: `model:${model.id}` } });
    expect(audit.map((row) => [row.action, row.actor_name])).toEqual([
      ['model.registered', 'admin'],
      ['model.created', 'admin'],
    ]);
    expect(audit[1]?.data).toEqual({ content_id: model.global_model_id, seq: 1, source: 'import' });
    expect(await agent.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
    await rm(files.path, { recursive: true, force: true });
  });
});
