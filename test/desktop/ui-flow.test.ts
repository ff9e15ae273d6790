import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { shoot } from '../e2e/support/browser.ts';
import { cli } from '../support/process.ts';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { openWorkplace, type Desktop } from './harness.ts';

/** The app as a person uses it: what the browser has too, with the app's own dialogs, tray and way back to an agent. */

const WAIT_MS = 30_000;

/** What the page complains about, but for refused requests, which the browser prints each. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) complaints.push(text);
  });
  return complaints;
}

async function addModel(page: Page, desktop: Desktop, path: string): Promise<void> {
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByRole('button', { name: 'Add a model…' }).first().click();
  const dialog = page.getByRole('dialog');
  await desktop.command({ op: 'choose', paths: [path] });
  await dialog.getByRole('button', { name: 'File…' }).click();
  await dialog.getByText('What would come').waitFor();
  expect(await dialog.getByLabel('Path on the machine of the agent').inputValue()).toBe(path);
  await shoot(page, 'desktop-add-model', ['laptop']);
  await dialog.getByRole('button', { name: /^Import/ }).click();
  await dialog.getByText('alpha v1 is here and registered.').waitFor();
  await dialog.getByRole('button', { name: 'Open alpha v1' }).click();
  await page.getByRole('heading', { level: 1, name: 'alpha' }).waitFor();
}

async function serveIt(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Slots', exact: true }).click();
  await page.getByRole('button', { name: 'New slot' }).first().click();
  await page.getByRole('dialog').getByLabel('Name').fill('chat-small');
  await page.getByRole('dialog').getByRole('button', { name: 'Make the slot' }).click();
  await page.getByRole('heading', { level: 1, name: 'chat-small' }).waitFor();
  await page.getByRole('button', { name: 'Load…' }).click();
  await page.getByRole('dialog').getByLabel('Model').click();
  await page.getByRole('option', { name: 'alpha v1, registered' }).click();
  await page.getByLabel('Then test, validate and activate it').check();
  await page.getByRole('dialog').getByRole('button', { name: 'Load', exact: true }).click();
  await page.locator('[data-state="load.loaded"]').first().waitFor();
}

async function chat(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Playground', exact: true }).click();
  await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
  // Loaded is not active yet: the job goes on to test, validate and activate it.
  await page.locator('button:not([aria-disabled="true"])', { hasText: 'Send' }).waitFor();
  await page.keyboard.press('Control+Enter');
  await page.locator('[data-answer]').getByText(sentenceOf('alpha')).waitFor();
  await page.locator('[data-turn="done"]').waitFor();
  await shoot(page, 'desktop-playground', ['laptop']);
}

describe('the interface in the app', () => {
  it('takes a file from a dialog to an answer, and comes back to an agent that was stopped', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    page.setDefaultTimeout(WAIT_MS);
    const complaints = complaintsOf(page);
    // Nobody signs in: the app has a key of its own.
    await page.getByText('Nothing is served yet.').waitFor();
    await shoot(page, 'desktop-empty', ['laptop']);

    await addModel(page, desktop, await writeSpeakingModel(join(place.dataDir, 'alpha.gguf'), 'alpha'));
    await serveIt(page);
    await desktop.happened('tray', ({ view }) =>
      view.items.some(({ label }) => label.includes('serves alpha-v1')),
    );
    await chat(page);
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('All right: 1 slot serving', { exact: false }).waitFor();
    await shoot(page, 'desktop-serving', ['laptop']);

    expect((await cli(place.dataDir, ['stop'])).code).toBe(0);
    await page.getByRole('button', { name: 'Start the agent' }).first().waitFor();
    await shoot(page, 'desktop-agent-stopped', ['laptop']);
    await page.getByRole('button', { name: 'Start the agent' }).first().click();
    // What served before the stop serves again.
    await page.getByText('All right: 1 slot serving', { exact: false }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('opens on any of its pages', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start({ argv: ['modelops://settings/keys'] });
    const page = await desktop.page();
    await page.getByRole('navigation').first().waitFor({ timeout: WAIT_MS });
    await expect.poll(() => new URL(page.url()).pathname, { timeout: 15_000 }).toBe('/settings/keys');
  });
});
