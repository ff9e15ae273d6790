import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Online and offline, from the status bar. */
describe('the profile', () => {
  let stage: Stage;
  let page: Page;
  beforeAll(async () => {
    stage = await openStage();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const item = (name: RegExp) => page.getByRole('contentinfo').getByRole('button', { name });

  it('says what it is, what the other would do, and switches after the question', async () => {
    await item(/^Online/).click();
    const panel = page.getByRole('dialog', { name: 'Runtime profile' });
    await panel.getByText('This node is online.').waitFor();
    await panel.getByText('None since the agent started.').waitFor();
    await expectAccessible(page);
    await panel.getByRole('button', { name: 'Go offline…' }).click();
    const question = page.getByRole('dialog', { name: 'Go offline?' });
    await question.getByRole('button', { name: 'Stay online' }).waitFor();
    await expectAccessible(page);
    await question.getByRole('button', { name: 'Go offline', exact: true }).click();
    await item(/^Offline/).waitFor();
    const { profile } = await stage.agent.call(ENDPOINTS.getProfile, {});
    expect(profile).toBe('offline');
  });

  it('opens from the palette and closes with Escape', async () => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('runtime profile');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Runtime profile' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Runtime profile' }).waitFor({ state: 'detached' });
    await expect.poll(() => page.getByRole('dialog').count(), { timeout: 15_000 }).toBe(0);
  });

  it('stands in the settings too', async () => {
    await page.goto(`${stage.agent.url}/settings#network`);
    await page.getByRole('heading', { name: 'Network' }).waitFor();
    await page.getByRole('main').getByText('This node is offline.').waitFor();
    await expect
      .poll(() => page.getByRole('button', { name: 'Go online…' }).count(), { timeout: 15_000 })
      .toBe(1);
    await expectAccessible(page);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});

describe('a profile that the environment locks', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ env: { MODELOPS_PROFILE: 'offline' } });
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it('says by what, and that it cannot be switched here', async () => {
    const page = await stage.page();
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /^Offline/ })
      .click();
    const panel = page.getByRole('dialog', { name: 'Runtime profile' });
    await panel.getByText('Locked offline by MODELOPS_PROFILE', { exact: false }).first().waitFor();
    const go = panel.getByRole('button', { name: 'Go online…' });
    await expect.poll(() => go.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    await expectAccessible(page);
  });
});
