import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestAgent } from '../support/agent.ts';
import { writeCloudModels } from '../support/role-objects.ts';
import { expectAccessible } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

const MODELS = 10_000;
const PAGE = 200;

const nameOf = (index: number): string => `model-${String(index).padStart(5, '0')}`;

/** The data directory of an agent that holds very many models. */
async function fill(dataDir: string): Promise<void> {
  const agent = await startTestAgent(dataDir);
  await agent.stop();
  writeCloudModels(
    dataDir,
    Array.from({ length: MODELS }, (_, index) => ({
      name: nameOf(index),
      relation: 'platform' as const,
      callerId: '',
      otherId: '',
    })),
  );
}

describe('ten thousand models', () => {
  let stage: Stage;
  let page: Page;
  const asked: string[] = [];

  beforeAll(async () => {
    stage = await openStage({ prepare: fill });
    page = await stage.page();
    page.on('request', (request: Request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname === '/v1/modelops/models') asked.push(searchParams.get('cursor') ?? '');
    });
    await page.goto(`${stage.agent.url}/models`);
    await page.getByRole('row', { name: nameOf(0) }).waitFor();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  const drawn = (): Promise<number> => page.locator('[data-row]').count();
  const last = (): Promise<number> =>
    page
      .locator('[data-row]')
      .last()
      .getAttribute('data-index')
      .then((index) => Number(index));

  it('are read page after page, each once, and only those in sight are drawn', async () => {
    await page.getByText('10,000 models').waitFor();
    await expect
      .poll(() => page.getByRole('grid', { name: 'Models' }).getAttribute('aria-rowcount'), {
        timeout: 15_000,
      })
      .toBe('10001');
    asked.length = 0;
    await page.getByRole('row', { name: nameOf(0) }).focus();
    for (let at = await last(); at < MODELS - 1; at = await last()) {
      await page.keyboard.press('End');
      await expect.poll(last, { timeout: 15_000 }).toBeGreaterThan(at);
      await expect.poll(() => drawn(), { timeout: 15_000 }).toBeLessThan(100);
    }
    await page.getByRole('row', { name: nameOf(MODELS - 1) }).waitFor();
    // The first page was there; what came after it was asked for once each.
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length).toBe(MODELS / PAGE - 1);
    await expectAccessible(page);
  });

  it('are selected beyond what was read', async () => {
    await page.reload();
    await page.getByRole('row', { name: nameOf(0) }).focus();
    await page.keyboard.press('Control+a');
    const bar = page.getByRole('region', { name: 'Selected models' });
    await bar.getByRole('button', { name: 'Select all 10,000 that match' }).click();
    await bar.getByText('10,000 selected').waitFor();
    await bar.getByRole('button', { name: 'Check 10,000' }).waitFor();
    await expect
      .poll(() => bar.getByRole('button', { name: /^Select all/ }).count(), { timeout: 15_000 })
      .toBe(0);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
