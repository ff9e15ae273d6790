import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { sentenceOf } from '../../support/models.ts';

/**
 * The way of a model through the UI, step by step, as one person walks it. Each step begins where the one before ended,
 * and knows nothing of what shows the page: a browser or the desktop.
 */
export interface Walk {
  readonly page: Page;
  /** The file of a speaking model that says `name`, as the agent sees it. */
  readonly file: string;
  readonly name: string;
  readonly slot: string;
  /** The container runtime of the slot; without one it is the runtime that the dialog offers first. */
  readonly container?: { readonly runtime: string; readonly image: string };
  /** Looks at what is shown now, on every screen and in every dialog on the way. */
  readonly look: () => Promise<void>;
}

/** The first version of a name on a fresh node. */
function idOf(walk: Walk): string {
  return `${walk.name}-v1`;
}

function titleOf(walk: Walk): string {
  return `${walk.name} v1`;
}

async function open({ page }: Walk, path: string): Promise<void> {
  await page.goto(new URL(path, page.url()).href);
}

async function step({ page }: Walk, code: string): Promise<string | null> {
  return page.locator(`[data-rung="${code}"]`).getAttribute('data-step');
}

async function seeEmptyNode({ page, look }: Walk): Promise<void> {
  await page.getByText('Nothing is served yet.').waitFor();
  await page.getByRole('button', { name: 'Run the sample model' }).waitFor();
  await page.getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByText('No models.', { exact: false }).waitFor();
  await look();
}

