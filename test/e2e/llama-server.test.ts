import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { removeContainersOf } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { STEPS, type Walk } from './flow/model-life.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The same way as with the embedded runtime, in a slot of a real llama-server container. */
describe('a model in a container, through the UI', () => {
  let stage: Stage;
  let walk: Walk;
  let nodeId: string;

  beforeAll(async () => {
    stage = await openStage();
    nodeId = (await stage.agent.call(ENDPOINTS.getSystem, {})).system.node_id;
    const file = await writeSpeakingModel(`${stage.directory}/models/harbour.gguf`, 'harbour');
    const page = await stage.page();
    walk = {
      page,
      file,
      name: 'harbour',
      slot: 'quay',
      container: { runtime: 'llama.cpp on the CPU', image: LLAMA_IMAGE },
      look: () => expectAccessible(page),
    };
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await removeContainersOf(nodeId);
  });

  it.each(STEPS)('%s', async (_name, step) => {
    await expect(step(walk)).resolves.toBeUndefined();
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
