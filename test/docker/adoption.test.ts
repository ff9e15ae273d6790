import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { containerGone, containersOf, docker, removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { cli, serve, type AgentProcess } from '../support/process.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let data: string;
let nodeId = '';
const config = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };
const runtime_spec = 'llama-cpp-cpu';

beforeEach(async () => {
  directory = await temporaryDirectory();
  data = join(directory.path, 'data');
});
afterEach(async () => {
  if (nodeId !== '') await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

async function serving(
  agent: AgentProcess,
  name = 'alpha',
): Promise<{ id: string; slot: string; container: string }> {
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  const { id } = await importModel(
    agent,
    await writeSpeakingModel(join(directory.path, `${name}.gguf`), name),
  );
  const { slot_id: slot } = await serveModel(agent, id, { runtime_spec, config });
  const { container_id: container } = await agent.slot(slot, (now) => now.load_state === 'loaded');
  return { id, slot, container: container ?? '' };
}
const ask = async (agent: AgentProcess, model: string) => {
  const { status, body } = await agent.request('POST', '/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: 'x' }] },
  });
  return {
    status,
    said: (body as { choices?: { message: { content: string } }[] }).choices?.[0]?.message.content,
  };
};

describe('the container of a slot', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'outlives its agent (%s) and is taken over by the next',
    async (signal) => {
      await using first = await serve(data);
      const { id, slot, container } = await serving(first);
      await first.end(signal);
      if (signal === 'SIGTERM') expect(first.stderr()).toContain(slot);
      expect((await containersOf(nodeId)).map((one) => [one.Id, one.State.Running])).toEqual([
        [container, true],
      ]);
      await using second = await serve(data);
      // The first call waits for the first look at the slot instead of failing.
      expect(await ask(second, id)).toEqual({ status: 200, said: sentenceOf('alpha') });
      expect(await second.slot(slot, (now) => now.load_state === 'loaded')).toMatchObject({
        container_id: container,
        attempt: 1,
      });
      expect((await containersOf(nodeId)).map((one) => one.Id)).toEqual([container]);
      expect(await second.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
      const { audit } = await second.call(ENDPOINTS.listAudit, { query: { subject: `slot:${slot}` } });
      expect(audit.filter((row) => row.action === 'slot.state_changed').map((row) => row.data['to'])).toEqual(
        ['loaded', 'loading'],
      );
    },
  );

  it('that died while no agent looked is started again', async () => {
    await using first = await serve(data);
    const { id, slot, container } = await serving(first);
    await first.end('SIGKILL');
    await docker('kill', container);
    await using second = await serve(data);
    const loaded = await second.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded.container_id).not.toBe(container);
    expect((await containersOf(nodeId)).map((one) => one.Id)).toEqual([loaded.container_id]);
    expect((await ask(second, id)).status).toBe(200);
  });

  it('is replaced when the slot was changed while the agent was away', async () => {
    await using first = await serve(data);
    const { slot, container } = await serving(first);
    await first.end('SIGKILL');
    const { default: BetterSqlite3 } = await import('better-sqlite3');
    const sqlite = new BetterSqlite3(join(data, 'modelops.db'));
    sqlite.prepare('UPDATE slots SET config = ?').run(JSON.stringify({ ...config, context_length: 512 }));
    sqlite.close();
    await using second = await serve(data);
    const loaded = await second.slot(slot, (now) => now.load_state === 'loaded');
    expect(loaded).toMatchObject({ context_length: 512 });
    expect(loaded.container_id).not.toBe(container);
    await containerGone(container);
    expect(await containersOf(nodeId)).toHaveLength(1);
  });

  it('goes with its slots when it is asked to', async () => {
    await using agent = await serve(data);
    await serving(agent);
    const stopped = await cli(data, ['stop', '--slots']);
    expect(stopped).toMatchObject({ code: 0 });
    expect(await agent.exited).toBe(0);
    expect(await containersOf(nodeId)).toEqual([]);
  });
});

describe('the command line with Docker', () => {
  it('brings a file to an answer in a real llama-server, which goes on after a kill', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'beta.gguf'), 'beta');
    const run = await cli(data, [
      'run',
      path,
      '--runtime',
      runtime_spec,
      '--image',
      LLAMA_IMAGE,
      '--threads',
      '1',
      '--json',
      '--port',
      '0',
    ]);
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const result = JSON.parse(run.stdout) as { answer: string; slot_id: string; model_id: string };
    expect(result.answer).toBe(sentenceOf('beta'));
    const status = JSON.parse((await cli(data, ['status', '--json'])).stdout) as {
      system: { node_id: string; pid: number };
      slots: { container_id: string }[];
    };
    nodeId = status.system.node_id;
    process.kill(status.system.pid, 'SIGKILL');
    const again = await cli(data, [
      'run',
      path,
      '--runtime',
      runtime_spec,
      '--image',
      LLAMA_IMAGE,
      '--threads',
      '1',
      '--json',
      '--port',
      '0',
    ]);
    const second = JSON.parse(again.stdout) as {
      answer: string;
      steps: { name: string; skipped?: boolean }[];
    };
    expect(second.answer).toBe(sentenceOf('beta'));
    expect(second.steps.filter((step) => step.skipped !== true).map((step) => step.name)).toEqual([
      'agent',
      'chat',
    ]);
    expect((await containersOf(nodeId)).map((one) => one.Id)).toEqual([status.slots[0]?.container_id]);
    await cli(data, ['stop', '--slots']);
  });
});
