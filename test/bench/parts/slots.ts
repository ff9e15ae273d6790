import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { readEvents } from '../../../src/cli/events.ts';
import { ENDPOINTS, type Slot } from '../../../src/shared/contract/index.ts';
import { ensureLlamaImage, LLAMA_IMAGE } from '../../../tools/llama-image.ts';
import { importModel, serveModel } from '../../support/agent.ts';
import { containersOf, docker, removeContainersOf } from '../../support/docker.ts';
import { writeSpeakingModel } from '../../support/models.ts';
import { environment, startAgent, type BenchAgent } from '../support/agent.ts';
import { median, percentile, short } from '../support/numbers.ts';
import type { PartContext } from '../support/part.ts';
import type { PartResult } from '../support/report.ts';
import type { Scope } from '../support/scope.ts';

const OVERHEAD_MS = 300;
const ADOPTION_MS = 1000;
const CONTAINERS = 8;
const CALLERS = 8;
/** How often a person with a script would look. */
const BY_HAND_POLL_MS = 10;
const config = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };
const runtime_spec = 'llama-cpp-cpu';

/** What the agent adds to an engine's own start, what a swap takes, and how fast running containers are taken over. */
export async function slots({ scope, quick, log }: PartContext): Promise<PartResult> {
  ensureLlamaImage();
  const rounds = quick ? 3 : 15;
  const files = await scope.directory('models');
  const alpha = await writeSpeakingModel(join(files, 'alpha.gguf'), 'alpha');
  const beta = await writeSpeakingModel(join(files, 'beta.gguf'), 'beta');
  const dataDir = await scope.directory('slots');
  let agent = await startAgent(scope, dataDir);
  const nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
  try {
    const [one, two] = [await importModel(agent, alpha), await importModel(agent, beta)];
    const id = 'bench';
    await agent.call(ENDPOINTS.createSlot, {
      body: { id, capability: 'llm_inference', runtime_spec, config },
    });

    const ours: number[] = [];
    const theirs: number[] = [];
    const swaps: number[] = [];
    const swapsByHand: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      log(`load and swap, round ${round + 1} of ${rounds}`);
      const first = await startByHand(scope, alpha, `${round}-a`);
      theirs.push(first.ms);
      const began = performance.now();
      await docker('stop', first.container);
      await docker('rm', first.container);
      const second = await startByHand(scope, beta, `${round}-b`);
      swapsByHand.push(performance.now() - began);
      await docker('rm', '-f', second.container);

      const isLoaded = (model: string) => (slot: Slot) =>
        slot.load_state === 'loaded' && slot.loaded_managed_model_id === model;
      ours.push(await timedWish(agent, id, one.id, isLoaded(one.id)));
      swaps.push(await timedWish(agent, id, two.id, isLoaded(two.id)));
      await agent.call(ENDPOINTS.unloadSlot, { params: { id } });
      await agent.slot(id, (slot) => slot.load_state === 'empty');
    }
    await agent.call(ENDPOINTS.deleteSlot, { params: { id } });

    const adoptions: number[] = [];
    const statuses: number[] = [];
    for (let at = 0; at < CONTAINERS; at += 1) {
      const slot = `adopted-${at}`;
      await agent.call(ENDPOINTS.createSlot, {
        body: { id: slot, capability: 'llm_inference', runtime_spec, config },
      });
      await serveModel(agent, one.id, { slot_id: slot });
    }
    for (let round = 0; round < (quick ? 2 : 7); round += 1) {
      log(`adoption, round ${round + 1}`);
      process.kill(agent.pid, 'SIGKILL');
      agent = await startAgent(scope, dataDir);
      const { ms, answers } = await adoption(agent, one.id);
      adoptions.push(ms);
      statuses.push(...answers);
    }
    const containers = (await containersOf(nodeId)).length;
    const refused = statuses.filter((status) => status !== 200).length;
    return {
      part: 'slots',
      rows: [
        {
          name: 'PUT to loaded, beyond docker run and health by hand',
          value: median(ours) - median(theirs),
          unit: 'ms',
          target: { relation: '<=', value: OVERHEAD_MS },
          beside: `${short(median(ours))} ms against ${short(median(theirs))} ms by hand, medians of ${rounds}; slowest ${short(percentile(ours, 1))} and ${short(percentile(theirs, 1))} ms`,
        },
        {
          name: 'swap of one model for another, against docker stop, rm, run and health',
          value: median(swaps) / median(swapsByHand),
          unit: 'x',
          target: { relation: '<', value: 1 },
          beside: `${short(median(swaps))} ms against ${short(median(swapsByHand))} ms; the former model answers meanwhile`,
        },
        {
          name: `${CONTAINERS} running containers taken over after a kill of the agent`,
          value: median(adoptions),
          unit: 'ms',
          target: { relation: '<', value: ADOPTION_MS },
          beside: `from its ready line, ${adoptions.length} rounds, slowest ${short(percentile(adoptions, 1))} ms; ${containers} containers afterwards`,
        },
        {
          name: 'requests refused once the agent answers again',
          value: refused,
          unit: '',
          target: { relation: '<=', value: 0 },
          beside: `of ${statuses.length} requests sent from its ready line on`,
        },
      ],
      tables: [],
      notes: ['Models of half a megabyte in llama-server, one thread each: what is left is control.'],
    };
  } finally {
    process.kill(agent.pid, 'SIGKILL');
    await removeContainersOf(nodeId);
  }
}

