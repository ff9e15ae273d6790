import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** People, groups, keys and the reasons, as a superadmin works with them. */
describe('access', () => {
  let stage: Stage;
  let page: Page;
  beforeAll(async () => {
    stage = await openStage();
    await importModel(stage.agent, await writeSpeakingModel(join(stage.directory, 'alpha.gguf'), 'alpha'));
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const personId = async (name: string): Promise<string> => {
    const { principals } = await stage.agent.call(ENDPOINTS.listPrincipals, { query: { q: name } });
    const found = principals.find((principal) => principal.name === name);
    if (found === undefined) throw new Error(`nobody is called ${name}`);
    return found.id;
  };

  it('adds a person with the keyboard alone', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.getByRole('tab', { name: 'People and services', selected: true }).waitFor();
    await page.getByRole('button', { name: 'Add a person…' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Name', { exact: true }).waitFor();
    await page.keyboard.type('Anna Weber');
    await page.getByText('Use lower-case letters', { exact: false }).first().waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('anna.weber');
    await expectAccessible(page);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'anna.weber' }).waitFor();
    expect(await personId('anna.weber')).toBe(page.url().split('/').at(-1));
  });

  it('puts her into a group that is made on the way, and takes her out', async () => {
    await page.goto(`${stage.agent.url}/access/groups`);
    await page.getByText('No groups.', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'New group…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('analysts');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'analysts' }).waitFor();
    await page.getByRole('combobox', { name: 'Put somebody in' }).fill('anna');
    await page.getByRole('option', { name: 'anna.weber, person' }).click();
    await page.getByRole('link', { name: 'anna.weber' }).waitFor();
    await expectAccessible(page);
    const { principal } = await stage.agent.call(ENDPOINTS.getPrincipal, {
      params: { id: await personId('anna.weber') },
    });
    expect(principal.groups.map((group) => group.name)).toEqual(['analysts']);
    await page.getByRole('button', { name: 'Take anna.weber out' }).click();
    await page.getByText('Nobody is in this group.').waitFor();
  });

  it('shows a new key once, and asks before it is left', async () => {
    await page.goto(`${stage.agent.url}/access/keys`);
    await page.getByRole('button', { name: 'New key…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('ci-nightly');
    await page.getByLabel('Tokens per day').fill('5000');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.getByRole('heading', { level: 1, name: 'New key ci-nightly' }).waitFor();
    const token = (await page.locator('main code').first().innerText()).trim();
    expect(token).toMatch(/^mok/);

    await page.getByRole('link', { name: 'Models' }).click();
    await page.getByRole('dialog', { name: 'Leave without copying the key?' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Stay' }).click();
    await page.getByText(token).waitFor();
    await expect.poll(() => new URL(page.url()).pathname, { timeout: 15_000 }).toBe('/access/keys');
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.getByRole('dialog', { name: 'Leave without copying the key?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByText(token).waitFor();

    await page.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('heading', { level: 1, name: 'ci-nightly' }).waitFor();
    await expect.poll(() => page.getByText(token).count(), { timeout: 15_000 }).toBe(0);
    const { key } = await stage.agent.as(token)(ENDPOINTS.getSession, {});
    expect(key).toMatchObject({ name: 'ci-nightly', role: 'user', daily_token_budget: 5000 });
    expect(key.scopes).toEqual(['invoke']);
  });

  it('rotates a key: both are shown, the old one with its end', async () => {
    await page.getByRole('button', { name: 'Rotate…' }).click();
    const dialog = page.getByRole('dialog', { name: /Rotate key ci-nightly/ });
    await dialog.getByText('7 days').click();
    await dialog.getByRole('button', { name: 'Rotate', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Key ci-nightly is rotated' }).waitFor();
    await page.getByText('Put the new one in its place before then.', { exact: false }).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('heading', { level: 1, name: 'ci-nightly' }).waitFor();
    const { keys } = await stage.agent.call(ENDPOINTS.listKeys, {});
    const pair = keys.filter((key) => key.name === 'ci-nightly');
    expect(pair.filter((key) => key.replaced_by !== null)).toHaveLength(1);
    expect(pair).toHaveLength(2);
  });

  it('edits the limits of a key', async () => {
    await page.getByRole('button', { name: 'Edit…' }).click();
    await page.getByLabel('Calls per minute').fill('none');
    await page.getByText('Give a whole number above 0, or nothing.').first().waitFor();
    await page.getByLabel('Calls per minute').fill('60');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('complementary').getByText('60', { exact: true }).waitFor();
    const { key } = await stage.agent.call(ENDPOINTS.getKey, {
      params: { id: page.url().split('/').at(-1) ?? '' },
    });
    expect(key.rate_limit_per_minute).toBe(60);
  });

  it('revokes a key after it said what that does', async () => {
    await page.getByRole('button', { name: 'Revoke…' }).click();
    const dialog = page.getByRole('dialog', { name: /Revoke key ci-nightly/ });
    await dialog.getByText('Calls with it get 401 from now on.', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Rotate instead' }).waitFor();
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('revoked', { exact: true }).first().waitFor();
    const revoke = page.getByRole('button', { name: 'Revoke…' });
    await expect.poll(() => revoke.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    await page.getByRole('tab', { name: 'History' }).click();
    await page.getByText('key revoked').waitFor();
  });

  it('explains who can call what', async () => {
    await page.goto(`${stage.agent.url}/access/explain`);
    await page.getByRole('combobox', { name: 'Who calls' }).fill('anna');
    await page.getByRole('option', { name: 'anna.weber' }).click();
    await page.getByRole('combobox', { name: 'Which model' }).click();
    await page.getByRole('option', { name: 'alpha v1' }).click();
    await page.getByRole('heading', { name: 'anna.weber cannot call alpha v1:' }).waitFor();
    await page.getByText('Visible to anna.weber', { exact: false }).waitFor();
    await expectAccessible(page);
    const here = page.url();
    await page.reload();
    await page.getByRole('heading', { name: 'anna.weber cannot call alpha v1:' }).waitFor();
    await expect.poll(() => page.url(), { timeout: 15_000 }).toBe(here);
  });

  it('disables and removes somebody, with the keys by name', async () => {
    const id = await personId('anna.weber');
    await stage.agent.call(ENDPOINTS.createKey, { body: { name: 'laptop', principal_id: id } });
    await page.goto(`${stage.agent.url}/access/people/${id}`);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Disable…' }).click();
    await page.getByRole('dialog').getByText('1 key (laptop', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByText('Disabled since', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Enable' }).click();
    await page.getByText('let in', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Remove…' }).click();
    await page.getByRole('dialog').getByText('1 key ends now: laptop', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('row', { name: /anna\.weber/ }).waitFor({ state: 'detached' });
    await expect.poll(() => new URL(page.url()).pathname, { timeout: 15_000 }).toBe('/access/people');
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
