import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Model } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel } from '../support/agent.ts';
import { removeContainersOf } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** What a slot says: why it failed and what cures it, its log, and a terminal in its container. */
describe('looking into a slot', () => {
  let stage: Stage;
  let page: Page;
  let nodeId: string;
  let alpha: Model;
  const config = { image: LLAMA_IMAGE, threads: 1, context_length: 256 };

  const make = async (id: string, runtime_spec: string, settings: object, model: string): Promise<void> => {
    await stage.agent.call(ENDPOINTS.createSlot, {
      body: { id, capability: 'llm_inference', runtime_spec, config: settings },
    });
    await stage.agent.call(ENDPOINTS.loadSlot, { params: { id }, body: { managed_model_id: model } });
  };
  const settled = (id: string, state: 'loaded' | 'error') =>
    stage.agent.slot(id, (slot) => slot.load_state === state);

  beforeAll(async () => {
    stage = await openStage();
    const { agent, directory } = stage;
    nodeId = (await agent.call(ENDPOINTS.getSystem, {})).system.node_id;
    alpha = await importModel(agent, await writeSpeakingModel(join(directory, 'alpha.gguf'), 'alpha'));
    const path = await writeSpeakingModel(join(directory, 'odd.gguf'), 'odd');
    const text = (await readFile(path)).toString('latin1').replaceAll('llama', 'zzzzz');
    await writeFile(path, Buffer.from(text, 'latin1'));
    const odd = await importModel(agent, path, { name: 'odd' });
    await make('coder', 'llama-cpp-cpu', config, odd.id);
    await make('inner', 'embedded-llama', { threads: 1, context_length: 256 }, alpha.id);
    await make('flagged', 'llama-cpp-cpu', { ...config, extra_args: ['--no-such-flag'] }, alpha.id);
    await settled('coder', 'error');
    await settled('flagged', 'error');
    await settled('inner', 'loaded');
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await removeContainersOf(nodeId);
  });

  const at = (path: string) => page.goto(stage.agent.url + path);
  const log = () => page.getByRole('log');

  it('tells the cause first and jumps to the line that tells it', async () => {
    await at('/slots/coder/logs');
    const main = page.getByRole('main');
    await main.getByText('This engine does not know the architecture zzzzz.').first().waitFor();
    await main.getByText('trying again cannot cure it', { exact: false }).waitFor();
    await page
      .getByRole('navigation', { name: 'Attempts' })
      .getByText('failed, exit 1', { exact: false })
      .waitFor();
    await main.getByRole('link', { name: 'See the log line' }).click();
    await page.waitForURL(/attempt=1&line=\d+$/);
    const line = new URL(page.url()).searchParams.get('line');
    await log()
      .locator(`[data-line="${line}"]`)
      .getByText('unknown model architecture', { exact: false })
      .waitFor();
    expect(await log().locator(`[data-line="${line}"]`).getAttribute('data-level')).toBe('error');
    expect(await keep(page, 'slot-logs-diagnosis')).toEqual([]);
  });

  it('finds text, goes from hit to hit, and keeps what stands around it', async () => {
    await page.getByLabel('Find in the log').fill('LOAD MODEL');
    await page.getByText(/^1 of \d+$/).waitFor();
    const rows = await log().locator('[data-line]').count();
    expect(await log().locator('mark').first().textContent()).toBe('load model');
    expect(rows).toBeGreaterThan(await log().locator('mark').count());
    await page.getByLabel('Find in the log').press('Enter');
    await page.getByText(/^2 of \d+$/).waitFor();
    await log().focus();
    await page.keyboard.press('Shift+N');
    await page.getByText(/^1 of \d+$/).waitFor();
    await page.keyboard.press('w');
    await page.getByRole('button', { name: 'Wrapped' }).waitFor();
    await page.keyboard.press('w');
    await page.getByLabel('Find in the log').fill('nothing says this');
    await page.getByText('not found').waitFor();
  });

  it('shows a fix as what it changes, and one press applies it and loads', async () => {
    await at('/slots/flagged/logs');
    const fixes = page.getByRole('list', { name: 'What would cure it' });
    await fixes.getByText('extra_args --no-such-flag → not set').waitFor();
    expect(await keep(page, 'slot-logs-fix')).toEqual([]);
    await fixes.getByRole('button', { name: 'Apply and load: Remove the argument' }).click();
    await settled('flagged', 'loaded');
    await page.locator('[data-state="load.loaded"]').first().waitFor();
    await page.getByRole('navigation', { name: 'Attempts' }).getByText('serving').waitFor();
  });

  it('follows what is written, and leaves a reader where he is', async () => {
    const chat = () =>
      stage.agent.request('POST', '/v1/modelops/models/' + alpha.id + '/test', {
        body: { slot_id: 'flagged', inputs: { prompt: 'x' } },
      });
    await page.getByRole('button', { name: 'Following' }).waitFor();
    await chat();
    const last = async () => Number(await log().locator('[data-line]').last().getAttribute('data-line'));
    await expect.poll(last).toBeGreaterThan(5);
    await log().focus();
    await page.keyboard.press('f');
    await page.getByRole('button', { name: 'Follow', exact: true }).waitFor();
    for (let n = 0; n < 4; n += 1) await chat();
    const arrived = page.getByRole('button', { name: /^↓ \d+ new$/ });
    await arrived.waitFor();
    await arrived.click();
    await page.getByRole('button', { name: 'Following' }).waitFor();
  });

  it('opens a terminal in the container, passed through by the agent', async () => {
    await at('/slots/flagged');
    await page.getByRole('tab', { name: 'Terminal' }).click();
    await page.getByText('written to the audit log', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Open a terminal' }).click();
    await page.getByText('The agent passes it through.').waitFor();
    const screen = page.getByRole('group', { name: 'Terminal in the container of slot flagged' });
    await screen.locator('.xterm-rows').getByText(/[$#]/).first().waitFor();
    await page.keyboard.type('ls /models; echo answer-$((40+2))\n');
    await screen.locator('.xterm-rows').getByText('answer-42').waitFor();
    await screen.locator('.xterm-rows').getByText('model.gguf').first().waitFor();
    expect(await keep(page, 'slot-terminal')).toEqual([]);
    await screen.locator('textarea').focus();
    await page.keyboard.type('exit\n');
    await page.getByText('The terminal has ended.').waitFor();
    await page.getByRole('button', { name: 'Open another' }).click();
    await page.getByText('The agent passes it through.').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Open a terminal' }).waitFor();
    const { audit } = await stage.agent.call(ENDPOINTS.listAudit, { query: { subject: 'slot:flagged' } });
    expect(audit.filter((row) => row.action === 'slot.terminal_opened')).toHaveLength(2);
  });

  it('says why there is none where the runtime is no container', async () => {
    await at('/slots/inner/terminal');
    await page.getByText('is a process of the agent, not a container', { exact: false }).first().waitFor();
    const button = page.getByRole('button', { name: 'Open a terminal' });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await keep(page, 'slot-terminal-none')).toEqual([]);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
