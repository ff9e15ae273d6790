import { chmod, writeFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENDPOINTS,
  SseParser,
  type EventData,
  type Model,
  type Slot,
} from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { childrenOf } from '../support/processes.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let alpha: Model;
let beta: Model;
const config = { threads: 1, context_length: 256 };
const retry = { baseMs: 20, capMs: 100, sameCauseLimit: 3 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), { retry, watchMs: 200 });
  alpha = await importModel(agent, await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'));
  beta = await importModel(agent, await writeSpeakingModel(join(directory.path, 'beta.gguf'), 'beta'));
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const make = async (id: string, more: object = {}): Promise<Slot> =>
  (
    await agent.call(ENDPOINTS.createSlot, {
      body: { id, capability: 'llm_inference', runtime_spec: 'embedded-llama', config, ...more },
    })
  ).slot;
const wish = (slot: string, model: string) =>
  agent.call(ENDPOINTS.loadSlot, { params: { id: slot }, body: { managed_model_id: model } });
const loaded = (slot: string, model: string) =>
  agent.slot(slot, (now) => now.load_state === 'loaded' && now.loaded_managed_model_id === model);
const runtimes = () => childrenOf(process.pid, /embedded-runtime/);
/** A replaced runtime answers its last requests and ends after the other serves; that is told as a change of the slot. */
const left = async (slot: string, count: number): Promise<void> => {
  let running = -1;
  await agent.slot(slot, () => {
    void runtimes().then((all) => (running = all.length));
    return running === count;
  });
};

describe('a slot', () => {
  it('is made empty, named when nobody names it, and deleted', async () => {
    const first = await agent.call(ENDPOINTS.createSlot, {
      body: { capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    const second = await agent.call(ENDPOINTS.createSlot, {
      body: { capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    expect([first.slot.id, second.slot.id]).toEqual(['chat', 'chat-2']);
    expect(first.slot).toMatchObject({
      load_state: 'empty',
      assigned_model_id: null,
      loaded_managed_model_id: null,
      load_error: null,
    });
    await expect(make('chat')).rejects.toMatchObject({
      code: 'already_exists',
      details: { next_free_id: 'chat-3' },
    });
    for (const { slot } of [first, second])
      expect(await agent.call(ENDPOINTS.deleteSlot, { params: { id: slot.id } })).toEqual({
        deleted: true,
        slot_id: slot.id,
      });
    await expect(agent.call(ENDPOINTS.getSlot, { params: { id: 'chat' } })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('loads, is asked what it serves, swaps and is emptied, and leaves no process', async () => {
    await make('swap');
    const before = (await runtimes()).length;
    const { slot: accepted } = await wish('swap', alpha.id);
    expect(accepted.assigned_model_id).toBe(alpha.id);
    const first = await loaded('swap', alpha.id);
    expect(first).toMatchObject({ load_state: 'loaded', phase: 'ready', attempt: 1, load_error: null });
    expect(first.endpoint).toContain('/swap/1/');
    expect((await runtimes()).length).toBe(before + 1);
    await wish('swap', beta.id);
    const second = await loaded('swap', beta.id);
    expect(second.attempt).toBe(2);
    await left('swap', before + 1);
    await expect(stat(first.endpoint ?? '')).rejects.toThrow('ENOENT');
    await expect(agent.call(ENDPOINTS.deleteSlot, { params: { id: 'swap' } })).rejects.toMatchObject({
      code: 'dependencies_unsatisfied',
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'swap' } });
    const empty = await agent.slot('swap', (now) => now.load_state === 'empty');
    expect(empty).toMatchObject({ loaded_managed_model_id: null, endpoint: null, runtime_identity: null });
    expect((await runtimes()).length).toBe(before);
  });

  it('does nothing when it holds the wished model already, and starts again when it is asked', async () => {
    await make('calm');
    await wish('calm', alpha.id);
    const first = await loaded('calm', alpha.id);
    await wish('calm', alpha.id);
    expect((await agent.call(ENDPOINTS.getSlot, { params: { id: 'calm' } })).slot).toMatchObject({
      attempt: first.attempt,
      load_state: 'loaded',
    });
    await agent.call(ENDPOINTS.restartSlot, { params: { id: 'calm' } });
    const again = await agent.slot(
      'calm',
      (now) => now.load_state === 'loaded' && now.attempt > first.attempt,
    );
    expect(again.usual_load_ms).toBeGreaterThan(0);
    await agent.call(ENDPOINTS.patchSlot, { params: { id: 'calm' }, body: { enabled: false } });
    await agent.slot('calm', (now) => now.load_state === 'empty');
    await agent.call(ENDPOINTS.patchSlot, { params: { id: 'calm' }, body: { enabled: true } });
    await loaded('calm', alpha.id);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'calm' } });
    await agent.slot('calm', (now) => now.load_state === 'empty');
    await expect(agent.call(ENDPOINTS.restartSlot, { params: { id: 'calm' } })).rejects.toMatchObject({
      code: 'model_not_loaded',
    });
  });

  it('follows the last of many wishes', async () => {
    await make('fickle');
    await Promise.all(
      [alpha, beta, alpha, beta, alpha, beta].map(({ id }) => wish('fickle', id).catch(() => undefined)),
    );
    const { slot } = await agent.call(ENDPOINTS.getSlot, { params: { id: 'fickle' } });
    const wanted = slot.assigned_model_id ?? '';
    await loaded('fickle', wanted);
    await left('fickle', 1);
    expect(await agent.call(ENDPOINTS.getSlot, { params: { id: 'fickle' } })).toMatchObject({
      slot: { loaded_managed_model_id: wanted, replacement: null, load_error: null },
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'fickle' } });
    await agent.slot('fickle', (now) => now.load_state === 'empty');
  });

  it('keeps the log of each start', async () => {
    await make('logged');
    await wish('logged', alpha.id);
    await loaded('logged', alpha.id);
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: 'logged' }, query: {} });
    expect(log).toMatchObject({ attempt: 1, attempts: [1] });
    expect(log.lines.map((line) => line.text)).toContain('embedded-llama: started');
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'logged' } });
    await agent.slot('logged', (now) => now.load_state === 'empty');
    const later = await agent.call(ENDPOINTS.getSlotLogs, {
      params: { id: 'logged' },
      query: { attempt: 1, tail: 1 },
    });
    expect(later.lines).toHaveLength(1);
  });

  it('tells how each start went, finds lines with their numbers, and counts them as the events do', async () => {
    await make('searched');
    const stop = new AbortController();
    const told = new Map<number, string>();
    const stream = await fetch(`${agent.url}/v1/events?topics=logs`, {
      headers: { authorization: `Bearer ${agent.token}` },
      signal: stop.signal,
    });
    const listening = (async () => {
      const decoder = new TextDecoder();
      const parser = new SseParser();
      for await (const chunk of stream.body ?? [])
        for (const event of parser.push(decoder.decode(chunk as Uint8Array, { stream: true }))) {
          if (event.name !== 'log') continue;
          const { slot_id, lines } = JSON.parse(event.data) as EventData<'log'>;
          if (slot_id === 'searched') for (const { line, text } of lines) told.set(line, text);
        }
    })().catch(() => undefined);
    await wish('searched', alpha.id);
    await loaded('searched', alpha.id);
    const params = { id: 'searched' };
    const whole = await agent.call(ENDPOINTS.getSlotLogs, { params, query: {} });
    expect(whole.lines.map((line) => line.line)).toEqual(whole.lines.map((_line, index) => index + 1));
    expect(whole.history).toMatchObject([
      { attempt: 1, model_id: alpha.id, ended_at: null, error: null, message: null, has_log: true },
    ]);
    const found = await agent.call(ENDPOINTS.getSlotLogs, { params, query: { query: 'STARTED' } });
    expect(found.lines).toEqual(whole.lines.filter((line) => /started/i.test(line.text)));
    expect(found.lines.length).toBeGreaterThan(0);
    stop.abort();
    await listening;
    expect(told.size).toBeGreaterThan(0);
    for (const [line, text] of told) expect(whole.lines[line - 1]?.text).toBe(text);
    await agent.call(ENDPOINTS.unloadSlot, { params });
    await agent.slot('searched', (now) => now.load_state === 'empty');
    const later = await agent.call(ENDPOINTS.getSlotLogs, {
      params,
      query: { attempt: 1, query: 'started' },
    });
    expect(later.lines).toEqual(found.lines);
    expect(later.history[0]).toMatchObject({ ended_at: expect.any(String), error: null });
  });

  it('opens no terminal where there is no container', async () => {
    await make('shell');
    const ask = () => agent.request('POST', '/v1/modelops/slots/shell/terminal', { body: {} });
    expect(await ask()).toMatchObject({ status: 503, body: { error: 'runtime_unavailable' } });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: 'slot:shell' } });
    expect(audit.map((row) => row.action)).toEqual(['slot.created']);
    expect(await agent.request('GET', '/v1/modelops/terminals/nobody/output')).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    });
  });
});

