import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** What was called, as charts, tables, a file and call by call. */
describe('usage', () => {
  let stage: Stage;
  let page: Page;
  let token: string;
  beforeAll(async () => {
    stage = await openStage();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it('says that nothing was called', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.getByText('No call from', { exact: false }).waitFor();
    await expect.poll(() => page.locator('canvas').count(), { timeout: 15_000 }).toBe(0);
    await expectAccessible(page);
  });

  it('counts calls and draws them', async () => {
    await importModel(stage.agent, await writeSpeakingModel(join(stage.directory, 'alpha.gguf'), 'alpha'));
    await serveModel(stage.agent, 'alpha-v1');
    ({ token } = await stage.agent.call(ENDPOINTS.createKey, { body: { name: 'reader', role: 'user' } }));
    for (const model of ['alpha-v1', 'alpha-v1', 'alpha-v1'])
      await stage.agent.request('POST', '/v1/chat/completions', {
        token,
        body: { model, max_tokens: 8, messages: [{ role: 'user', content: 'Who are you?' }] },
      });
    const { total } = await stage.agent.call(ENDPOINTS.listUsage, {});
    expect(total.calls).toBe(3);
    await page.goto(`${stage.agent.url}/usage?range=7`);
    await page.getByText('3 calls, no error').waitFor();
    await page.getByRole('img', { name: /^Calls by day/ }).waitFor();
    await expect.poll(() => page.locator('canvas').count(), { timeout: 15_000 }).toBe(3);
    await page.getByRole('row', { name: /reader/ }).waitFor();
    await page.getByRole('row', { name: /alpha v1/ }).waitFor();
    await expectAccessible(page);
  });

  it('moves one crosshair over all charts, and says the day', async () => {
    const box = await page.locator('.u-over').first().boundingBox();
    if (box === null) throw new Error('no chart');
    await page.mouse.move(box.x + box.width - 4, box.y + 20);
    await page.getByText('3 calls', { exact: true }).waitFor();
    await expect.poll(() => page.locator('.u-cursor-x').count(), { timeout: 15_000 }).toBe(3);
    await page.mouse.move(0, 0);
  });

  it('shows the same as a table', async () => {
    await page.getByRole('button', { name: 'Show as table' }).click();
    const table = page.getByRole('table', { name: 'By day' });
    await table.getByRole('columnheader', { name: 'Prompt tokens' }).waitFor();
    await expect.poll(() => page.locator('canvas').count(), { timeout: 15_000 }).toBe(0);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Show as charts' }).click();
  });

  it('gives a file', async () => {
    const coming = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/^usage-.*\.csv$/);
    const text = await readFile(await download.path(), 'utf8');
    expect(text.split(/\r?\n/)[0]).toContain('calls');
    expect(text).toContain('alpha-v1');
  });

  it('lists the latest calls and filters them', async () => {
    await page.getByRole('tab', { name: 'Latest calls' }).click();
    await page
      .getByRole('row', { name: /alpha v1/ })
      .first()
      .waitFor();
    await expect.poll(() => page.getByRole('row').count(), { timeout: 15_000 }).toBe(4);
    await expectAccessible(page);
    await page.getByText('Failed', { exact: true }).click();
    await page.getByText('None of the calls read so far matches.').waitFor();
  });

  it('shows a user what his own key did', async () => {
    const { token: other } = await stage.agent.call(ENDPOINTS.createKey, { body: { name: 'other' } });
    const { usage } = await stage.agent.as(other)(ENDPOINTS.listUsage, {});
    expect(usage).toEqual([]);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
