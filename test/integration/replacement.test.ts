import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model, type Slot } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent, type TestAgent } from '../support/agent.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { childrenOf } from '../support/processes.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';

let directory: TemporaryDirectory;
let agent: TestAgent;
let alpha: Model;
let beta: Model;
let odd: Model;
let isRoom = true;
const config = { threads: 1, context_length: 256 };

beforeAll(async () => {
  directory = await temporaryDirectory();
  agent = await startTestAgent(join(directory.path, 'data'), {
    retry: { baseMs: 20, capMs: 100, sameCauseLimit: 3 },
    watchMs: 200,
    room: { hasRoomBeside: () => Promise.resolve(isRoom) },
  });
  const made = async (name: string): Promise<Model> =>
    importModel(agent, await writeSpeakingModel(join(directory.path, `${name}.gguf`), name));
  alpha = await made('alpha');
  beta = await made('beta');
  // A whole file of an architecture nobody knows passes the header check and fails in the engine.
  const path = await writeSpeakingModel(join(directory.path, 'odd.gguf'), 'odd');
  const bytes = await readFile(path);
  await writeFile(path, Buffer.from(bytes.toString('latin1').replaceAll('llama', 'zzzzz'), 'latin1'));
  odd = await importModel(agent, path);
});
afterAll(async () => {
  await agent.stop();
  await directory[Symbol.asyncDispose]();
});

const ask = (model: string) =>
  agent.request('POST', '/v1/chat/completions', {
    body: { model, messages: [{ role: 'user', content: 'x' }] },
  });
const runtimes = async (): Promise<number> => (await childrenOf(process.pid, /embedded-runtime/)).length;
const patch = (slot: string, body: object) => agent.call(ENDPOINTS.patchSlot, { params: { id: slot }, body });
const wish = (slot: string, model: string) =>
  agent.call(ENDPOINTS.loadSlot, { params: { id: slot }, body: { managed_model_id: model } });
const empty = async (slot: string): Promise<void> => {
  await agent.call(ENDPOINTS.unloadSlot, { params: { id: slot } });
  await agent.slot(slot, (now) => now.load_state === 'empty');
  expect(await runtimes()).toBe(0);
};
const served = async (): Promise<Slot> => {
  const { slot_id: slot } = await serveModel(agent, alpha.id, { config });
  return agent.slot(slot, (now) => now.load_state === 'loaded');
};
/** Every state the slot was told to be in, until it is as wished. */
async function course(slot: string, reached: (now: Slot) => boolean): Promise<Slot[]> {
  const seen: Slot[] = [];
  await agent.slot(slot, (now) => {
    seen.push(now);
    return reached(now);
  });
  return seen;
}
/** Asks without a pause until told to stop. @returns the statuses of all answers */
function asking(model: string): { stop: () => Promise<number[]> } {
  const over = new AbortController();
  const statuses: number[] = [];
  const asked = (async () => {
    while (!over.signal.aborted) statuses.push((await ask(model)).status);
  })();
  return {
    stop: async () => {
      over.abort();
      await asked;
      return statuses;
    },
  };
}

describe('a change of a slot that serves', () => {
  it('is made beside it: nobody is refused, and it tells what it has not yet', async () => {
    const before = await served();
    const callers = asking(alpha.id);
    const { slot: told } = await patch(before.id, { config: { ...config, threads: 2 } });
    expect(told.pending_changes).toEqual(['threads']);
    const seen = await course(
      before.id,
      (now) => now.load_state === 'loaded' && now.attempt > before.attempt,
    );
    const statuses = await callers.stop();
    expect(statuses.length).toBeGreaterThan(0);
    expect(statuses.every((status) => status === 200)).toBe(true);
    const between = seen.filter((now) => now.replacement !== null);
    expect(between.length).toBeGreaterThan(0);
    for (const now of between) {
      expect(now).toMatchObject({
        load_state: 'reconciling',
        phase: 'ready',
        attempt: before.attempt,
        loaded_managed_model_id: alpha.id,
        pending_changes: ['threads'],
        replacement: { attempt: before.attempt + 1 },
      });
    }
    expect(seen.at(-1)).toMatchObject({ pending_changes: [], replacement: null, load_error: null });
    await empty(before.id);
  });

  it('that changes nothing starts nothing', async () => {
    const before = await served();
    await patch(before.id, { config: { ...config } });
    await patch(before.id, { display_name: 'Other' });
    const after = await agent.slot(before.id, (now) => now.load_state === 'loaded');
    expect(after.attempt).toBe(before.attempt);
    // There and back, faster than anything starts.
    await patch(before.id, { config: { ...config, threads: 2 } });
    await patch(before.id, { config });
    const settled = await agent.slot(
      before.id,
      (now) => now.load_state === 'loaded' && now.replacement === null,
    );
    expect(settled).toMatchObject({ attempt: before.attempt, pending_changes: [] });
    await empty(before.id);
  });

  it('drains and ends it first where memory does not allow both', async () => {
    const before = await served();
    isRoom = false;
    try {
      await patch(before.id, { config: { ...config, threads: 2 } });
      const seen = await course(
        before.id,
        (now) => now.load_state === 'loaded' && now.attempt > before.attempt,
      );
      expect(seen.some((now) => now.replacement !== null)).toBe(false);
      expect(await runtimes()).toBe(1);
    } finally {
      isRoom = true;
    }
    await empty(before.id);
  });
});

