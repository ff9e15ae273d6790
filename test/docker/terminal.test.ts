import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node-pty';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { docker, removeContainersOf } from '../support/docker.ts';
import { cli } from '../support/process.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let nodeId: string;
let slot: string;
let container: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'));
  nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  const model: Model = await importModel(
    agent,
    await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
  );
  ({ slot_id: slot } = await serveModel(agent, model.id, {
    runtime_spec: 'llama-cpp-cpu',
    config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
  }));
  container = (await agent.slot(slot, (now) => now.load_state === 'loaded')).container_id ?? '';
});
afterAll(async () => {
  await agent.stop();
  await removeContainersOf(nodeId);
  await directory[Symbol.asyncDispose]();
});

const open = (mode: 'command' | 'stream') =>
  agent.call(ENDPOINTS.openTerminal, { params: { id: slot }, body: { mode, columns: 100, rows: 30 } });
const type = (id: string, data: string) =>
  agent.call(ENDPOINTS.writeTerminal, { params: { id }, body: { data } });

/** Reads the output of a terminal as a page does, piece by piece. */
async function reader(id: string, token: string = agent.token) {
  const stop = new AbortController();
  const response = await fetch(`${agent.url}/v1/modelops/terminals/${id}/output`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  });
  expect(response.status).toBe(200);
  const pieces = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  const more = async (): Promise<boolean> => {
    const { value, done } = await pieces.read();
    text += decoder.decode(value, { stream: true });
    return !done;
  };
  return {
    until: async (wanted: string | RegExp): Promise<string> => {
      while (!(typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)))
        if (!(await more())) throw new Error(`the terminal ended after: ${text}`);
      return text;
    },
    end: async (): Promise<string> => {
      while (await more());
      return text;
    },
    leave: () => stop.abort(),
  };
}

/** Resolves once no process of the container is called so. */
async function gone(program: string): Promise<void> {
  for (;;) if (!(await docker('top', container, '-eo', 'pid,args')).includes(program)) return;
}

