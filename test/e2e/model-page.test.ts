import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Credential } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { importModel } from '../support/agent.ts';
import { addCredential, keyFor } from '../support/cloud.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible, shoot } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The page of a model: what people say about it, who sees it, its files and its family; each change as the agent then has it. */
describe('the page of a local model', () => {
  let stage: Stage;
  let page: Page;
  let analyst: string;

  beforeAll(async () => {
    stage = await openStage();
    const { agent, directory } = stage;
    for (const said of ['first', 'second']) {
      const file = await writeSpeakingModel(join(directory, `${said}.gguf`), said);
      await importModel(agent, file, { name: 'alpha' });
    }
    analyst = (await keyFor(agent, 'ci-nightly', 'user')).principalId;
    const { group } = await agent.call(ENDPOINTS.createGroup, { body: { name: 'analysts' } });
    await agent.call(ENDPOINTS.putGroupMember, { params: { id: group.id, principal_id: analyst } });
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const open = async (id: string, tab = ''): Promise<void> => {
    await page.goto(`${stage.agent.url}/models/${id}${tab === '' ? '' : `/${tab}`}`);
    await page.getByRole('heading', { level: 1, name: 'alpha' }).waitFor();
  };
  const section = (name: string): Locator => page.getByRole('region', { name, exact: true });
  const edit = async (name: string): Promise<Locator> => {
    await page.getByRole('button', { name: `Edit: ${name}` }).click();
    return section(name);
  };
  const model = async (id: string) => (await stage.agent.call(ENDPOINTS.getModel, { params: { id } })).model;

  it('is described in its place, and a change can be taken back', async () => {
    await open('alpha-v1');
    const about = await edit('Description');
    await about.getByRole('textbox').fill('Knows one sentence.');
    await about.getByRole('button', { name: 'Save' }).click();
    await about.getByText('Knows one sentence.').waitFor();
    await page.getByText('alpha v1 is changed.').waitFor();
    expect((await model('alpha-v1')).description).toBe('Knows one sentence.');
    await page.getByRole('button', { name: 'Undo' }).click();
    await about.getByText('None.').waitFor();
    await expect.poll(async () => (await model('alpha-v1')).description).toBe('');
  });

  it('is tagged and annotated', async () => {
    await open('alpha-v1');
    const tags = await edit('Tags');
    await tags.getByRole('textbox').or(tags.getByRole('combobox')).first().fill('prod');
    await page.keyboard.press('Enter');
    await tags.getByRole('button', { name: 'Save' }).click();
    await tags.getByRole('listitem').filter({ hasText: 'prod' }).waitFor();
    const pairs = await edit('Annotations');
    await pairs.getByRole('button', { name: 'Add one' }).click();
    await pairs.getByLabel('Name of annotation 1').fill('cost-centre');
    await pairs.getByLabel('Value of annotation 1').fill('4711');
    await expectAccessible(page);
    await pairs.getByRole('button', { name: 'Save' }).click();
    await pairs.getByText('4711').waitFor();
    const after = await model('alpha-v1');
    expect([after.tags, after.annotations]).toEqual([['prod'], { 'cost-centre': '4711' }]);
  });

  it('tells the loser of a race, who keeps his text', async () => {
    await open('alpha-v1');
    const about = await edit('Description');
    await about.getByRole('textbox').fill('mine');
    const { rev } = await model('alpha-v1');
    await stage.agent.call(
      ENDPOINTS.patchModel,
      { params: { id: 'alpha-v1' }, body: { description: 'theirs' } },
      { ifMatch: rev },
    );
    await about.getByRole('button', { name: 'Save' }).click();
    const alert = about.getByRole('alert');
    await alert.getByText(/Changed by admin .* Your change was not made\./).waitFor();
    await alert.getByRole('button', { name: 'Show what changed' }).click();
    await alert.getByText('theirs').waitFor();
    await shoot(page, 'model-conflict');
    await expectAccessible(page);
    await alert.getByRole('button', { name: 'Make my change now' }).click();
    await about.getByText('mine', { exact: true }).waitFor();
    expect((await model('alpha-v1')).description).toBe('mine');
  });

  it('belongs to a family with a card and aliases that move', async () => {
    await open('alpha-v1');
    const card = await edit('Card');
    await card.getByRole('textbox').fill('# What it is\n\n- **tiny**\n\n<script>alert(1)</script>');
    await card.getByRole('button', { name: 'Preview' }).click();
    await card.getByRole('heading', { name: 'What it is' }).waitFor();
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByRole('listitem').filter({ hasText: 'tiny' }).waitFor();
    await page.getByLabel('New alias').fill('latest-prod');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('row', { name: /latest-prod v1/ }).waitFor();
    await shoot(page, 'model-overview-edited');
    await expectAccessible(page);
    await open('alpha-v2');
    await page.getByRole('button', { name: 'Move latest-prod to v2' }).click();
    await page.getByRole('row', { name: /latest-prod v2/ }).waitFor();
    // The page shows it before the agent answered.
    const aliases = async () =>
      (await stage.agent.call(ENDPOINTS.getFamily, { params: { name: 'alpha' } })).model.aliases.map(
        ({ alias, seq }) => [alias, seq],
      );
    await expect.poll(aliases).toEqual([['latest-prod', 2]]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('row', { name: /latest-prod v1/ }).waitFor();
    await page.getByRole('button', { name: 'Remove latest-prod' }).click();
    await page.locator('[data-row="latest-prod"]').waitFor({ state: 'detached' });
    await expect.poll(aliases).toEqual([]);
  });

  it('says what is missing for somebody else', async () => {
    await open('alpha-v1');
    await page.getByRole('combobox', { name: 'For whom' }).click();
    await page.getByRole('option', { name: /ci-nightly/ }).click();
    await page.getByText('Visible to ci-nightly').waitFor();
    await expect.poll(() => new URL(page.url()).searchParams.get('as'), { timeout: 15_000 }).toBe(analyst);
    await shoot(page, 'model-as-somebody');
    await expectAccessible(page);
  });

  it('is shown to a group after it was said to how many, and explained for one of them', async () => {
    await open('alpha-v1', 'access');
    await page.getByText('everyone on this node').first().waitFor();
    await page
      .getByRole('combobox', { name: 'Visible to' })
      .or(page.getByLabel('Visible to'))
      .first()
      .click();
    await page.getByRole('option', { name: 'only its owner' }).click();
    await page.getByRole('button', { name: 'Change…' }).click();
    let dialog = page.getByRole('dialog');
    await dialog
      .getByText('superadmins see every model', { exact: false })
      .or(dialog.getByText('Superadmins'))
      .first()
      .waitFor();
    await dialog.getByRole('button', { name: 'Show to its owner' }).click();
    await page.getByText('alpha v1 is visible to only its owner.').waitFor();
    await page.getByRole('combobox', { name: 'Explain for whom' }).click();
    await page.getByRole('option', { name: /ci-nightly/ }).click();
    await page.locator('[data-rung="visible"][data-step="blocked"]').waitFor();

    await page.getByRole('combobox', { name: 'Visible to' }).click();
    await page.getByRole('option', { name: 'groups' }).click();
    await page.getByRole('combobox', { name: 'Groups' }).click();
    await page.getByRole('option', { name: /analysts/ }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Change…' }).click();
    dialog = page.getByRole('dialog', { name: 'Show alpha v1 to these groups?' });
    await dialog.getByText('group analysts: 2 people and services', { exact: false }).waitFor();
    await shoot(page, 'model-access-confirm');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Show to these groups' }).click();
    await page.getByRole('row', { name: /ci-nightly .* group analysts/ }).waitFor();
    expect((await model('alpha-v1')).visibility_scope).toBe('group');
    await page.getByRole('button', { name: 'Explain for ci-nightly' }).click();
    await page.locator('[data-rung="visible"][data-step="met"]').waitFor();
    await shoot(page, 'model-access');
    await expectAccessible(page);
  });

  it('gives its files away byte for byte, and tells what the validators found in them', async () => {
    await open('alpha-v1', 'artifacts');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save model.gguf' }).click(),
    ]);
    const bytes = await readFile(await download.path());
    const [file] = (await model('alpha-v1')).artifact?.files ?? [];
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file?.sha256);
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.getByRole('row', { name: /Files are what was stored/ }).waitFor();
    await shoot(page, 'model-hazards');
    await expectAccessible(page);
    await page.getByRole('tab', { name: 'Validation' }).click();
    await page.getByRole('row', { name: /Files are what was stored/ }).waitFor();
  });

  it('tells in its history what was before and after', async () => {
    await open('alpha-v1', 'history');
    await page.getByRole('row', { name: /registered.*created → registered/ }).waitFor();
    await page.getByRole('button', { name: 'Details' }).first().click();
    const details = page.getByRole('region', { name: 'Details' });
    await expect.poll(() => details.textContent(), { timeout: 15_000 }).toContain('"hash"');
    await shoot(page, 'model-history-details');
    await expectAccessible(page);
  });

  it('goes with its whole family, once nothing of it is managed', async () => {
    await open('alpha-v1');
    await page.getByRole('button', { name: 'Delete alpha with all its versions…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete alpha with its 2 models?' });
    await dialog.getByText('Only what is unregistered can go.', { exact: false }).waitFor();
    const verb = dialog.getByRole('button', { name: /^Delete/ });
    await expect.poll(() => verb.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    await shoot(page, 'family-delete-blocked');
    await expectAccessible(page);
    for (const id of ['alpha-v1', 'alpha-v2'])
      await stage.agent.call(ENDPOINTS.unregisterModel, { params: { id } });
    await dialog.getByText('These go, with the files', { exact: false }).waitFor();
    await dialog.getByLabel('Type alpha to go on').fill('alpha');
    await shoot(page, 'family-delete');
    await verb.click();
    await page.getByText('alpha is deleted: 2 models', { exact: false }).waitFor();
    await page.getByText('No models.', { exact: false }).waitFor();
    expect((await stage.agent.call(ENDPOINTS.listFamilies, {})).models).toEqual([]);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});

describe('a model of a provider', () => {
  let stage: Stage;
  let provider: ProviderDouble;
  let credential: Credential;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    provider = await startProvider();
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await provider?.close();
  });

  const addDialog = async (): Promise<Locator> => {
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('button', { name: 'Add a model…' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Add a model' });
    await dialog.getByText('Provider', { exact: true }).click();
    return dialog;
  };

  it('needs a credential first, and leads to making one', async () => {
    const dialog = await addDialog();
    await dialog.getByText('No credentials. Cloud models need one.').waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Add a credential…' }).click();
    await page.getByRole('dialog', { name: /credential/i }).waitFor();
    await page.keyboard.press('Escape');
    credential = await addCredential(stage.agent, provider, { scope: 'platform' });
    expect(credential.is_active).toBe(true);
  });

  it('is chosen from what the provider offers, and added', async () => {
    const dialog = await addDialog();
    const field = dialog.getByRole('combobox', { name: 'Find a model of the provider' });
    await dialog.getByRole('option', { name: /parrot-large/ }).waitFor();
    await field.fill('parrot-em');
    await dialog.getByRole('option', { name: /parrot-large/ }).waitFor({ state: 'detached' });
    await field.press('ArrowDown');
    await field.press('Enter');
    await expect.poll(() => field.inputValue(), { timeout: 15_000 }).toBe('parrot-embed');
    await expect
      .poll(() => dialog.getByLabel('Name here').inputValue(), { timeout: 15_000 })
      .toBe('parrot-embed');
    await field.fill('parrot-large');
    await dialog.getByRole('option', { name: /parrot-large/ }).click();
    await shoot(page, 'add-provider');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Add parrot-large' }).click();
    await page.getByRole('heading', { level: 1, name: 'parrot-large' }).waitFor();
    await page.getByText('What is missing until this can be invoked').waitFor();
    await page.getByText('Tested at the provider').waitFor();
    await shoot(page, 'model-cloud');
    await expectAccessible(page);
  });

  it('is tested without a slot, validated and activated; the validation says when it expires', async () => {
    await page.getByRole('tab', { name: 'Test' }).click();
    await page.getByRole('button', { name: 'Run the test' }).click();
    await page.getByText('I am parrot-large', { exact: false }).first().waitFor();
    await shoot(page, 'model-cloud-test');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Use as validation' }).click();
    await page.getByText('Taken as the validation.').waitFor();
    await page.getByRole('tab', { name: 'Validation' }).click();
    await page.getByText(/in 2[34] h, renews itself/).waitFor();
    await shoot(page, 'model-cloud-validation');
    await expectAccessible(page);
    await page.getByRole('tab', { name: 'Overview' }).click();
    await page.getByRole('button', { name: 'Activate' }).first().click();
    await page.getByText('You can call it now.').waitFor();
    const { model } = await stage.agent.call(ENDPOINTS.getModel, { params: { id: 'parrot-large-v1' } });
    expect([model.lifecycle_state, model.is_validation_current]).toEqual(['active', true]);
  });

  it('is counted: calls, tokens and keys, and the same as a file', async () => {
    for (const content of ['Hello', 'Again'])
      await stage.agent.request('POST', '/v1/chat/completions', {
        body: { model: 'parrot-large-v1', messages: [{ role: 'user', content }] },
      });
    await page.getByRole('tab', { name: 'Usage' }).click();
    await page.getByText('By day').first().waitFor();
    await page.getByRole('table', { name: 'By key' }).waitFor();
    await shoot(page, 'model-usage');
    await expectAccessible(page);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as CSV' }).click(),
    ]);
    const text = await readFile(await download.path(), 'utf8');
    expect(text).toContain('parrot-large-v1');
  });

  it('gets another credential, which makes its validation stale', async () => {
    const other = await addCredential(stage.agent, provider, { scope: 'platform', name: 'spare' });
    expect(other.id).not.toBe(credential.id);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Replace the credential…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Credential', { exact: true }).click();
    await page.getByRole('option', { name: /spare/ }).click();
    await shoot(page, 'replace-credential');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
    await page.locator('[data-state="validation.stale"]').first().waitFor();
    await page.locator('[data-state="lifecycle.inactive"]').first().waitFor();
  });

  it('can be added offline by its name, and the dialog says what is off', async () => {
    await stage.agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    const dialog = await addDialog();
    await dialog
      .getByRole('combobox', { name: 'Credential' })
      .or(dialog.getByLabel('Credential'))
      .first()
      .click();
    await page.getByRole('option', { name: /spare/ }).click();
    await dialog.getByText('This node is offline', { exact: false }).waitFor();
    await dialog.getByRole('combobox', { name: 'Find a model of the provider' }).fill('parrot-small');
    await shoot(page, 'add-provider-offline');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Add parrot-small' }).click();
    await page.getByRole('heading', { level: 1, name: 'parrot-small' }).waitFor();
    await page.getByText('this node is offline', { exact: false }).first().waitFor();
    await expect
      .poll(() => page.locator('[data-rung="profile"]').getAttribute('data-step'), { timeout: 15_000 })
      .toBe('blocked');
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
