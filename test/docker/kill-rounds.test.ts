import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ENDPOINTS, type Slot } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { containersOf, removeContainersOf } from '../support/docker.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { serve, type AgentProcess } from '../support/process.ts';
import { childrenOf, isAlive } from '../support/processes.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** `npm run test:crash` sets many. */
const ROUNDS = Number(process.env['MODELOPS_ROUNDS'] ?? 6);
const SEED = Number(process.env['MODELOPS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** The longest pause before a kill: a start of these engines takes about as long. */
const LONGEST_MS = 900;

/** mulberry32: the same seed tells the same story, as far as the machine does. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const docker = {
  runtime_spec: 'llama-cpp-cpu',
  config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
};
const embedded = { runtime_spec: 'embedded-llama', config: { threads: 1, context_length: 256 } };

it(
  `slots whose agent is killed at any moment, round after round (${ROUNDS}, seed ${SEED})`,
  async () => {
    console.log(`MODELOPS_SEED=${SEED} MODELOPS_ROUNDS=${ROUNDS}`);
    const next = random(SEED);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
    await using directory = await temporaryDirectory();
    const data = join(directory.path, 'data');
    let nodeId = '';
    onTestFinished(async () => {
      if (nodeId !== '') await removeContainersOf(nodeId);
    });
    const models: string[] = [];
    const slots = ['one', 'two', 'inside'] as const;
    {
      await using agent = await serve(data);
      nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
      for (const name of ['alpha', 'beta']) {
        const path = await writeSpeakingModel(join(directory.path, `${name}.gguf`), name);
        models.push((await importModel(agent, path)).id);
      }
      for (const id of slots) {
        await agent.call(ENDPOINTS.createSlot, {
          body: { id, capability: 'llm_inference', ...(id === 'inside' ? embedded : docker) },
        });
      }
      await agent.end('SIGKILL');
    }

    const act = async (agent: AgentProcess): Promise<unknown> => {
      const id = pick(slots);
      const params = { params: { id } };
      switch (pick(['load', 'load', 'load', 'unload', 'restart', 'change', 'ask'])) {
        case 'load':
          return agent.call(ENDPOINTS.loadSlot, { ...params, body: { managed_model_id: pick(models) } });
        case 'unload':
          return agent.call(ENDPOINTS.unloadSlot, params);
        case 'restart':
          return agent.call(ENDPOINTS.restartSlot, params);
        case 'change': {
          const base = id === 'inside' ? embedded : docker;
          const config = { ...base.config, parallel: pick([1, 2]) };
          return agent.call(ENDPOINTS.patchSlot, { ...params, body: { config } });
        }
        default:
          return agent.request('POST', '/v1/chat/completions', {
            body: { model: pick(models), messages: [{ role: 'user', content: 'x' }] },
          });
      }
    };

    const orphans = new Set<number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      await using agent = await serve(data);
      // Refusals and broken connections are part of it; what counts is what is found afterwards.
      const acts = Array.from({ length: 1 + Math.floor(next() * 4) }, () =>
        act(agent).catch(() => undefined),
      );
      if (next() < 0.5) await acts[0];
      // The moment is what is varied here: nothing tells it.
      await delay(next() * LONGEST_MS);
      for (const pid of await childrenOf(agent.pid, /embedded-runtime/)) orphans.add(pid);
      await agent.end('SIGKILL');
      await Promise.all(acts);
    }

    await using last = await serve(data);
    const settled: Slot[] = [];
    for (const id of slots) {
      settled.push(
        await last.slot(
          id,
          (now) =>
            (now.assigned_model_id === null ? now.load_state === 'empty' : now.load_state === 'loaded') &&
            now.replacement === null,
        ),
      );
    }
    for (const slot of settled) {
      expect(slot).toMatchObject({
        loaded_managed_model_id: slot.assigned_model_id,
        pending_changes: [],
        load_error: null,
      });
    }
    const wanted = settled.flatMap((slot) => slot.container_id ?? []).toSorted();
    expect((await containersOf(nodeId)).map((one) => one.Id).toSorted()).toEqual(wanted);
    const children = settled.filter((slot) => slot.id === 'inside' && slot.assigned_model_id !== null);
    expect(await childrenOf(last.pid, /embedded-runtime/)).toHaveLength(children.length);
    expect(await Promise.all([...orphans].map((pid) => isAlive(pid)))).not.toContain(true);
    for (const slot of settled) {
      if (slot.assigned_model_id === null) continue;
      const name = slot.assigned_model_id.replace(/-v1$/, '');
      await serveModel(last, slot.assigned_model_id, { slot_id: slot.id });
      const { body } = await last.request('POST', '/v1/chat/completions', {
        body: { model: slot.assigned_model_id, messages: [{ role: 'user', content: 'x' }] },
      });
      expect(body).toMatchObject({ choices: [{ message: { content: sentenceOf(name) } }] });
    }
    for (const id of slots) {
      await last.call(ENDPOINTS.unloadSlot, { params: { id } });
      await last.slot(id, (now) => now.load_state === 'empty');
    }
    expect(await containersOf(nodeId)).toEqual([]);
    expect(await childrenOf(last.pid, /embedded-runtime/)).toEqual([]);
    expect(await last.call(ENDPOINTS.verifyAudit, {})).toMatchObject({ ok: true });
  },
  120_000 + ROUNDS * 10_000,
);
