import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sentenceOf, writeSpeakingModel } from '../support/models.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The whole way of a model through the UI, as one person walks it: each step stands on the one before. */
describe('a model from a file to an answer and back', () => {
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    await writeSpeakingModel(`${stage.directory}/models/alpha.gguf`, 'alpha');
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const rung = (code: string) => page.locator(`[data-rung="${code}"]`);
  const step = async (code: string): Promise<string | null> => rung(code).getAttribute('data-step');

  it('begins with nothing and says what to do', async () => {
    await page.getByText('Nothing is served yet.').waitFor();
    await page.getByRole('button', { name: 'Run the sample model' }).waitFor();
    await page.getByRole('link', { name: 'Models', exact: true }).click();
    await page.getByText('No models.', { exact: false }).waitFor();
    await expectAccessible(page);
  });

  it('shows what a path would bring, and brings it', async () => {
    await page.getByRole('button', { name: 'Add a model…' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Path on the machine of the agent').fill(`${stage.directory}/models/alpha.gguf`);
    await dialog.getByRole('button', { name: 'Look' }).click();
    await dialog.getByText('What would come').waitFor();
    await dialog.getByText('2,048 trained').waitFor();
    expect(await dialog.getByLabel('Name').inputValue()).toBe('alpha');
    await dialog.getByLabel('Register it', { exact: false }).uncheck();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: /^Import/ }).click();
    await dialog.getByText('alpha v1 is here.').waitFor();
    await dialog.getByRole('button', { name: 'Open alpha v1' }).click();
    await page.getByRole('heading', { level: 1, name: 'alpha' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/models/alpha-v1');
  });

  it('shows the ladder and registers', async () => {
    await page.getByText('What is missing until this can be invoked').waitFor();
    expect(await step('artifact_ready')).toBe('met');
    expect(await step('registered')).toBe('next');
    expect(await step('active')).toBe('later');
    await rung('registered').getByRole('button', { name: 'Register' }).click();
    await page.locator('[data-rung="registered"][data-step="met"]').waitFor();
    await page.getByRole('status').getByText('alpha v1 is registered.').waitFor();
    await expectAccessible(page);
  });

  it('refuses to activate with the reason on the button', async () => {
    const activate = page.getByRole('button', { name: 'Activate', exact: true });
    expect(await activate.getAttribute('aria-disabled')).toBe('true');
    await activate.focus();
    const reason = await page.locator(`[id="${await activate.getAttribute('aria-describedby')}"]`).textContent();
    expect(reason).toContain('has to be validated or inactive');
    await page.getByRole('tooltip').getByText('has to be validated or inactive', { exact: false }).waitFor();
  });

  it('makes a slot and loads the model into it', async () => {
    await page.getByRole('link', { name: 'Slots', exact: true }).click();
    await page.getByText('A slot is a place on this machine that holds one model.', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'New slot' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('chat-small');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Make the slot' }).click();
    await page.getByRole('heading', { level: 1, name: 'chat-small' }).waitFor();
    await page.getByRole('button', { name: 'Load…' }).click();
    await page.getByRole('dialog').getByLabel('Model').click();
    await page.getByRole('option', { name: 'alpha v1, registered' }).click();
    await page.getByLabel('Then test, validate and activate it').uncheck();
    await expectAccessible(page);
    await page.getByRole('dialog').getByRole('button', { name: 'Load', exact: true }).click();
    await page.locator('[data-state="load.loaded"]').first().waitFor();
    await page.getByText('2,048 tokens per request, 1 at once', { exact: false }).waitFor();
    await expectAccessible(page);
  });

  it('tests it there and takes the test as the validation', async () => {
    await page.goto(`${stage.agent.url}/models/alpha-v1/test`);
    await page.getByLabel('Prompt').fill('Who are you?');
    await page.getByRole('button', { name: 'Run the test' }).click();
    await page.locator('pre').getByText(sentenceOf('alpha')).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Use as validation' }).click();
    await page.getByText('Taken as the validation.').waitFor();
    await page.locator('[data-state="validation.current"]').first().waitFor();
    await page.getByRole('tab', { name: 'Validation' }).click();
    await page.getByText('It holds for these bytes', { exact: false }).waitFor();
    await expectAccessible(page);
  });

  it('activates it, and every step is met', async () => {
    await page.getByRole('tab', { name: 'Overview' }).click();
    await page.getByRole('button', { name: 'Activate', exact: true }).first().click();
    await page.getByText('You can call it now.').waitFor();
    for (const code of ['registered', 'tested', 'validated', 'active', 'loaded', 'visible'])
      expect(await step(code)).toBe('met');
    await expectAccessible(page);
  });

  it('answers in the playground with its own sentence, and says who answered', async () => {
    await page.getByRole('link', { name: 'Open in the playground' }).click();
    await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-answer]').getByText(sentenceOf('alpha')).waitFor();
    await page.locator('[data-turn="done"]').waitFor();
    await page.getByText(/first token after .* tok\/s, \d+ in, \d+ out, finished/).waitFor();
    await page.locator('[data-turn]').getByRole('link', { name: 'alpha v1' }).waitFor();
    await expectAccessible(page);
  });

  it('shows the call on the overview', async () => {
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('All right: 1 slot serving', { exact: false }).waitFor();
    const row = page.locator('[data-serving="chat-small"]');
    await row.getByText('1 call').waitFor();
    await row.getByRole('link', { name: 'alpha v1' }).waitFor();
    await page.getByText('alpha-v1 activated').waitFor();
    await expectAccessible(page);
  });

  it('asks before it unloads, and tells that calls are refused then', async () => {
    await page.goto(`${stage.agent.url}/slots`);
    await page.getByRole('button', { name: 'Unload…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Unload alpha v1 from chat-small?' });
    await dialog.getByText('Nobody uses it now.', { exact: false }).waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Unload', exact: true }).click();
    await page.locator('[data-state="load.empty"]').first().waitFor();
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('alpha v1 is active but not loaded', { exact: false }).first().waitFor();
    await page.goto(`${stage.agent.url}/playground?model=alpha-v1`);
    await page.getByText('alpha v1 cannot be called yet. No slot serves it.').waitFor();
    expect(await page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')).toBe('true');
    await expectAccessible(page);
  });

  it('deactivates, unregisters and deletes, each with what it would do now', async () => {
    await page.goto(`${stage.agent.url}/models/alpha-v1`);
    await page.getByRole('button', { name: 'Deactivate…' }).click();
    let dialog = page.getByRole('dialog', { name: 'Deactivate alpha v1?' });
    await dialog.getByText('Calls that name it are refused at once', { exact: false }).waitFor();
    await dialog.getByLabel('Note').fill('not needed any more');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Deactivate', exact: true }).click();
    await page.locator('[data-state="lifecycle.inactive"]').waitFor();

    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Unregister…' }).click();
    dialog = page.getByRole('dialog', { name: 'Unregister alpha v1?' });
    await dialog.getByText('Its validation ends', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Unregister', exact: true }).click();
    await page.locator('[data-state="lifecycle.unregistered"]').waitFor();

    await page.getByRole('tab', { name: 'History' }).click();
    await page.getByText('not needed any more').waitFor();
    await page.getByText('alpha-v1 unregistered').waitFor();
    await expectAccessible(page);

    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    dialog = page.getByRole('dialog', { name: 'Delete alpha v1?' });
    await dialog.getByText('no copy is known to this node', { exact: false }).waitFor();
    const confirm = dialog.getByRole('button', { name: /^Delete, free/ });
    expect(await confirm.getAttribute('aria-disabled')).toBe('true');
    await dialog.getByLabel('Type alpha to go on').fill('alpha');
    await expectAccessible(page);
    await confirm.click();
    await page.getByText(/alpha v1 is deleted, .* freed\./).waitFor();
    await page.getByText('No models.', { exact: false }).waitFor();
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
