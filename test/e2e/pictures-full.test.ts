import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { fillNode, type FullNode } from './support/full-node.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Every screen with everything, for machines (axe) and for people (pictures), both themes and sizes. */
describe('a full node', () => {
  let stage: Stage;
  let page: Page;
  let node: FullNode;
  beforeAll(async () => {
    stage = await openStage();
    node = await fillNode(stage.agent, stage.directory);
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const at = async (path: string, shown: string): Promise<void> => {
    await page.goto(stage.agent.url + path);
    await page.getByRole('main').getByText(shown, { exact: false }).first().waitFor();
  };

  it('playground', async () => {
    await at(`/playground?model=${node.served.id}`, 'Ctrl Enter');
    await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-answer]').getByText(sentenceOf('qwen3-8b-instruct')).waitFor();
    await page.locator('[data-turn="done"]').waitFor();
    expect(await keep(page, 'playground')).toEqual([]);
    await at(`/playground?model=${node.stale.id}`, 'cannot be called yet');
    expect(await keep(page, 'playground-blocked')).toEqual([]);
  });

  it('overview', async () => {
    await at('/', 'Waits for you');
    await page.getByText('Serving now').waitFor();
    expect(await keep(page, 'overview')).toEqual([]);
  });

  it('models, the peek and the selection', async () => {
    await at('/models', 'qwen3-8b-instruct');
    expect(await keep(page, 'models')).toEqual([]);
    await page.getByRole('row').nth(1).focus();
    await page.keyboard.press('Space');
    await page.getByRole('complementary').waitFor();
    expect(await keep(page, 'models-peek')).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('x');
    await page.getByText('1 selected').waitFor();
    expect(await keep(page, 'models-selected')).toEqual([]);
    await at('/models?q=nothing-has-this-name', 'No model matches');
    expect(await keep(page, 'models-no-match')).toEqual([]);
  });

  it('a model, tab by tab', async () => {
    const path = `/models/${node.served.id}`;
    await at(path, 'You can call it now.');
    expect(await keep(page, 'model-served')).toEqual([]);
    await at(`${path}/artifacts`, 'model.gguf');
    expect(await keep(page, 'model-artifacts')).toEqual([]);
    await at(`${path}/validation`, 'It holds for these bytes');
    expect(await keep(page, 'model-validation')).toEqual([]);
    await at(`${path}/test`, 'Run the test');
    expect(await keep(page, 'model-test')).toEqual([]);
    await at(`${path}/usage`, 'Save as CSV');
    expect(await keep(page, 'model-usage-local')).toEqual([]);
    await at(`${path}/access`, 'Who can see it');
    expect(await keep(page, 'model-access-everyone')).toEqual([]);
    await at(`${path}/history`, 'activated');
    expect(await keep(page, 'model-history')).toEqual([]);
    await at(`/models/${node.stale.id}`, 'What is missing');
    expect(await keep(page, 'model-stale')).toEqual([]);
    await at(`/models/${node.odd.id}`, 'What is missing');
    expect(await keep(page, 'model-job-failed')).toEqual([]);
    await at(`/models/${node.missing.id}`, 'What is missing');
    expect(await keep(page, 'model-bytes-changed')).toEqual([]);
    await at(
      '/models/a-model-with-a-name-as-long-as-it-may-be-for-a-table-and-a-title-v1',
      'What is missing',
    );
    expect(await keep(page, 'model-long-name')).toEqual([]);
  });

  it('what would come from a path', async () => {
    const file = await writeSpeakingModel(`${stage.directory}/models/beta.gguf`, 'beta');
    await at('/models', 'qwen3-8b-instruct');
    await page.getByRole('button', { name: 'Add a model…' }).first().click();
    await page.getByLabel('Path on the machine of the agent').fill(file);
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByText('What would come').waitFor();
    expect(await keep(page, 'add-model')).toEqual([]);
  });

  it('questions before something goes', async () => {
    await at(`/models/${node.served.id}`, 'You can call it now.');
    await page.getByRole('button', { name: 'Deactivate…' }).click();
    await page.getByText('Calls that name it are refused at once', { exact: false }).waitFor();
    expect(await keep(page, 'confirm-deactivate')).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem').first().waitFor();
    expect(await keep(page, 'model-menu')).toEqual([]);
  });

  it('slots and one slot', async () => {
    await at('/slots', 'chat-large');
    expect(await keep(page, 'slots')).toEqual([]);
    await at('/slots/chat-large', '2,048 tokens');
    expect(await keep(page, 'slot-loaded')).toEqual([]);
    await at('/slots/coder', 'zzzzz');
    expect(await keep(page, 'slot-error')).toEqual([]);
    await at('/slots/chat-large/config', 'Context per request');
    expect(await keep(page, 'slot-config')).toEqual([]);
    await at('/slots/coder/logs', 'unknown model architecture');
    expect(await keep(page, 'slot-logs')).toEqual([]);
    await at('/slots', 'spare-cpu');
    await page.locator('[data-strip="spare-cpu"]').getByRole('button', { name: 'Load…' }).click();
    await page.getByRole('dialog').getByLabel('Model').waitFor();
    expect(await keep(page, 'slot-load')).toEqual([]);
  });

  it('doctor', async () => {
    await at('/doctor', 'Same from the command line');
    expect(await keep(page, 'doctor')).toEqual([]);
  });

  it('a job and the tray', async () => {
    await at(`/jobs/${node.failedJob}`, 'zzzzz');
    expect(await keep(page, 'job-failed')).toEqual([]);
    await page.keyboard.press('Alt+KeyJ');
    await page.getByRole('region', { name: 'Jobs' }).waitFor();
    expect(await keep(page, 'jobs-tray')).toEqual([]);
  });

  it('palette, shortcuts, profile', async () => {
    await at(`/models/${node.stale.id}`, 'What is missing');
    await page.keyboard.press('Control+k');
    await page.getByRole('option').first().waitFor();
    expect(await keep(page, 'palette')).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    expect(await keep(page, 'shortcuts')).toEqual([]);
    await page.keyboard.press('Escape');
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /Online|Offline/ })
      .click();
    await page.getByRole('dialog', { name: 'Runtime profile' }).getByText('Refused attempts').waitFor();
    expect(await keep(page, 'profile')).toEqual([]);
  });

  it('a narrow window', async () => {
    await page.setViewportSize({ width: 640, height: 800 });
    for (const [path, shown] of [
      ['/', 'Waits for you'],
      ['/models', 'qwen3-8b-instruct'],
      ['/slots', 'chat-large'],
      [`/models/${node.served.id}`, 'You can call it now.'],
    ] as const) {
      await at(path, shown);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect(wide).toBe(false);
      await page.screenshot({
        path: `test-results/screenshots/narrow${path.replaceAll('/', '-')}.png`,
        animations: 'disabled',
      });
    }
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
