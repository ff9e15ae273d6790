import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** A slot from the first proposal to the last question, with the fit that the agent computes. */
describe('slots', () => {
  let stage: Stage;
  let page: Page;
  beforeAll(async () => {
    stage = await openStage();
    for (const name of ['qwen3-8b-instruct', 'mistral-small'])
      await importModel(
        stage.agent,
        await writeSpeakingModel(join(stage.directory, `${name}.gguf`), name, 4096),
        { name },
      );
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const open = (path: string) => page.goto(stage.agent.url + path);
  const strip = (id = 'chat') => page.locator(`[data-strip="${id}"]`);
  const setting = (name: string) => page.getByRole('textbox', { name, exact: true });
  const save = () => page.getByRole('button', { name: 'Save and load' });
  const fit = () => page.getByRole('complementary', { name: 'Whether it fits' });
  const dialog = () => page.getByRole('dialog');

  it('none yet: what suits this machine is proposed', async () => {
    await open('/slots');
    await page.getByText('No slots. A slot is a place').waitFor();
    await page.getByRole('button', { name: /^CPU: / }).waitFor();
    expect(await keep(page, 'slots-proposals')).toEqual([]);
    await page.getByRole('button', { name: 'New slot' }).first().click();
    await dialog().getByLabel('Runtime').click();
    await page.getByRole('option', { name: /Embedded/ }).click();
    await dialog().getByLabel('Name', { exact: true }).fill('chat');
    expect(await keep(page, 'slot-new')).toEqual([]);
    await dialog().getByRole('button', { name: 'Make the slot' }).click();
    await page.getByRole('heading', { name: 'chat', level: 1 }).waitFor();
  });

  it('tells whether a model fits before it is saved, and keeps what was typed over a reload', async () => {
    await open('/slots/chat/config');
    await page.getByText('Choose a model to see whether it fits.').waitFor();
    await page.getByRole('combobox', { name: 'Model' }).click();
    await page.getByRole('option', { name: /^qwen3-8b-instruct v1/ }).click();
    await fit()
      .getByText(/^Fits, .* to spare$/)
      .waitFor();
    await setting('Context per request').fill('2k');
    await fit().getByText('KV cache, 2,048 × 1').waitFor();
    await setting('Threads').fill('many');
    await page.getByRole('tabpanel').getByText('Give a number, like 32768 or 32k.').waitFor();
    await setting('Threads').fill('1');
    await page.reload();
    await fit().getByText('KV cache, 2,048 × 1').waitFor();
    expect(await setting('Context per request').inputValue()).toBe('2,048');
    await fit()
      .getByRole('row', { name: /^Total/ })
      .waitFor();
    expect(await keep(page, 'slot-editor')).toEqual([]);
    await save().click();
    await page.getByText('Slot chat has new settings and loads.').waitFor();
    const slot = await stage.agent.slot('chat', (now) => now.load_state === 'loaded');
    expect(slot).toMatchObject({ context_length: 2048, config: { context_length: 2048, threads: 1 } });
  });

  it('shows what it serves and takes', async () => {
    await open('/slots');
    await strip().getByText('loaded', { exact: true }).waitFor();
    await strip().getByText('2,048 tokens per request').waitFor();
    await strip()
      .getByRole('meter', { name: /^RAM: .* reserved, .* used of / })
      .waitFor();
    expect(await keep(page, 'slots-one')).toEqual([]);
  });

  it('whoever lost a race sees what the other one changed, and may make it again', async () => {
    await open('/slots/chat/config');
    await setting('Requests at once').fill('2');
    const { slot } = await stage.agent.call(ENDPOINTS.getSlot, { params: { id: 'chat' } });
    await stage.agent.call(
      ENDPOINTS.patchSlot,
      { params: { id: 'chat' }, body: { config: { ...slot.config, context_length: 1024 } } },
      { ifMatch: slot.rev },
    );
    await stage.agent.slot('chat', (now) => now.load_state === 'loaded' && now.context_length === 1024);
    await save().click();
    await page.getByText('Your change was not made.').waitFor();
    await page.getByRole('button', { name: 'Show what changed' }).click();
    await page.getByText('context_length 1024, threads 1').waitFor();
    // What was not mine follows the slot.
    expect(await setting('Context per request').inputValue()).toBe('1,024');
    expect(await setting('Requests at once').inputValue()).toBe('2');
    expect(await keep(page, 'slot-editor-conflict')).toEqual([]);
    await page.getByRole('button', { name: 'Discard' }).click();
    expect(await setting('Context per request').inputValue()).toBe('1,024');
    await page.getByText('Your change was not made.').waitFor({ state: 'detached' });
  });

  it('does not load what does not fit, unless that is wanted and said so', async () => {
    await open('/slots/chat/config');
    await setting('Requests at once').fill('1024');
    await setting('Context per request').fill('16m');
    await fit()
      .getByText(/^Does not fit: .* over$/)
      .waitFor();
    expect(await keep(page, 'slot-editor-over')).toEqual([]);
    expect(await save().getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: /^Load anyway/ }).click();
    await dialog().getByText('The override is recorded under your name.').waitFor();
    expect(await keep(page, 'slot-load-anyway')).toEqual([]);
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await fit()
      .getByText(/^Fits, /)
      .waitFor();
  });

  it('its container can be seen before it is made', async () => {
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Show the container…' }).click();
    await dialog().getByText('This runtime is a child of the agent: there is no container.').waitFor();
    expect(await keep(page, 'slot-container')).toEqual([]);
    await dialog().getByRole('button', { name: 'Close' }).click();
  });

  it('letters on a strip open the dialogs of its buttons, with what they would do', async () => {
    await open('/slots');
    await strip().focus();
    await page.keyboard.press('l');
    await page.getByRole('combobox', { name: 'Model' }).click();
    await page.getByRole('option', { name: /^mistral-small v1/ }).click();
    await dialog()
      .getByText(/^Fits, /)
      .waitFor();
    await dialog()
      .getByText(/leaves first/)
      .waitFor();
    expect(await keep(page, 'slot-load')).toEqual([]);
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await strip().focus();
    await page.keyboard.press('u');
    await dialog().getByRole('listitem').first().waitFor();
    expect(await keep(page, 'slot-unload')).toEqual([]);
    await dialog().getByRole('button', { name: 'Unload', exact: true }).click();
    await strip().getByText('empty', { exact: true }).waitFor();
    await strip().focus();
    await page.keyboard.press('e');
    await page.getByRole('form', { name: 'Settings of chat' }).waitFor();
    expect(stage.complaints).toEqual([]);
  });
});
