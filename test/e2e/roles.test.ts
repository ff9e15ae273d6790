import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { openContext, shoot, violationsOn } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

describe('who may only call models', () => {
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    await importModel(stage.agent, await writeSpeakingModel(join(stage.directory, 'alpha.gguf'), 'alpha'));
    await serveModel(stage.agent, 'alpha-v1');
    const { token } = await stage.agent.call(ENDPOINTS.createKey, { body: { name: 'reader', role: 'user' } });
    const { context } = await openContext(stage.browser);
    page = await context.newPage();
    await page.goto(stage.agent.url);
    await page.getByLabel('Sign-in link or key').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation').waitFor();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it('sees the models, and no entry that is not for them', async () => {
    await page.getByText('Models you may call').waitFor();
    await expect
      .poll(() => page.getByRole('navigation').getByRole('link').allInnerTexts(), { timeout: 15_000 })
      .toEqual(['Overview', 'Models', 'Playground', 'Usage', 'Credentials', 'Settings']);
    expect(await violationsOn(page)).toEqual([]);
    await shoot(page, 'user-overview', ['laptop']);
    await page.getByRole('link', { name: 'alpha v1' }).click();
    await page.getByRole('heading', { level: 1, name: 'alpha' }).waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'More' }).count(), { timeout: 15_000 }).toBe(0);
    expect(await violationsOn(page)).toEqual([]);
  });

  it('is told which role a place needs', async () => {
    await page.goto(`${stage.agent.url}/slots`);
    await page.getByText('This page needs the role admin. You are signed in as user.').waitFor();
    expect(await violationsOn(page)).toEqual([]);
  });

  it('calls a model', async () => {
    await page.goto(`${stage.agent.url}/playground`);
    await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('[data-turn="done"]').waitFor();
    await expect
      .poll(() => page.locator('[data-answer]').innerText(), { timeout: 15_000 })
      .toContain(sentenceOf('alpha'));
    expect(stage.complaints).toEqual([]);
  });
});