describe('another model for a slot that serves', () => {
  it('takes its place when it is probed; until then the former one answers', async () => {
    const before = await served();
    const callers = asking(alpha.id);
    await wish(before.id, beta.id);
    const seen = await course(before.id, (now) => now.loaded_managed_model_id === beta.id);
    const statuses = await callers.stop();
    // Never something else: first answers, then the refusal that says it is not loaded.
    expect(new Set(statuses.slice(0, statuses.indexOf(503)))).toEqual(new Set([200]));
    expect(seen.filter((now) => now.loaded_managed_model_id === null)).toEqual([]);
    await empty(before.id);
  });

  it('that cannot be leaves the former one serving, with the reason; going back costs nothing', async () => {
    const before = await served();
    await wish(before.id, odd.id);
    const after = await agent.slot(before.id, (now) => now.load_error !== null && now.replacement === null);
    expect(after).toMatchObject({
      load_state: 'loaded',
      phase: 'ready',
      assigned_model_id: odd.id,
      loaded_managed_model_id: alpha.id,
      attempt: before.attempt,
      load_error: { error: 'model_not_supported', will_retry: false },
    });
    expect((await ask(alpha.id)).body).toMatchObject({
      choices: [{ message: { content: sentenceOf('alpha') } }],
    });
    expect((await ask(odd.id)).status).not.toBe(200);
    const log = await agent.call(ENDPOINTS.getSlotLogs, { params: { id: before.id }, query: {} });
    expect(log.history[0]).toMatchObject({ model_id: odd.id, error: 'model_not_supported', loaded_at: null });
    const { job } = await agent.call(ENDPOINTS.serveModel, {
      params: { id: odd.id },
      body: { slot_id: before.id },
    });
    expect(await agent.job(job.id)).toMatchObject({
      state: 'failed',
      error: { error: 'model_not_supported' },
    });
    await wish(before.id, alpha.id);
    expect(await agent.slot(before.id, (now) => now.load_error === null)).toMatchObject({
      load_state: 'loaded',
      attempt: before.attempt,
      loaded_managed_model_id: alpha.id,
    });
    await empty(before.id);
  });

  it('comes up further when the former one dies meanwhile', async () => {
    const before = await served();
    const [pid] = await childrenOf(process.pid, /embedded-runtime/);
    await wish(before.id, beta.id);
    await agent.slot(before.id, (now) => now.replacement !== null);
    process.kill(pid ?? 0, 'SIGKILL');
    const after = await agent.slot(
      before.id,
      (now) => now.loaded_managed_model_id === beta.id && now.load_state === 'loaded',
    );
    expect(after.attempt).toBe(before.attempt + 1);
    await empty(before.id);
  });
});

describe('the effects of an action on a slot', () => {
  const effects = async (slot: string, body: object): Promise<string[]> =>
    (
      await agent.call(ENDPOINTS.previewSlotEffects, {
        params: { id: slot },
        body: body as never,
      })
    ).effects.map((effect) => effect.code);

  it('name who calls it, what is running and what follows; nothing is changed by asking', async () => {
    const before = await served();
    expect(await effects(before.id, { action: 'unload' })).toContain('kept');
    expect(await effects(before.id, { action: 'load', managed_model_id: beta.id })).toEqual([
      'replaces',
      'callers',
      'calls_refused',
      'no_gap',
      'takes',
    ]);
    expect(await effects(before.id, { action: 'load', managed_model_id: alpha.id })).toEqual(['nothing']);
    expect(await effects(before.id, { action: 'change', config })).toEqual(['nothing']);
    expect(await effects(before.id, { action: 'change', config: { ...config, threads: 2 } })).not.toContain(
      'validation_needed',
    );
    expect(
      await effects(before.id, { action: 'change', config: { ...config, context_length: 128 } }),
    ).toContain('validation_needed');
    expect(await effects(before.id, { action: 'delete' })).toEqual(['refused', 'goes', 'kept']);
    await expect(effects(before.id, { action: 'load', managed_model_id: 'nobody' })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await agent.call(ENDPOINTS.getSlot, { params: { id: before.id } })).slot).toMatchObject({
      rev: before.rev,
      attempt: before.attempt,
    });
    await empty(before.id);
  });
});
