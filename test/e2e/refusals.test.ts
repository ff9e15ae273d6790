import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError, ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** What the agent says no to is shown in its own words, with what helps, where it was asked. */
describe('a path that brings nothing', () => {
  let stage: Stage;
  let page: Page;
  let models: string;

  beforeAll(async () => {
    stage = await openStage();
    models = join(stage.directory, 'models');
    await writeSpeakingModel(join(models, 'alpha.gguf'), 'alpha');
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const look = async (path: string): Promise<void> => {
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('button', { name: 'Add a model…' }).first().click();
    await page.getByLabel('Path on the machine of the agent').fill(path);
    await page.getByRole('button', { name: 'Look', exact: true }).click();
  };
  /** The refusal as the agent gives it to anybody who asks. */
  const refusalOf = async (path: string): Promise<AppError> => {
    const refusal = await stage.agent
      .call(ENDPOINTS.inspectPath, { body: { path } })
      .catch((error: unknown) => error);
    if (!(refusal instanceof AppError)) throw new Error(`${path} was not refused`);
    return refusal;
  };
  /** @returns the code that was shown. */
  const shownRefusal = async (path: string): Promise<string> => {
    const { code, message, hint } = await refusalOf(path);
    await look(path);
    const alert = page.getByRole('dialog').getByRole('alert');
    await alert.getByText(message.replaceAll('`', ''), { exact: true }).waitFor();
    await expect.poll(() => alert.textContent(), { timeout: 15_000 }).toContain(hint.replaceAll('`', ''));
    await alert.getByRole('button', { name: 'Details' }).click();
    await alert.getByText(code, { exact: true }).waitFor();
    await expectAccessible(page);
    return code;
  };

  it('because nothing is there', async () => {
    expect(await shownRefusal(join(models, 'nobody.gguf'))).toBe('not_found');
  });

  it('because it is a web page that is called a model', async () => {
    const path = join(models, 'login.gguf');
    await writeFile(path, '<!DOCTYPE html><title>Sign in</title>');
    expect(await shownRefusal(path)).toBe('unsupported_format');
  });

  it('because several models are there, each to be chosen', async () => {
    const folder = join(models, 'two');
    await mkdir(folder, { recursive: true });
    await writeSpeakingModel(join(folder, 'one-q4_0.gguf'), 'one');
    await writeSpeakingModel(join(folder, 'two-q8_0.gguf'), 'two');
    await look(folder);
    await page.getByRole('button', { name: 'Look: two-q8_0.gguf' }).click();
    await page.getByText('What would come').waitFor();
    await expect
      .poll(() => page.getByLabel('Path on the machine of the agent').inputValue(), { timeout: 15_000 })
      .toContain('two-q8_0.gguf');
  });

  it('a name that cannot be one blocks the button, which says why', async () => {
    await look(join(models, 'alpha.gguf'));
    await page.getByText('What would come').waitFor();
    await page.getByLabel('Name').fill('No Spaces');
    const button = page.getByRole('button', { name: /^Import/ });
    await expect.poll(() => button.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    await page.getByText('Use lower-case letters', { exact: false }).first().waitFor();
    await expectAccessible(page);
  });

  it('bytes that are here already are not brought twice', async () => {
    await importModel(stage.agent, join(models, 'alpha.gguf'));
    await look(join(models, 'alpha.gguf'));
    await page.getByRole('button', { name: /^Import/ }).click();
    await page.getByRole('dialog').getByText('here already', { exact: false }).waitFor();
    expect((await stage.agent.call(ENDPOINTS.listModels, { query: {} })).models).toHaveLength(1);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