describe('a runtime that dies', () => {
  it('while it serves is started again at once, and the gateway never answers with another', async () => {
    const { slot_id: slot } = await serveModel(agent, alpha.id, { config: { ...config, parallel: 2 } });
    const first = await agent.slot(slot, (now) => now.load_state === 'loaded');
    const [pid] = await runtimes();
    process.kill(pid ?? 0, 'SIGKILL');
    const again = await agent.slot(slot, (now) => now.load_state === 'loaded' && now.attempt > first.attempt);
    expect(again.loaded_managed_model_id).toBe(alpha.id);
    const answer = await agent.request('POST', '/v1/chat/completions', {
      body: { model: alpha.id, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { choices: [{ message: { content: sentenceOf('alpha') } }] },
    });
    const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: `slot:${slot}` } });
    const states = audit.filter((row) => row.action === 'slot.state_changed').map((row) => row.data['to']);
    expect(states.slice(0, 3)).toEqual(['loaded', 'loading', 'reconciling']);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
    await agent.slot(slot, (now) => now.load_state === 'empty');
  });

  it('at every start is given up with the cause, the line that tells it and the way out', async () => {
    const path = await writeSpeakingModel(join(directory.path, 'odd.gguf'), 'odd');
    // A whole file of an architecture nobody knows passes the header check and fails in the engine.
    const bytes = await import('node:fs/promises').then((fs) => fs.readFile(path));
    const text = bytes.toString('latin1').replaceAll('llama', 'zzzzz');
    await writeFile(path, Buffer.from(text, 'latin1'));
    const odd = await importModel(agent, path, { name: 'odd' });
    await make('doomed');
    await wish('doomed', odd.id);
    const failed = await agent.slot('doomed', (now) => now.load_state === 'error');
    expect(failed.load_error).toMatchObject({
      error: 'model_not_supported',
      message: expect.stringContaining('zzzzz'),
      will_retry: false,
      retry_at: null,
    });
    expect(failed.load_error?.log_excerpt.join('\n')).toContain('unknown model architecture');
    // The evidence is a line of the kept log, by its number; the attempt tells the same.
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: 'doomed' }, query: { attempt: 1 } });
    const { evidence } = failed.load_error ?? {};
    expect(log.lines.find((line) => line.line === evidence?.line)?.text).toBe(evidence?.text);
    expect(evidence).toMatchObject({ attempt: 1, text: expect.stringContaining('zzzzz') });
    expect(log.history).toMatchObject([
      {
        attempt: 1,
        error: 'model_not_supported',
        message: failed.load_error?.message,
        ended_at: expect.any(String),
        has_log: true,
      },
    ]);
    expect(failed).toMatchObject({ assigned_model_id: odd.id, loaded_managed_model_id: null });
    expect(
      (await agent.call(ENDPOINTS.getDoctor, {})).checks.find((check) => check.id === 'slots'),
    ).toMatchObject({ status: 'failed' });
    const { job } = await agent.call(ENDPOINTS.serveModel, {
      params: { id: odd.id },
      body: { slot_id: 'doomed' },
    });
    expect(await agent.job(job.id)).toMatchObject({
      state: 'failed',
      error: { error: 'model_not_supported' },
    });
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'doomed' } });
    expect(await agent.slot('doomed', (now) => now.load_state === 'empty')).toMatchObject({
      load_error: null,
    });
  });
});

