import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSpeakingModel } from '../support/models.ts';
import { STEPS, type Walk } from './flow/model-life.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The whole way of a model through the UI: each step stands on the one before. */
describe('a model from a file to an answer and back', () => {
  let stage: Stage;
  let walk: Walk;

  beforeAll(async () => {
    stage = await openStage();
    const file = await writeSpeakingModel(`${stage.directory}/models/alpha.gguf`, 'alpha');
    const page = await stage.page();
    walk = { page, file, name: 'alpha', slot: 'chat-small', look: () => expectAccessible(page) };
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it.each(STEPS)('%s', async (_name, step) => {
    await expect(step(walk)).resolves.toBeUndefined();
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
