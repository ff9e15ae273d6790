import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

describe('finding one’s way', () => {
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    for (const name of ['alpha', 'beta', 'gamma'])
      await importModel(stage.agent, await writeSpeakingModel(join(stage.directory, `${name}.gguf`), name), {
        name,
      });
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const heading = (name: string): Promise<void> =>
    page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  const path = (): string => new URL(page.url()).pathname;

  it('by an address: every screen and tab has one', async () => {
    for (const [address, name] of [
      ['/models', 'Models'],
      ['/models/alpha-v1', 'alpha'],
      ['/slots', 'Slots'],
      ['/playground', 'Playground'],
      ['/doctor', 'Doctor'],
      ['/settings', 'Settings'],
    ] as const) {
      await page.goto(stage.agent.url + address);
      await heading(name);
    }
    await page.goto(`${stage.agent.url}/models/alpha-v1/history`);
    await page.getByRole('tab', { name: 'History', selected: true }).waitFor();
    await page.getByRole('tab', { name: 'Artifacts' }).click();
    await expect.poll(() => path(), { timeout: 15_000 }).toBe('/models/alpha-v1/artifacts');
    await page.goBack();
    await page.getByRole('tab', { name: 'History', selected: true }).waitFor();
  });

  it('by an address that leads nowhere: one page for unknown and invisible', async () => {
    for (const address of [
      '/models/nobody-v1',
      '/slots/nowhere',
      '/jobs/none',
      '/no/such/place',
      '/models/alpha-v1/nothing',
    ]) {
      await page.goto(stage.agent.url + address);
      await heading('Nothing here by that name');
    }
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    const input = page.getByRole('combobox', { name: 'Search and commands' });
    await input.waitFor();
    await page.keyboard.press('Escape');
    await input.waitFor({ state: 'detached' });
    await expect.poll(() => path(), { timeout: 15_000 }).toBe('/models/alpha-v1/nothing');
  });

  it('by a filter that stands in the address', async () => {
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('row', { name: /gamma/ }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('beta');
    await page.getByRole('row', { name: /gamma/ }).waitFor({ state: 'detached' });
    await expect.poll(() => new URL(page.url()).search, { timeout: 15_000 }).toContain('beta');
    await page.reload();
    await page.getByRole('row', { name: /beta/ }).waitFor();
    await expect.poll(() => page.getByRole('row', { name: /alpha/ }).count(), { timeout: 15_000 }).toBe(0);
    await page.getByRole('searchbox').fill('state:active');
    await page.getByText('No model matches state:active.').waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await page.getByRole('row', { name: /alpha/ }).waitFor();
  });

  it('by keys: the list is walked, peeked into, selected and opened without a mouse', async () => {
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('row', { name: /alpha/ }).focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Space');
    await page.getByRole('complementary', { name: 'Summary of beta v1' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('complementary', { name: 'Summary of gamma v1' }).waitFor();
    await page.keyboard.press('x');
    await page.keyboard.press('Shift+ArrowUp');
    await page.getByText('2 selected').waitFor();
    // The topmost layer first, then the selection.
    await page.keyboard.press('Escape');
    await page.getByRole('complementary', { name: /Summary/ }).waitFor({ state: 'detached' });
    await page.getByText('2 selected').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('2 selected').waitFor({ state: 'detached' });
    await page.keyboard.press('.');
    await page.getByRole('menuitem', { name: 'Open the page' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: /beta/ }).focus();
    await page.keyboard.press('Enter');
    await heading('beta');
    await expect.poll(() => path(), { timeout: 15_000 }).toBe('/models/beta-v1');
  });

  it('by chords and the sheet that lists them', async () => {
    for (const [key, name] of [
      ['s', 'Slots'],
      ['p', 'Playground'],
      ['d', 'Doctor'],
      [',', 'Settings'],
      ['m', 'Models'],
      ['o', 'Overview'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await heading(name);
    }
    await expect.poll(() => path(), { timeout: 15_000 }).toBe('/');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Alt+KeyJ');
    const tray = page.getByRole('region', { name: 'Jobs' });
    await tray.getByText('Import alpha').waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await tray.waitFor({ state: 'detached' });
  });

  it('by the palette: what is open can be acted on, and a refusal says why', async () => {
    await page.goto(`${stage.agent.url}/models/alpha-v1`);
    await heading('alpha');
    await page.keyboard.press('Control+k');
    const input = page.getByRole('combobox', { name: 'Search and commands' });
    await input.fill('> activate');
    const refused = page.getByRole('option', { name: /Activate alpha v1/ });
    await refused.waitFor();
    await expect.poll(() => refused.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    await expect
      .poll(() => refused.textContent(), { timeout: 15_000 })
      .toContain('has to be validated or inactive');
    await expectAccessible(page);
    await input.fill('gamma');
    await page.getByRole('option', { name: /gamma v1/ }).waitFor();
    await page.keyboard.press('Enter');
    await heading('gamma');
    await page.keyboard.press('Control+k');
    await input.fill('? doc');
    await page.getByRole('option', { name: /Doctor/ }).waitFor();
    await page.keyboard.press('Enter');
    await heading('Doctor');
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
