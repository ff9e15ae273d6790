import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { activateCloudModel, addCloudModel, keyFor } from '../support/cloud.ts';
import { expectAccessible, openContext } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Credentials of providers: tried before they are kept, and what ends with them. */
describe('credentials', () => {
  let stage: Stage;
  let page: Page;
  let provider: ProviderDouble;
  beforeAll(async () => {
    provider = await startProvider();
    stage = await openStage();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await provider?.close();
  });

  const dialog = () => page.getByRole('dialog');

  it('says what they are for', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.getByText('No credentials. Cloud models need one.').waitFor();
    await expect
      .poll(() => page.getByRole('button', { name: 'Add a credential…' }).count(), { timeout: 15_000 })
      .toBe(1);
  });

  it('tries one first, and offers to allow the private range it is refused for', async () => {
    await page.getByRole('button', { name: 'Add a credential…' }).click();
    await dialog().getByLabel('Name', { exact: true }).fill('parrot-prod');
    await dialog().getByLabel('Base address').fill(provider.baseUrl);
    await dialog().getByLabel('Key of the provider').fill('sk-wrong');
    await page.keyboard.press('Enter');
    await dialog().getByText('it lies in 127.0.0.0/8', { exact: false }).waitFor();
    await expectAccessible(page);
    expect(provider.requests).toHaveLength(0);
    await dialog().getByRole('button', { name: 'Allow 127.0.0.0/8' }).click();
    await expect
      .poll(() => dialog().getByLabel('Ranges').inputValue(), { timeout: 15_000 })
      .toBe('127.0.0.0/8');
  });

  it('shows the answer of the provider, and keeps it only after a good one', async () => {
    await dialog().getByRole('button', { name: 'Test', exact: true }).click();
    await dialog().getByText('The provider did not take it: 401.').waitFor();
    await dialog().getByRole('button', { name: 'Save without a good answer' }).waitFor();
    await dialog().getByLabel('Key of the provider').fill(provider.key);
    await expect
      .poll(() => dialog().getByRole('button', { name: 'Save' }).count(), { timeout: 15_000 })
      .toBe(0);
    await page.keyboard.press('Enter');
    await dialog().getByText('The provider took it: 200', { exact: false }).waitFor();
    await expectAccessible(page);
    const { credentials } = await stage.agent.call(ENDPOINTS.listCredentials, {});
    expect(credentials).toEqual([]);
    await dialog().getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'parrot-prod' }).waitFor();
    await expect.poll(() => page.getByText(provider.key).count(), { timeout: 15_000 }).toBe(0);
  });

  it('asks again, and replaces a key that is not taken any more', async () => {
    provider.rotate('sk-double-of-tomorrow');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('The provider did not take it: 401.', { exact: false }).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Replace the key…' }).click();
    await dialog().getByLabel('Key of the provider').fill('sk-double-of-tomorrow');
    await dialog().getByRole('button', { name: 'Test' }).click();
    await dialog().getByText('The provider took it: 200', { exact: false }).waitFor();
    await dialog().getByRole('button', { name: 'Replace', exact: true }).click();
    await dialog().waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('works', { exact: true }).waitFor();
    const { credentials } = await stage.agent.call(ENDPOINTS.listCredentials, {});
    expect(credentials[0]).toMatchObject({ version: 2, api_key_last4: 'rrow' });
  });

  it('names what becomes inactive before it is revoked', async () => {
    const id = page.url().split('/').at(-1) ?? '';
    const model = await addCloudModel(stage.agent.call, id);
    await activateCloudModel(stage.agent.call, model.id);
    await page.getByRole('table', { name: 'Models that use it' }).getByText('parrot v1').waitFor();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Revoke…' }).click();
    await dialog().getByText('Becomes inactive now: parrot v1.').waitFor();
    await expectAccessible(page);
    await dialog().getByRole('button', { name: 'Revoke and deactivate 1' }).click();
    await page.getByText('It was revoked', { exact: false }).waitFor();
    const { model: after } = await stage.agent.call(ENDPOINTS.getModel, { params: { id: model.id } });
    expect(after.lifecycle_state).toBe('inactive');
  });

  it('shows a user his own, and says plainly when the node is offline', async () => {
    const { token, call } = await keyFor(stage.agent, 'reader', 'user');
    await call(ENDPOINTS.createCredential, {
      body: { provider: 'openai', display_name: 'mine', api_key: 'sk-of-the-reader' },
    });
    await stage.agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    const { context } = await openContext(stage.browser);
    const own = await context.newPage();
    await own.goto(stage.agent.url);
    await own.getByLabel('Sign-in link or key').fill(token);
    await own.keyboard.press('Enter');
    await own.getByRole('link', { name: 'Credentials' }).click();
    await own.getByRole('row', { name: /mine/ }).waitFor();
    await expect.poll(() => own.getByRole('row').count(), { timeout: 15_000 }).toBe(2);
    await own.getByText('This node is offline: no provider is asked', { exact: false }).waitFor();
    await expect.poll(() => own.getByRole('link', { name: 'Access' }).count(), { timeout: 15_000 }).toBe(0);
    await expectAccessible(own);
    await own.goto(`${stage.agent.url}/access/keys`);
    await own.getByText('This page needs the role superadmin. You are signed in as user.').waitFor();
    await context.close();
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