describe('files that changed since they were hashed', () => {
  it('are not loaded, until the same files are imported again', async () => {
    const source = await writeSpeakingModel(join(directory.path, 'victim.gguf'), 'victim');
    const victim = await importModel(agent, source);
    await make('careful');
    await wish('careful', victim.id);
    await agent.slot('careful', (now) => now.load_state === 'loaded');
    const file = join(victim.artifact?.storage_path ?? '', 'model.gguf');
    await chmod(file, 0o600);
    await writeFile(file, 'somebody wrote here');

    await agent.call(ENDPOINTS.restartSlot, { params: { id: 'careful' } });
    const failed = await agent.slot('careful', (now) => now.load_state === 'error');
    expect(failed.load_error).toMatchObject({ error: 'artifact_not_ready', will_retry: false });
    expect(
      (await agent.call(ENDPOINTS.getModel, { params: { id: victim.id } })).model.artifact,
    ).toMatchObject({ artifact_status: 'verifying' });
    await expect(wish('careful', victim.id)).rejects.toMatchObject({ code: 'artifact_not_ready' });

    expect(await importModel(agent, source)).toMatchObject({
      id: victim.id,
      artifact: { artifact_status: 'ready' },
    });
    await wish('careful', victim.id);
    await agent.slot('careful', (now) => now.load_state === 'loaded');
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'careful' } });
  });
});

