import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { containersOf, docker, removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeEmbeddingModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;
let alpha: Model;
const config = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };
const runtime_spec = 'llama-cpp-cpu';
const retry = { baseMs: 50, capMs: 200, sameCauseLimit: 3 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), { retry, watchMs: 300 });
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

const chat = (model: string, body: Record<string, unknown> = {}) =>
  agent.request('POST', '/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: 'x' }], ...body },
  });
const empty = async (slot: string) => {
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
  return agent.slot(slot, (now) => now.load_state === 'empty');
};

describe('a model in a real llama-server container', () => {
  it('is loaded, tested, validated and answers; the container has no network, no rights and no writable root', async () => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec,
      config: { ...config, parallel: 2 },
    });
    const loaded = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({
      isolation: 'full',
      context_length: 256,
      parallel: 2,
      load_error: null,
      engine_version: expect.stringContaining('b'),
      image_id: expect.stringMatching(/^sha256:/),
    });
    expect(loaded.milestones.map((milestone) => milestone.reached_at !== null)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect((await chat(alpha.id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('alpha') } }],
    });

    const [container, ...others] = await containersOf(nodeId);
    expect(others).toEqual([]);
    expect(container).toMatchObject({
      Id: loaded.container_id,
      Config: {
        User: `${process.getuid?.()}:${process.getgid?.()}`,
        Labels: { 'io.modelops.slot': slot, 'io.modelops.node': nodeId },
      },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        ReadonlyRootfs: true,
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
      },
      NetworkSettings: { Ports: {} },
    });
    expect(container?.HostConfig.PidsLimit).toBeGreaterThan(0);
    expect(container?.HostConfig.Memory).toBeGreaterThan(0);
    expect(container?.Mounts.every((mount) => mount.Type === 'bind')).toBe(true);
    expect((await stat(dirname(loaded.endpoint ?? ''))).mode & 0o777).toBe(0o700);

    // From inside: only a loopback that nobody listens on, nothing writable but what is meant to be.
    const inside = (command: string) =>
      docker('exec', container?.Id ?? '', 'sh', '-c', command).then(
        (out) => out,
        (error: unknown) => `refused: ${String(error)}`,
      );
    expect((await inside('cat /proc/net/dev')).split('\n').filter((line) => line.includes(':'))).toHaveLength(
      1,
    );
    expect(await inside('touch /models/x')).toMatch(/Read-only file system/);
    expect(await inside('touch /usr/x')).toMatch(/Read-only file system/);
    expect(await inside('grep CapEff /proc/self/status')).toMatch(/0000000000000000/);
    await empty(slot);
    expect(await containersOf(nodeId)).toEqual([]);
  });

  it('streams, refuses what is too long and what would be ignored, and is left by clients that go away', async () => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, { runtime_spec, config });
    const stream = await chat(alpha.id, { stream: true });
    expect(stream.text.match(/^data: /gm)?.length).toBeGreaterThan(5);
    expect(stream.text.trim().endsWith('data: [DONE]')).toBe(true);
    expect(await chat(alpha.id, { messages: [{ role: 'user', content: 'x'.repeat(2000) }] })).toMatchObject({
      status: 400,
      body: {
        error: { code: 'invalid_argument', message: expect.stringMatching(/tokens; this slot takes 256/) },
      },
    });
    expect(await chat(alpha.id, { service_tier: 'flex' })).toMatchObject({
      status: 400,
      body: { error: { param: 'service_tier' } },
    });
    const before = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } })).model.usage_summary
      .total;
    await chat(alpha.id, { stream: true });
    const after = (await agent.call(ENDPOINTS.getModel, { params: { id: alpha.id } })).model.usage_summary
      .total;
    expect(after.completion_tokens - before.completion_tokens).toBeGreaterThan(5);
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const controller = new AbortController();
        const request = fetch(`${agent.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${agent.token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model: alpha.id, messages: [{ role: 'user', content: 'x' }], stream: true }),
          signal: controller.signal,
        });
        setImmediate(() => controller.abort());
        await request.catch(() => undefined);
      }),
    );
    await agent.slot(slot, (now) => now.requests_in_flight === 0);
    await empty(slot);
  });

  it('may be an embedding model', async () => {
    const vectors = await importModel(
      agent,
      await writeEmbeddingModel(join(directory.path, 'vectors.gguf'), 'vectors'),
    );
    const { slot_id: slot } = await serveModel(agent, vectors.id, {
      runtime_spec,
      config: { image: LLAMA_IMAGE, threads: 1 },
    });
    const answer = await agent.request('POST', '/v1/embeddings', {
      body: { model: vectors.id, input: 'hello' },
    });
    expect((answer.body as { data: { embedding: number[] }[] }).data[0]?.embedding).toHaveLength(64);
    await empty(slot);
  });
});

describe('what happens to a container behind the back of the agent', () => {
  it.each([
    ['docker kill', (id: string) => docker('kill', id)],
    ['docker stop', (id: string) => docker('stop', '-t', '2', id)],
    ['docker rm -f', (id: string) => docker('rm', '-f', id)],
  ])('%s: it is started again, once', async (_name, harm) => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, { runtime_spec, config });
    const before = await agent.slot(slot, (now) => now.load_state === 'loaded');
    await harm(before.container_id ?? '');
    const after = await agent.slot(
      slot,
      (now) => now.load_state === 'loaded' && now.container_id !== before.container_id,
    );
    expect(after.attempt).toBeGreaterThan(before.attempt);
    const containers = await containersOf(nodeId);
    expect(containers.map((container) => container.Id)).toEqual([after.container_id]);
    expect((await chat(alpha.id)).status).toBe(200);
    await empty(slot);
  });
});

describe('a container that cannot be', () => {
  const slotWith = async (id: string, more: Record<string, unknown>) =>
    (
      await agent.call(ENDPOINTS.createSlot, {
        body: { id, capability: 'llm_inference', runtime_spec, config: { ...config, ...more } },
      })
    ).slot.id;
  const load = (slot: string, model: string) =>
    agent.call(ENDPOINTS.loadSlot, { params: { id: slot }, body: { managed_model_id: model } });

  it('for want of its image is refused at once, with what to do', async () => {
    const slot = await slotWith('imageless', { image: 'modelops-test/nothing:here' });
    await expect(load(slot, alpha.id)).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringContaining('modelops-test/nothing:here'),
      hint: expect.stringContaining('modelops images pull'),
    });
    expect(await containersOf(nodeId)).toEqual([]);
  });

  it('for an argument the engine does not know is given up, with the line that says so', async () => {
    const slot = await slotWith('flagged', { extra_args: ['--no-such-flag'] });
    await load(slot, alpha.id);
    const failed = await agent.slot(slot, (now) => now.load_state === 'error');
    expect(failed.load_error).toMatchObject({
      error: 'runtime_bad_argument',
      message: expect.stringContaining('--no-such-flag'),
      will_retry: false,
      log_excerpt: [expect.stringContaining('invalid argument')],
    });
    expect(await containersOf(nodeId)).toEqual([]);
    // Correcting it is all it takes.
    await agent.call(ENDPOINTS.patchSlot, { params: { id: slot }, body: { config } });
    await agent.slot(slot, (now) => now.load_state === 'loaded');
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: slot }, query: { attempt: 1 } });
    expect(log.lines.map((line) => line.text).join('\n')).toContain('--no-such-flag');
    await empty(slot);
  });

  it('for a model the engine does not know says which part', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'odd.gguf'), 'odd');
    await writeFile(
      path,
      Buffer.from((await readFile(path)).toString('latin1').replaceAll('llama', 'zzzzz'), 'latin1'),
    );
    const odd = await importModel(agent, path, { name: 'odd' });
    const slot = await slotWith('odd', {});
    await load(slot, odd.id);
    const failed = await agent.slot(slot, (now) => now.load_state === 'error');
    expect(failed.load_error).toMatchObject({
      error: 'model_not_supported',
      message: expect.stringContaining('zzzzz'),
      will_retry: false,
    });
    expect(await containersOf(nodeId)).toEqual([]);
    await empty(slot);
  });
});

describe('the image', () => {
  it('is part of what a validation holds for', async () => {
    await docker('tag', LLAMA_IMAGE, 'modelops-test/llama.cpp:moving');
    const { slot_id: slot } = await serveModel(agent, alpha.id, {
      runtime_spec,
      config: { ...config, image: 'modelops-test/llama.cpp:moving' },
    });
    const before = await agent.slot(slot, (now) => now.load_state === 'loaded');
    // A new image behind the same name: same bytes with one label more, so another id.
    const id = await docker('create', '--label', 'moved=yes', LLAMA_IMAGE);
    await docker('commit', '-c', 'LABEL moved=yes', id, 'modelops-test/llama.cpp:moving');
    await docker('rm', id);
    await agent.call(ENDPOINTS.restartSlot, { params: { id: slot } });
    const after = await agent.slot(
      slot,
      (now) => now.load_state === 'loaded' && now.attempt > before.attempt,
    );
    expect(after.image_id).not.toBe(before.image_id);
    expect(after.runtime_identity).not.toBe(before.runtime_identity);
    expect(await chat(alpha.id)).toMatchObject({
      status: 409,
      body: { error: { code: 'validation_failed', details: { reason: 'runtime_changed' } } },
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { action: 'runtime.image_changed' } });
    expect(audit[0]?.data).toEqual({ from: before.image_id, to: after.image_id });
    await serveModel(agent, alpha.id, { slot_id: slot });
    expect((await chat(alpha.id)).status).toBe(200);
    await empty(slot);
    await docker('rmi', 'modelops-test/llama.cpp:moving');
  });
});
