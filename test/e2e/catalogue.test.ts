import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { startProvider, type ProviderDouble } from '../doubles/provider/provider.ts';
import { importModel } from '../support/agent.ts';
import { addCloudModel, addCredential } from '../support/cloud.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible, shoot } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The list of models: found, shown, kept, exported and asked many at once, on an agent that really holds them. */
describe('the catalogue', () => {
  let stage: Stage;
  let provider: ProviderDouble;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    provider = await startProvider();
    const { agent, directory } = stage;
    for (const [name, said, register] of [
      ['alpha', 'alpha', true],
      ['beta', 'beta', true],
      ['beta', 'another beta', true],
      ['gamma', 'gamma', false],
    ] as const) {
      const file = join(directory, `${said.replace(' ', '-')}.gguf`);
      await importModel(agent, await writeSpeakingModel(file, said), { name, register });
    }
    const credential = await addCredential(agent, provider, { scope: 'platform' });
    await addCloudModel(agent.call, credential.id);
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await provider?.close();
  });

  const row = (name: string | RegExp) => page.getByRole('row', { name });
  const open = async (search = ''): Promise<void> => {
    await page.goto(`${stage.agent.url}/models${search}`);
    await page.getByRole('row').nth(1).waitFor();
  };
  const search = (): URLSearchParams => new URL(page.url()).searchParams;

  it('counts each state, and a count is a filter', async () => {
    await open();
    await page.getByText('5 models').waitFor();
    await page.getByRole('button', { name: /^created/ }).click();
    await row(/gamma/).waitFor();
    await row(/alpha/).waitFor({ state: 'detached' });
    await expect.poll(() => search().get('state'), { timeout: 15_000 }).toBe('created');
    await expect
      .poll(() => page.getByRole('button', { name: /^created/ }).getAttribute('aria-pressed'), {
        timeout: 15_000,
      })
      .toBe('true');
    await page.getByText('1 model', { exact: true }).waitFor();
    await page.getByRole('button', { name: /^created/ }).click();
    await row(/alpha/).waitFor();
    await expectAccessible(page);
  });

  it('takes tokens and words, and the views, from the address and back', async () => {
    await open();
    await page.getByRole('searchbox').fill('task:llm hosting:local bet');
    await row(/alpha/).waitFor({ state: 'detached' });
    await row(/beta/).first().waitFor();
    await expect.poll(() => search().toString(), { timeout: 15_000 }).toBe('q=bet&task=llm&hosting=local');
    await page.reload();
    await row(/beta/).first().waitFor();
    await expect
      .poll(() => page.getByRole('searchbox').inputValue(), { timeout: 15_000 })
      .toBe('task:llm hosting:local bet');
    await page.getByRole('searchbox').fill('');
    await page.getByText('Cloud', { exact: true }).click();
    await row(/parrot/).waitFor();
    await row(/alpha/).waitFor({ state: 'detached' });
    await row(/parrot/)
      .getByText('OpenAI-compatible')
      .waitFor();
    await expect.poll(() => search().get('view'), { timeout: 15_000 }).toBe('cloud');
  });

  it('says what matches nothing, and how many would without each part', async () => {
    await page.goto(`${stage.agent.url}/models?state=registered&tag=prod`);
    await page.getByText('No model matches state:registered and tag:prod.').waitFor();
    await expectAccessible(page);
    await shoot(page, 'catalogue-no-match');
    await page.getByRole('button', { name: 'Without tag:prod: 4' }).click();
    await row(/alpha/).waitFor();
    await expect.poll(() => search().has('tag'), { timeout: 15_000 }).toBe(false);
  });

  it('keeps views under names: saved, renamed, forgotten', async () => {
    await open('?task=llm&sort=created');
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitem', { name: 'Save this view…' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Newest text');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Newest text' }).waitFor();
    await open();
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitem', { name: 'Newest text' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('menuitem', { name: 'Newest text' }).click();
    await page.getByRole('button', { name: 'Newest text' }).waitFor();
    await expect.poll(() => search().toString(), { timeout: 15_000 }).toBe('task=llm&sort=created');
    await page.getByRole('button', { name: 'Newest text' }).click();
    await page.getByRole('menuitem', { name: 'Rename Newest text…' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Latest');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Latest' }).waitFor();
    const { views } = await stage.agent.call(ENDPOINTS.listViews, {});
    expect(views.map((view) => view.name)).toEqual(['Latest']);
    await page.getByRole('button', { name: 'Latest' }).click();
    await page.getByRole('menuitem', { name: 'Forget Latest' }).click();
    await page.getByRole('button', { name: 'Saved views' }).waitFor();
  });

  it('folds the models of a name, and keys unfold them', async () => {
    await open('?group=name');
    await row(/beta.*2 versions/).waitFor();
    await expect.poll(() => row(/beta/).count(), { timeout: 15_000 }).toBe(1);
    await row(/beta/).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('row', { expanded: true }).waitFor();
    await expect.poll(() => row(/beta/).count()).toBe(3);
    await shoot(page, 'catalogue-grouped');
    await expectAccessible(page);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => row(/beta/).count()).toBe(1);
  });

  it('remembers which columns somebody wants', async () => {
    await open();
    await page.getByRole('button', { name: 'Display' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Tags' }).waitFor();
    await shoot(page, 'catalogue-display');
    await page.getByRole('menuitemcheckbox', { name: 'Size' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('columnheader', { name: 'Size' }).waitFor({ state: 'detached' });
    await page.getByRole('columnheader', { name: 'Tags' }).waitFor();
    await page.reload();
    await page.getByRole('columnheader', { name: 'Tags' }).waitFor();
    await expect
      .poll(() => page.getByRole('columnheader', { name: 'Size' }).count(), { timeout: 15_000 })
      .toBe(0);
    await page.getByRole('button', { name: 'Display' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Show what fits' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('columnheader', { name: 'Size' }).waitFor();
  });

  it('exports what is listed', async () => {
    await open('?hosting=local&sort=created');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^models-\d{4}-\d{2}-\d{2}\.csv$/);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines[0]).toMatch(/^id,name,version,label,lifecycle_state,task_key,/);
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual([
      'gamma-v1',
      'beta-v2',
      'beta-v1',
      'alpha-v1',
    ]);
  });

  it('asks many at once, tells who refused and why, and tries those again', async () => {
    await open();
    await row(/alpha/).focus();
    await page.keyboard.press('Control+a');
    const bar = page.getByRole('region', { name: 'Selected models' });
    await bar.getByText('5 selected').waitFor();
    await bar.getByRole('button', { name: 'Register 1 of 5' }).waitFor();
    await shoot(page, 'catalogue-bulk');
    await expectAccessible(page);
    await bar.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Tag 5…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Tag 5 models' });
    await dialog.getByLabel('Tags').fill('prod');
    await page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Tag 5' }).click();
    await bar.getByText('5 tagged').waitFor();
    const tagged = await stage.agent.call(ENDPOINTS.listModels, { query: { tag: 'prod' } });
    expect(tagged.models).toHaveLength(5);

    // One is registered, which the page does not know yet when it asks.
    await bar.getByRole('button', { name: 'Register 1 of 5' }).click();
    await bar.getByText('1 registered').waitFor();
    await bar.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Unregister 5…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unregister 5' }).click();
    await bar.getByText('5 unregistered').waitFor();
  });

  it('tells refusals apart from what was done', async () => {
    const { agent } = stage;
    const slot = { id: 'holder', capability: 'llm_inference', runtime_spec: 'embedded-llama' } as const;
    await agent.call(ENDPOINTS.createSlot, { body: slot });
    await open('?hosting=local');
    await row(/alpha/).focus();
    await page.keyboard.press('Control+a');
    const bar = page.getByRole('region', { name: 'Selected models' });
    await bar.getByRole('button', { name: 'Register 4' }).click();
    await bar.getByText('4 registered').waitFor();
    await bar.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Unregister 4…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Unregister 4' }).waitFor();
    // Somebody takes one of them away while the question stands.
    await agent.call(ENDPOINTS.loadSlot, {
      params: { id: 'holder' },
      body: { managed_model_id: 'alpha-v1' },
    });
    await dialog.getByRole('button', { name: 'Unregister 4' }).click();
    await bar.getByText('3 unregistered, 1 refused').waitFor();
    await bar.getByText('It is assigned to slot holder', { exact: false }).waitFor();
    await shoot(page, 'catalogue-refused');
    await expectAccessible(page);
    await agent.call(ENDPOINTS.unloadSlot, { params: { id: 'holder' } });
    await bar.getByRole('button', { name: 'Retry the 1' }).click();
    await bar.getByText('1 unregistered', { exact: true }).waitFor();
    const { models } = await agent.call(ENDPOINTS.listModels, { query: { lifecycle_state: 'registered' } });
    expect(models).toEqual([]);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