describe('a runtime that is not there', () => {
  it('is refused when it is wished for, and says what it needs', async () => {
    await using lonely = await temporaryDirectory();
    await using other = await startTestAgent(lonely.path, {
      env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' },
    });
    const model = await importModel(other, join(directory.path, 'alpha.gguf'));
    const { slot } = await other.call(ENDPOINTS.createSlot, {
      body: { capability: 'llm_inference', runtime_spec: 'llama-cpp-cpu' },
    });
    await expect(
      other.call(ENDPOINTS.loadSlot, { params: { id: slot.id }, body: { managed_model_id: model.id } }),
    ).rejects.toMatchObject({
      code: 'runtime_unavailable',
      message: expect.stringContaining('/nowhere/docker.sock'),
      details: { reason: 'docker_unreachable' },
    });
    expect((await other.call(ENDPOINTS.getSlot, { params: { id: slot.id } })).slot).toMatchObject({
      assigned_model_id: null,
      load_state: 'empty',
    });
    const { runtimes: all } = await other.call(ENDPOINTS.listRuntimes, {});
    expect(all.find((runtime) => runtime.id === 'llama-cpp-cpu')).toMatchObject({
      available: false,
      unavailable: { error: 'runtime_unavailable' },
    });
    expect(all.find((runtime) => runtime.id === 'embedded-llama')).toMatchObject({ available: true });
    expect((await other.call(ENDPOINTS.getSystem, {})).system.docker).toMatchObject({ state: 'unreachable' });
  });
});

describe('a restart of the agent', () => {
  it('brings embedded models back, and tells nothing when all is as it was', async () => {
    await using home = await temporaryDirectory();
    const first = await startTestAgent(home.path);
    const { id } = await importModel(first, join(directory.path, 'alpha.gguf'));
    const { slot_id: slot } = await serveModel(first, id, { config });
    await first.stop();
    expect(await childrenOf(process.pid, new RegExp(`embedded-runtime.*${home.path}`))).toEqual([]);
    await using second = await startTestAgent(home.path);
    // Asked before anybody looked at the slot: the gateway waits for the first look instead of guessing.
    await second.slot(slot, (now) => now.load_state === 'loaded');
    const answer = await second.request('POST', '/v1/chat/completions', {
      body: { model: id, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(answer.status).toBe(200);
    expect(await second.call(ENDPOINTS.verifyAudit, {})).toMatchObject({
      ok: true,
      signed_seq: expect.any(Number),
    });
  });
});
