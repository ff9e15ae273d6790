import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { governNode, type GovernedNode } from './support/governed-node.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The screens about people, keys, credentials and calls, full, for machines (axe) and for people (pictures). */
describe('a node with people, keys, credentials and calls', () => {
  let stage: Stage;
  let page: Page;
  let node: GovernedNode;
  beforeAll(async () => {
    stage = await openStage();
    node = await governNode(stage.agent, stage.directory);
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
  });

  const at = async (path: string, shown: string): Promise<void> => {
    await page.goto(stage.agent.url + path);
    await page.getByRole('main').getByText(shown, { exact: false }).first().waitFor();
  };
  const closeDialog = async (): Promise<void> => {
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };

  it('people, groups and one of each', async () => {
    await at('/access/people', 'anna.weber');
    expect(await keep(page, 'access-people')).toEqual([]);
    await page.getByRole('row', { name: /anna\.weber/ }).focus();
    await page.keyboard.press('Space');
    await page.getByRole('complementary').waitFor();
    expect(await keep(page, 'access-people-peek')).toEqual([]);
    await page.getByRole('button', { name: 'Add a person…' }).click();
    await page.getByRole('dialog').getByLabel('Name shown').waitFor();
    expect(await keep(page, 'access-person-add')).toEqual([]);
    await closeDialog();
    await at(`/access/people/${node.anna}`, 'laptop');
    expect(await keep(page, 'access-person')).toEqual([]);
    await at('/access/groups', 'analysts');
    expect(await keep(page, 'access-groups')).toEqual([]);
    await at(`/access/groups/${node.analysts}`, 'anna.weber');
    expect(await keep(page, 'access-group')).toEqual([]);
  });

  it('keys, one key, and a new one', async () => {
    await at('/access/keys', 'ci-nightly');
    expect(await keep(page, 'access-keys')).toEqual([]);
    await at(`/access/keys/${node.nightly.id}`, 'Rights and limits');
    expect(await keep(page, 'access-key')).toEqual([]);
    await page.getByRole('button', { name: 'Revoke…' }).click();
    await page.getByRole('dialog').getByText('401', { exact: false }).waitFor();
    expect(await keep(page, 'access-key-revoke')).toEqual([]);
    await closeDialog();
    await page.getByRole('button', { name: 'Rotate…' }).click();
    await page.getByRole('dialog').getByText('7 days').waitFor();
    expect(await keep(page, 'access-key-rotate')).toEqual([]);
    await closeDialog();
    await at('/access/keys', 'ci-nightly');
    await page.getByRole('button', { name: 'New key…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('backoffice');
    expect(await keep(page, 'access-key-new')).toEqual([]);
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.getByRole('button', { name: 'I have copied it' }).waitFor();
    expect(await keep(page, 'access-key-once')).toEqual([]);
    await page.getByRole('button', { name: 'I have copied it' }).click();
  });

  it('why somebody can call one model and not another', async () => {
    await at(`/access/explain?who=${node.anna}&model=${node.local.id}`, 'call qwen3-8b-instruct v1');
    expect(await keep(page, 'access-explain')).toEqual([]);
  });

  it('credentials', async () => {
    await at('/credentials', 'parrot-prod');
    expect(await keep(page, 'credentials')).toEqual([]);
    await at(`/credentials/${node.works.id}`, 'gpt-parrot');
    expect(await keep(page, 'credential')).toEqual([]);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Revoke…' }).click();
    await page.getByRole('dialog').getByText('Becomes inactive now', { exact: false }).waitFor();
    expect(await keep(page, 'credential-revoke')).toEqual([]);
    await closeDialog();
    await at(`/credentials/${node.fails.id}`, 'did not take it');
    expect(await keep(page, 'credential-fails')).toEqual([]);
    await at('/credentials', 'parrot-prod');
    await page.getByRole('button', { name: 'Add a credential…' }).click();
    await page.getByRole('dialog').getByLabel('Base address').fill(node.provider.baseUrl);
    await page.getByRole('dialog').getByLabel('Key of the provider').fill(node.provider.key);
    await page.keyboard.press('Enter');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Allow 127/ })
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Test' }).click();
    await page.getByRole('dialog').getByText('The provider took it', { exact: false }).waitFor();
    expect(await keep(page, 'credential-add')).toEqual([]);
    await closeDialog();
  });

  it('usage', async () => {
    await at('/usage?range=90', 'By model');
    await page.getByRole('row', { name: /ci-nightly/ }).waitFor();
    expect(await keep(page, 'usage')).toEqual([]);
    await at('/usage?as=table', 'Prompt tokens');
    expect(await keep(page, 'usage-table')).toEqual([]);
    await at('/usage/calls', 'ci-nightly');
    expect(await keep(page, 'usage-calls')).toEqual([]);
  });

  it('what waits, and the way offline', async () => {
    await at('/', 'Waits for you');
    await page.locator('[data-waits^="credential:"]').waitFor();
    expect(await keep(page, 'overview-access')).toEqual([]);
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /^Online/ })
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Go offline…' }).click();
    await page.getByRole('dialog', { name: 'Go offline?' }).getByRole('listitem').first().waitFor();
    expect(await keep(page, 'profile-offline')).toEqual([]);
    await page.getByRole('button', { name: 'Go offline', exact: true }).click();
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /^Offline/ })
      .waitFor();
    await stage.agent.call(ENDPOINTS.probeCredential, { params: { id: node.works.id } }).catch(() => null);
    await page
      .getByRole('contentinfo')
      .getByRole('button', { name: /1 refused/ })
      .click();
    await page.getByRole('dialog').getByRole('table').waitFor();
    expect(await keep(page, 'profile-refused')).toEqual([]);
    await page.keyboard.press('Escape');
    await at('/settings#network', 'Network');
    await page.getByRole('table', { name: 'Refused attempts' }).waitFor();
    expect(await keep(page, 'settings-network')).toEqual([]);
    await at('/credentials', 'This node is offline');
    expect(await keep(page, 'credentials-offline')).toEqual([]);
  });

  it('a narrow window', async () => {
    await page.setViewportSize({ width: 640, height: 800 });
    for (const [path, shown] of [
      ['/access/people', 'anna.weber'],
      ['/access/keys', 'ci-nightly'],
      ['/credentials', 'parrot-prod'],
      ['/usage?range=90', 'By model'],
    ] as const) {
      await at(path, shown);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect(wide).toBe(false);
      await page.screenshot({
        path: `test-results/screenshots/narrow${path.replaceAll(/[/?=]/g, '-')}.png`,
        animations: 'disabled',
      });
    }
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