/** `docker run` as the agent runs it, and a look at /health every 10 ms. */
async function startByHand(
  scope: Scope,
  model: string,
  name: string,
): Promise<{ ms: number; container: string }> {
  const sockets = await scope.directory(`hand-${name}`);
  const cache = join(sockets, 'cache');
  await mkdir(cache);
  const container = `mo-bench-${process.pid}-${name}`;
  const began = performance.now();
  const run = scope.spawn(
    'docker',
    [
      'run --detach --network none --cap-drop ALL --read-only --security-opt no-new-privileges --tmpfs /tmp',
      `--name ${container} --user ${process.getuid?.()}:${process.getgid?.()}`,
      `--mount type=bind,source=${model},target=/models/model.gguf,readonly`,
      `--mount type=bind,source=${sockets},target=/run/modelops`,
      `${LLAMA_IMAGE} --model /models/model.gguf --alias x --host /run/modelops/s.sock`,
      '--ctx-size 256 --parallel 1 --threads 1 --no-webui --metrics --offline',
    ].flatMap((words) => words.split(' ')),
    { stdio: 'ignore', env: environment() },
  );
  const ended = once(run, 'exit');
  await using pool = closing(new Pool('http://hand', { connect: { socketPath: join(sockets, 's.sock') } }));
  for (;;) {
    const status = await pool.request({ path: '/health', method: 'GET' }).then(
      async (answer) => {
        await answer.body.dump();
        return answer.statusCode;
      },
      () => 0,
    );
    if (status === 200) break;
    await delay(BY_HAND_POLL_MS);
  }
  const ms = performance.now() - began;
  await ended;
  return { ms, container };
}

function closing(pool: Pool): Pool & AsyncDisposable {
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.destroy() });
}

/** From a PUT to the event that says it is so. */
async function timedWish(
  agent: BenchAgent,
  id: string,
  model: string,
  reached: (slot: Slot) => boolean,
): Promise<number> {
  const stop = new AbortController();
  const events = readEvents(agent, 'slots', stop.signal);
  try {
    // The stream is open before anything is asked for.
    await events.next();
    const began = performance.now();
    await agent.call(ENDPOINTS.loadSlot, { params: { id }, body: { managed_model_id: model } });
    for await (const event of events) {
      if (event.name !== 'slot') continue;
      const { slot } = event.data as { slot: Slot };
      if (slot.id === id && reached(slot)) return performance.now() - began;
    }
    throw new Error('the event stream ended');
  } finally {
    stop.abort();
  }
}

/** From the ready line until every slot is loaded; meanwhile callers ask without a pause. */
async function adoption(agent: BenchAgent, model: string): Promise<{ ms: number; answers: number[] }> {
  const ready = performance.now() - (agent.healthyMs - agent.readyMs);
  const over = new AbortController();
  const answers: number[] = [];
  const caller = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status } = await agent.request('POST', '/v1/chat/completions', {
        body: { model, messages: [{ role: 'user', content: 'x' }] },
      });
      answers.push(status);
    }
  };
  const asked = Promise.all(Array.from({ length: CALLERS }, caller));
  let ms = Number.NaN;
  const stop = new AbortController();
  try {
    const events = readEvents(agent, 'slots', stop.signal);
    while ((await events.next()).done !== true) {
      const { slots: all } = await agent.call(ENDPOINTS.listSlots, { query: {} });
      if (!all.every((slot) => slot.load_state === 'loaded')) continue;
      ms = performance.now() - ready;
      break;
    }
  } finally {
    stop.abort();
    over.abort();
    await asked;
  }
  return { ms, answers };
}
