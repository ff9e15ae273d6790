import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Every screen with nothing, for machines (axe) and for people (pictures), both themes and sizes. */
describe('an empty node', () => {
  let stage: Stage;
  let page: Page;
  beforeAll(async () => {
    stage = await openStage();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it.each([
    ['overview', '/', 'Nothing is served yet.'],
    ['models', '/models', 'No models.'],
    ['slots', '/slots', 'No slots.'],
    ['playground', '/playground', 'Nothing can be called yet'],
    ['usage', '/usage', 'No call from'],
    ['groups', '/access/groups', 'No groups.'],
    ['credentials', '/credentials', 'No credentials.'],
    ['settings', '/settings', 'Data directory'],
  ])('%s', async (name, path, shown) => {
    await page.goto(stage.agent.url + path);
    await page.getByRole('main').getByText(shown, { exact: false }).first().waitFor();
    expect(await keep(page, `empty-${name}`)).toEqual([]);
  });

  it('add a model', async () => {
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('button', { name: 'Add a model…' }).first().click();
    await page.getByLabel('Path on the machine of the agent').waitFor();
    expect(await keep(page, 'empty-add-model')).toEqual([]);
  });

  it('a page that is not there', async () => {
    await page.goto(`${stage.agent.url}/models/nobody-v1`);
    await page.getByRole('heading', { name: 'Nothing here by that name' }).waitFor();
    expect(await keep(page, 'unknown-id')).toEqual([]);
  });

  it('sign-in', async () => {
    const stranger = await stage.browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
    const other = await stranger.newPage();
    await other.goto(stage.agent.url);
    await other.getByLabel('Sign-in link or key').waitFor();
    expect(await keep(other, 'sign-in')).toEqual([]);
    await stranger.close();
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
