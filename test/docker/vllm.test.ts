import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { OLD_VLLM_IMAGE } from '../../tools/vllm-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { containersOf, docker, networksOf, removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeDirectoryModel, writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import { writeVllmSpec } from '../support/vllm.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;
let model: Model;
let spec: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const dataDir = join(directory.path, 'data');
  spec = await writeVllmSpec(dataDir);
  agent = await startTestAgent(dataDir, {
    retry: { baseMs: 50, capMs: 200, sameCauseLimit: 2 },
    watchMs: 300,
  });
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  model = await importModel(agent, await writeDirectoryModel(join(directory.path, 'delta'), 'delta'), {
    name: 'delta',
  });
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  for (const network of await networksOf(nodeId)) await docker('network', 'rm', network);
  await directory[Symbol.asyncDispose]();
});

const chat = (id: string, body: Record<string, unknown> = {}) =>
  agent.request('POST', '/v1/chat/completions', {
    body: { model: id, messages: [{ role: 'user', content: 'x' }], ...body },
  });
const empty = async (slot: string): Promise<Slot> => {
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
  return agent.slot(slot, (now) => now.load_state === 'empty');
};
const inside = (container: string, command: string): Promise<string> =>
  docker('exec', container, 'sh', '-c', command).then(
    (out) => out,
    (error: unknown) => `refused: ${String(error)}`,
  );

/** Tries from within what a container must not be able to do, whichever way it is reached. */
async function triesToGetOut(container: string): Promise<void> {
  const perl = (program: string): Promise<string> => inside(container, `perl -e '${program}'`);
  const connect = (host: string, port: number): string =>
    `use IO::Socket::INET; my $s = IO::Socket::INET->new(PeerAddr => "${host}", PeerPort => ${port}, Timeout => 1); print $s ? "out" : "refused: $!"`;
  expect(await perl(connect('1.1.1.1', 443))).toMatch(/unreachable|timed out|No route/i);
  expect(
    await inside(container, 'RES_OPTIONS="timeout:1 attempts:1" timeout 3 getent hosts example.com'),
  ).toMatch(/refused/);
  // The metadata service of clouds.
  expect(await perl(connect('169.254.169.254', 80))).toMatch(/unreachable|timed out|No route/i);
  for (const path of ['/x', '/usr/x', '/models/x', '/etc/x', '/opt/x'])
    expect(await inside(container, `touch ${path}`)).toMatch(/Read-only file system/);
  const before = await inside(container, 'cat /models/* | sha256sum');
  for (const harm of ['rm -f $f', 'echo x >> $f', 'chmod 0777 $f', 'mv $f $f.x'])
    expect(await inside(container, `for f in /models/*; do ${harm}; done; false`)).toMatch(
      /Read-only file system|Permission denied/,
    );
  expect(await inside(container, 'cat /models/* | sha256sum')).toBe(before);
  const status = await inside(container, 'cat /proc/self/status');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(status).toMatch(new RegExp(`${set}:\\s+0{16}`));
  expect(status).toMatch(/NoNewPrivs:\s+1/);
  // A program with the set-user-id bit gives nothing.
  expect(await inside(container, 'su -c id root </dev/null')).toMatch(/refused/);
  expect(await inside(container, 'mount -t tmpfs none /mnt')).toMatch(/refused/);
  expect(await inside(container, 'mknod /tmp/mem c 1 1')).toMatch(/refused/);
  expect(await inside(container, 'chroot / true')).toMatch(/refused/);
  expect(await inside(container, 'ls /var/run/docker.sock')).toMatch(/refused/);
  // Nothing of any other process of the machine, and no other socket.
  const sockets = await inside(
    container,
    'find / -xdev -type s 2>/dev/null; find /run /models /cache -type s',
  );
  expect(
    sockets.split('\n').filter((path) => path !== '' && !/^\/run\/modelops\/s\.sock$|^\/tmp\//.test(path)),
  ).toEqual([]);
  expect((await inside(container, 'ls -d /proc/[0-9]* | wc -l')).trim()).toMatch(/^\d$|^1\d$/);
}

describe('a model in vLLM', () => {
  it('is served through a Unix socket, and nothing gets out of the container', async () => {
    const { slot_id: slot } = await serveModel(agent, model.id, {
      runtime_spec: spec,
      config: { context_length: 512, parallel: 2 },
    });
    const loaded = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({
      isolation: 'full',
      context_length: 512,
      engine_version: '0.19.1',
      load_error: null,
      endpoint: expect.stringMatching(/s\.sock$/),
    });
    expect(loaded.milestones.filter(({ reached_at: at }) => at === null)).toEqual([]);
    expect((await chat(model.id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('delta') } }],
    });
    const stream = await chat(model.id, { stream: true });
    expect(stream.text.trim().endsWith('data: [DONE]')).toBe(true);
    const [container] = await containersOf(nodeId);
    expect(container?.HostConfig).toMatchObject({ NetworkMode: 'none', ShmSize: 67_108_864 });
    // What is shown before is what is made.
    const { container: shown } = await agent.call(ENDPOINTS.renderRuntime, {
      params: { id: spec },
      body: { slot_id: slot },
    });
    expect(container?.Config.Labels['io.modelops.config-hash']).toBe(shown.config_hash);
    expect(container?.Args).toEqual([...(shown.entrypoint ?? []).slice(1), ...shown.args]);
    expect([...(container?.Config.Env ?? [])].toSorted()).toEqual(
      expect.arrayContaining(Object.entries(shown.env).map(([name, value]) => `${name}=${value}`)),
    );
    expect((await inside(container?.Id ?? '', 'cat /proc/net/dev')).match(/:/g)).toHaveLength(1);
    await triesToGetOut(container?.Id ?? '');
    expect((await chat(model.id)).status).toBe(200);
    await empty(slot);
    expect(await containersOf(nodeId)).toEqual([]);
  });

  it('of an older version is reached through TCP, in a network that leads nowhere, with a key', async () => {
    const { slot_id: slot } = await serveModel(agent, model.id, {
      runtime_spec: spec,
      config: { context_length: 512, image: OLD_VLLM_IMAGE },
    });
    const loaded = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({
      isolation: 'partial',
      engine_version: '0.10.0',
      endpoint: expect.stringMatching(/^http:\/\/\d+\.\d+\.\d+\.\d+:8000$/),
    });
    expect((await chat(model.id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('delta') } }],
    });
    const [container] = await containersOf(nodeId);
    expect(container?.NetworkSettings.Ports).toEqual({});
    const [network = ''] = await networksOf(nodeId);
    expect(network).toBe(container?.HostConfig.NetworkMode);
    expect(JSON.parse(await docker('network', 'inspect', network))).toMatchObject([{ Internal: true }]);
    const key = container?.Config.Env.find((entry) => entry.startsWith('VLLM_API_KEY='))?.split('=')[1] ?? '';
    expect(key).toMatch(/^[\w-]{32}$/);
    expect(JSON.stringify(container?.Args)).not.toContain(key);
    // Whoever is on this machine and does not know the key gets nothing.
    expect((await fetch(`${loaded.endpoint ?? ''}/v1/models`)).status).toBe(401);
    await triesToGetOut(container?.Id ?? '');

    // The next agent finds it, and talks to it with the key that lies beside it.
    await agent.stop();
    agent = await startTestAgent(agent.dataDir, { watchMs: 300 });
    const adopted = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(adopted).toMatchObject({ container_id: loaded.container_id, attempt: loaded.attempt });
    expect((await chat(model.id)).status).toBe(200);
    await empty(slot);
    expect(await containersOf(nodeId)).toEqual([]);
    expect(await networksOf(nodeId)).toEqual([]);
  });

  it('that does not start leaves neither container nor network, and says why', async () => {
    const { slot } = await agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'failing',
        capability: 'llm_inference',
        runtime_spec: spec,
        config: { context_length: 512, image: OLD_VLLM_IMAGE, env: { VLLM_DOUBLE_FAILURE: 'kv-too-small' } },
      },
    });
    await agent.call(ENDPOINTS.loadSlot, {
      params: { id: slot.id },
      body: { managed_model_id: model.id },
    });
    const failed = await agent.slot(slot.id, (now) => now.load_state === 'error');
    expect(failed.load_error?.log_excerpt.join('\n')).toContain('estimated maximum model length is 12,288');
    expect(await containersOf(nodeId)).toEqual([]);
    expect(await networksOf(nodeId)).toEqual([]);
    await empty(slot.id);
  });
});