async function importByPath(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByRole('button', { name: 'Add a model…' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Path on the machine of the agent').fill(walk.file);
  await dialog.getByRole('button', { name: 'Look' }).click();
  await dialog.getByText('What would come').waitFor();
  await dialog.getByText('2,048 trained').waitFor();
  await expect.poll(() => dialog.getByLabel('Name').inputValue(), { timeout: 15_000 }).toBe(walk.name);
  await dialog.getByLabel('Register it', { exact: false }).uncheck();
  await look();
  await dialog.getByRole('button', { name: /^Import/ }).click();
  await dialog.getByText(`${titleOf(walk)} is here.`).waitFor();
  await dialog.getByRole('button', { name: `Open ${titleOf(walk)}` }).click();
  await page.getByRole('heading', { level: 1, name: walk.name }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname, { timeout: 15_000 }).toBe(`/models/${idOf(walk)}`);
}

async function register(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByText('What is missing until this can be invoked').waitFor();
  await expect.poll(() => step(walk, 'artifact_ready'), { timeout: 15_000 }).toBe('met');
  await expect.poll(() => step(walk, 'registered'), { timeout: 15_000 }).toBe('next');
  await expect.poll(() => step(walk, 'active'), { timeout: 15_000 }).toBe('later');
  await page.locator('[data-rung="registered"]').getByRole('button', { name: 'Register' }).click();
  await page.locator('[data-rung="registered"][data-step="met"]').waitFor();
  await page
    .getByRole('status')
    .getByText(`${titleOf(walk)} is registered.`)
    .waitFor();
  await look();
}

async function seeWhyItCannotBeActivated({ page }: Walk): Promise<void> {
  const button = page.getByRole('button', { name: 'Activate', exact: true });
  await expect.poll(() => button.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
  await button.focus();
  // From the keyboard, as somebody without a mouse comes to it.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  const reason = await page.locator(`[id="${await button.getAttribute('aria-describedby')}"]`).textContent();
  expect(reason).toContain('has to be validated or inactive');
  await page.getByRole('tooltip').getByText('has to be validated or inactive', { exact: false }).waitFor();
}

async function makeSlotAndLoad(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByRole('link', { name: 'Slots', exact: true }).click();
  await page.getByText('A slot is a place on this machine that holds one model.', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'New slot' }).first().click();
  const dialog = page.getByRole('dialog');
  if (walk.container !== undefined) {
    await dialog.getByLabel('Runtime').click();
    await page.getByRole('option', { name: walk.container.runtime }).click();
  }
  await dialog.getByLabel('Name').fill(walk.slot);
  await look();
  await dialog.getByRole('button', { name: 'Make the slot' }).click();
  await page.getByRole('heading', { level: 1, name: walk.slot }).waitFor();
  if (walk.container !== undefined) await setContainer(walk, walk.container.image);
  await page.getByRole('button', { name: 'Load…' }).click();
  await dialog.getByLabel('Model').click();
  await page.getByRole('option', { name: `${titleOf(walk)}, registered` }).click();
  await page.getByLabel('Then test, validate and activate it').uncheck();
  await look();
  await dialog.getByRole('button', { name: 'Load', exact: true }).click();
  await page.locator('[data-state="load.loaded"]').first().waitFor();
  await page.getByText('2,048 tokens per request, 1 at once', { exact: false }).waitFor();
  await look();
}

/** The image of this machine, and one thread for a tiny model. */
async function setContainer({ page, look, slot }: Walk, image: string): Promise<void> {
  await page.getByRole('tab', { name: 'Settings' }).click();
  await page.getByLabel('Image').fill(image);
  await page.getByLabel('Threads').fill('1');
  await look();
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByRole('status').getByText(`Slot ${slot} has new settings.`).waitFor();
  await page.getByRole('tab', { name: 'Overview' }).click();
}

async function testAndValidate(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await open(walk, `/models/${idOf(walk)}/test`);
  await page.getByLabel('Prompt').fill('Who are you?');
  await page.getByRole('button', { name: 'Run the test' }).click();
  await page.locator('pre').getByText(sentenceOf(walk.name)).waitFor();
  await look();
  await page.getByRole('button', { name: 'Use as validation' }).click();
  await page.getByText('Taken as the validation.').waitFor();
  await page.locator('[data-state="validation.current"]').first().waitFor();
  await page.getByRole('tab', { name: 'Validation' }).click();
  await page.getByText('It holds for these bytes', { exact: false }).waitFor();
  await look();
}

async function activate(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByRole('tab', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Activate', exact: true }).first().click();
  await page.getByText('You can call it now.').waitFor();
  for (const code of ['registered', 'tested', 'validated', 'active', 'loaded', 'visible'])
    await expect.poll(() => step(walk, code), { timeout: 15_000 }).toBe('met');
  await look();
}

/** The answer streams in, and says who gave it. */
async function chat(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByRole('link', { name: 'Open in the playground' }).click();
  await page.getByLabel('Prompt', { exact: true }).fill('Who are you?');
  await page.keyboard.press('Control+Enter');
  await page.locator('[data-answer]').getByText(sentenceOf(walk.name)).waitFor();
  await page.locator('[data-turn="done"]').waitFor();
  await page.getByText(/first token after .*, \d+ in, \d+ out, finished/).waitFor();
  await page
    .locator('[data-turn]')
    .getByRole('link', { name: titleOf(walk) })
    .waitFor();
  await look();
}

async function seeOverview(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page.getByText('All right: 1 slot serving', { exact: false }).waitFor();
  const row = page.locator(`[data-serving="${walk.slot}"]`);
  await row.getByText('1 call').waitFor();
  await row.getByRole('link', { name: titleOf(walk) }).waitFor();
  await page.getByText(`${idOf(walk)} activated`).waitFor();
  await look();
}

async function unload(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await open(walk, '/slots');
  await page.getByRole('button', { name: 'Unload…' }).click();
  const dialog = page.getByRole('dialog', { name: `Unload ${titleOf(walk)} from ${walk.slot}?` });
  // As the agent tells it, not what the page knows before that.
  await dialog.getByText('New calls are refused with model_not_loaded.', { exact: false }).waitFor();
  await look();
  await dialog.getByRole('button', { name: 'Unload', exact: true }).click();
  await page.locator('[data-state="load.empty"]').first().waitFor();
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await page
    .getByText(`${titleOf(walk)} is active but not loaded`, { exact: false })
    .first()
    .waitFor();
  await open(walk, `/playground?model=${idOf(walk)}`);
  await page.getByText(`${titleOf(walk)} cannot be called yet. No slot serves it.`).waitFor();
  await expect
    .poll(() => page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled'), { timeout: 15_000 })
    .toBe('true');
  await look();
}

/** Deactivates, unregisters and deletes, each with what it would do now. */
async function takeAway(walk: Walk): Promise<void> {
  const { page, look } = walk;
  await open(walk, `/models/${idOf(walk)}`);
  await page.getByRole('button', { name: 'Deactivate…' }).click();
  let dialog = page.getByRole('dialog', { name: `Deactivate ${titleOf(walk)}?` });
  await dialog.getByText('Calls that name it are refused at once', { exact: false }).waitFor();
  await dialog.getByLabel('Note').fill('not needed any more');
  await look();
  await dialog.getByRole('button', { name: 'Deactivate', exact: true }).click();
  await page.locator('[data-state="lifecycle.inactive"]').first().waitFor();

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Unregister…' }).click();
  dialog = page.getByRole('dialog', { name: `Unregister ${titleOf(walk)}?` });
  await dialog.getByText('Its validation ends', { exact: false }).waitFor();
  await dialog.getByRole('button', { name: 'Unregister', exact: true }).click();
  await page.locator('[data-state="lifecycle.unregistered"]').first().waitFor();

  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByText('not needed any more').waitFor();
  await page.getByRole('cell', { name: 'unregistered', exact: true }).waitFor();
  await look();

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  dialog = page.getByRole('dialog', { name: `Delete ${titleOf(walk)}?` });
  await dialog.getByText('no copy is known to this node', { exact: false }).waitFor();
  const confirm = dialog.getByRole('button', { name: /^Delete, free/ });
  await expect.poll(() => confirm.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
  await dialog.getByLabel(`Type ${walk.name} to go on`).fill(walk.name);
  await look();
  await confirm.click();
  await page.getByText(new RegExp(`${titleOf(walk)} is deleted, .* freed\\.`)).waitFor();
  await page.getByText('No models.', { exact: false }).waitFor();
}

/** All of it, in order. */
export const STEPS: readonly (readonly [name: string, walk: (walk: Walk) => Promise<void>])[] = [
  ['begins with nothing and says what to do', seeEmptyNode],
  ['shows what a path would bring, and brings it', importByPath],
  ['shows the ladder and registers', register],
  ['refuses to activate with the reason on the button', seeWhyItCannotBeActivated],
  ['makes a slot and loads the model into it', makeSlotAndLoad],
  ['tests it there and takes the test as the validation', testAndValidate],
  ['activates it, and every step is met', activate],
  ['answers in the playground with its own sentence, and says who answered', chat],
  ['shows the call on the overview', seeOverview],
  ['asks before it unloads, and tells that calls are refused then', unload],
  ['deactivates, unregisters and deletes, each with what it would do now', takeAway],
];
