import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shoot, violationsOn } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

describe('the sample', () => {
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it('goes from one button to an answer', async () => {
    await page.getByRole('button', { name: 'Run the sample model' }).click();
    await page.getByText('You can call it now.').waitFor();
    expect(await violationsOn(page)).toEqual([]);
    await shoot(page, 'sample-model', ['laptop']);
    await page.getByRole('link', { name: 'Open in the playground' }).click();
    await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-turn="done"]').waitFor();
    expect((await page.locator('[data-answer]').innerText()).length).toBeGreaterThan(10);
  });

  it('says that it is the sample, and counts as no service', async () => {
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('The sample model answers. Nothing else is served yet.').waitFor();
    await page.locator('[data-serving]').getByText('sample', { exact: true }).waitFor();
    await expect
      .poll(() => page.locator('[data-serving]').getByText('call', { exact: false }).count(), {
        timeout: 15_000,
      })
      .toBe(0);
    expect(await violationsOn(page)).toEqual([]);
    await shoot(page, 'sample-overview', ['laptop']);
    expect(stage.complaints).toEqual([]);
  });
});