describe('an image of somebody', () => {
  it('is run by its own words, reached through TCP, and gets out as little', async () => {
    const gguf = await importModel(
      agent,
      await writeSpeakingModel(join(directory.path, 'echo.gguf'), 'echo'),
    );
    const { slot_id: slot } = await serveModel(agent, gguf.id, {
      runtime_spec: 'custom',
      config: {
        image: LLAMA_IMAGE,
        port: 8123,
        context_length: 256,
        env: { LLAMA_ARG_THREADS: '1' },
        extra_args: [
          '--model',
          '{model_file}',
          '--alias',
          '{served_name}',
          '--ctx-size',
          '{context_length}',
          '--host',
          '0.0.0.0',
          '--port',
          '{port}',
          '--no-webui',
          '--offline',
        ],
      },
    });
    const loaded = await agent.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({
      isolation: 'partial',
      context_length: 256,
      endpoint: expect.stringMatching(/:8123$/),
    });
    expect((await chat(gguf.id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('echo') } }],
    });
    const [container] = await containersOf(nodeId);
    const keyFile = join(container?.Config.Labels['io.modelops.socket-dir'] ?? '', 'key');
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(keyFile, 'utf8')).toMatch(/^[\w-]{32}$/);
    await triesToGetOut(container?.Id ?? '');
    await empty(slot);
    expect(await networksOf(nodeId)).toEqual([]);
  });
});