describe('a terminal in the container of a slot', () => {
  it('is journaled, and its words open it in a real terminal', async () => {
    const opened = await open('command');
    expect(opened).toEqual({
      slot_id: slot,
      container_id: container,
      command: ['docker', 'exec', '-it', container, 'sh'],
      terminal_id: null,
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: `slot:${slot}` } });
    expect(audit[0]).toMatchObject({
      action: 'slot.terminal_opened',
      data: { mode: 'command', container_id: container },
    });
    const [program = '', ...args] = opened.command ?? [];
    const terminal = spawn(program, args, { cols: 91, rows: 27 });
    const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    let text = '';
    terminal.onData((data) => {
      text += data;
    });
    // The docker client tells the size a moment after the shell began.
    terminal.write('while [ "$(stty size)" = "0 0" ]; do :; done; stty size; id -u; ls /models; exit 7\r');
    expect(await ended).toBe(7);
    expect(text).toContain('27 91');
    expect(text).toContain(`\n${process.getuid?.() ?? 0}\r`);
    expect(text).toContain('model.gguf');
  });

  it('is passed through by the agent: typed, resized, read by one, and ended', async () => {
    const { terminal_id: id, command } = await open('stream');
    expect(command).toBeNull();
    const terminal = await reader(id ?? '');
    await type(id ?? '', 'stty size\r');
    await terminal.until('30 100');
    await agent.call(ENDPOINTS.resizeTerminal, { params: { id: id ?? '' }, body: { columns: 66, rows: 22 } });
    await type(id ?? '', 'stty size\r');
    await terminal.until('22 66');
    // Signs of more than one byte arrive whole.
    await type(id ?? '', 'printf "gr\\303\\274n\\n"\r');
    await terminal.until('grün');
    const second = await agent.request('GET', `/v1/modelops/terminals/${id}/output`);
    expect(second).toMatchObject({ status: 409, body: { error: 'conflict' } });
    await type(id ?? '', 'exit\r');
    await terminal.end();
    await expect(type(id ?? '', 'x')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('lets a flood wait for its reader, who gets all of it', async () => {
    const { terminal_id: id } = await open('stream');
    // More than is kept for a reader that is not there yet.
    await type(id ?? '', 'stty -echo; seq -f line-%g 1 90000; echo done-$((40+2))\r');
    const terminal = await reader(id ?? '');
    const text = await terminal.until('done-42');
    expect(text.match(/line-\d+\r\n/g)).toHaveLength(90_000);
    await agent.call(ENDPOINTS.closeTerminal, { params: { id: id ?? '' } });
    await terminal.end();
  });

  it('ends with its reader, and what it started ends too', async () => {
    const { terminal_id: id } = await open('stream');
    const terminal = await reader(id ?? '');
    await type(id ?? '', 'sleep 54321 & sleep 65432\r');
    await terminal.until('sleep 65432');
    terminal.leave();
    await gone('sleep 54321');
    await gone('sleep 65432');
    await expect(type(id ?? '', 'x')).rejects.toMatchObject({ code: 'not_found' });
    // The engine itself was not touched.
    expect((await agent.call(ENDPOINTS.getSlot, { params: { id: slot } })).slot.load_state).toBe('loaded');
  });

  it('belongs to whoever opened it, and ends with the right to it', async () => {
    const made = await agent.call(ENDPOINTS.createKey, {
      body: { name: 'second-admin', role: 'superadmin' },
    });
    const { terminal_id: id } = await open('stream');
    const other = await agent.request('POST', `/v1/modelops/terminals/${id}/input`, {
      body: { data: 'x' },
      token: made.token,
    });
    expect(other).toMatchObject({ status: 404, body: { error: 'not_found' } });
    await agent.call(ENDPOINTS.closeTerminal, { params: { id: id ?? '' } });

    // One whose key is taken back while it is open.
    const theirs = await agent.request('POST', `/v1/modelops/slots/${slot}/terminal`, {
      body: { mode: 'stream' },
      token: made.token,
    });
    const terminal = await reader(String(theirs.body['terminal_id']), made.token);
    await terminal.until(/[$#]/);
    await agent.call(ENDPOINTS.revokeKey, { params: { id: made.key.id } });
    await terminal.end();
  });

  it('is opened from the command line, where the log can be read too', async () => {
    const run = (...args: string[]) => cli(agent.dataDir, args);
    const printed = await run('slots', 'terminal', slot, '--print');
    expect(printed).toMatchObject({ code: 0, stdout: `docker exec -it ${container} sh\n` });
    const entry = fileURLToPath(new URL('../../bin/modelops.mjs', import.meta.url));
    const terminal = spawn(process.execPath, [entry, 'slots', 'terminal', slot], {
      cols: 91,
      rows: 27,
      env: { ...process.env, MODELOPS_DATA_DIR: agent.dataDir },
    });
    const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    let text = '';
    const prompted = new Promise<void>((resolve) => {
      terminal.onData((data) => {
        text += data;
        if (/[$#] $/.test(text)) resolve();
      });
    });
    await prompted;
    terminal.write('while [ "$(stty size)" = "0 0" ]; do :; done; stty size; exit 5\r');
    expect(await ended).toBe(5);
    expect(text).toContain('27 91');

    const found = await run('logs', slot, '--search', 'LOADING MODEL');
    expect(found.stdout).toMatch(/^ +\d+ {2}.*loading model/);
    const log = JSON.parse((await run('logs', slot, '--tail', '3', '--json')).stdout) as { lines: unknown[] };
    expect(log.lines).toHaveLength(3);
    expect((await run('logs', slot, '--attempts')).stdout).toMatch(/1 +alpha-v1 .* yes /);
  });

  it('is refused where there is no container', async () => {
    const ask = (id: string) => agent.request('POST', `/v1/modelops/slots/${id}/terminal`, { body: {} });
    for (const [id, runtime_spec] of [
      ['bare', 'llama-cpp-cpu'],
      ['inner', 'embedded-llama'],
    ] as const)
      await agent.call(ENDPOINTS.createSlot, { body: { id, capability: 'llm_inference', runtime_spec } });
    expect(await ask('bare')).toMatchObject({ status: 503, body: { error: 'model_not_loaded' } });
    expect(await ask('inner')).toMatchObject({ status: 503, body: { error: 'runtime_unavailable' } });
    expect(await ask('nobody')).toMatchObject({ status: 404, body: { error: 'not_found' } });
  });
});
