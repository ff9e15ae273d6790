import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS, type Benchmark, type Model } from '../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Measuring a model on a slot, and runs side by side. */
describe('benchmarks', () => {
  let stage: Stage;
  let page: Page;
  let model: Model;
  const config = { threads: 1, context_length: 256 };
  const onSlot = async (id: string, parallel: number): Promise<void> => {
    await stage.agent.call(ENDPOINTS.createSlot, {
      body: {
        id,
        capability: 'llm_inference',
        runtime_spec: 'embedded-llama',
        config: { ...config, parallel },
      },
    });
    await serveModel(stage.agent, model.id, { slot_id: id });
  };
  const measured = async (slot: string): Promise<Benchmark> => {
    const { job } = await stage.agent.call(ENDPOINTS.startBenchmark, {
      params: { id: slot },
      body: { concurrency: [1, 2, 4], requests_per_round: 4 },
    });
    const { result } = await stage.agent.job(job.id);
    const id = result?.['benchmark_id'] as string;
    return (await stage.agent.call(ENDPOINTS.getBenchmark, { params: { id } })).benchmark;
  };
  beforeAll(async () => {
    stage = await openStage();
    const path = join(stage.directory, 'qwen3-8b.gguf');
    model = await importModel(stage.agent, await writeSpeakingModel(path, 'qwen3-8b'));
    await onSlot('chat-large', 2);
    await onSlot('spare', 1);
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  });

  it('are asked for in a dialog that says what they do', async () => {
    await page.goto(`${stage.agent.url}/slots/chat-large/benchmarks`);
    await page.getByText('Nothing was measured here.', { exact: false }).waitFor();
    expect(await keep(page, 'benchmarks-empty')).toEqual([]);
    await page.getByRole('button', { name: 'Measure…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Measure qwen3-8b v1 on chat-large').waitFor();
    await dialog.getByText('The slot works on 2 at once', { exact: false }).waitFor();
    expect(await keep(page, 'benchmarks-dialog')).toEqual([]);
    await dialog.getByLabel('Requests at once', { exact: false }).fill('1, many');
    await dialog.getByText('Up to eight whole numbers', { exact: false }).first().waitFor();
    await dialog.getByLabel('Requests at once', { exact: false }).fill('1, 2, 4, 8');
    await dialog.getByLabel('Tokens of a prompt').fill('300');
    await dialog.getByRole('button', { name: 'Measure', exact: true }).click();
    await dialog.getByText('this slot takes 256 tokens a request', { exact: false }).waitFor();
    await dialog.getByLabel('Tokens of a prompt').fill('64');
    await dialog.getByLabel('Note').fill('after the new driver');
    await dialog.getByRole('button', { name: 'Measure', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  it('are drawn and listed when they are done', async () => {
    await page.getByRole('table', { name: 'Rounds' }).waitFor();
    await page
      .getByRole('img', { name: /^Tokens per second by requests at once: together: .* at 8; each: / })
      .waitFor();
    await page.getByRole('img', { name: /^Time to first token/ }).waitFor();
    await expect.poll(() => page.locator('canvas').count(), { timeout: 15_000 }).toBe(2);
    expect(await page.getByRole('table', { name: 'Rounds' }).getByRole('row').count()).toBe(5);
    await page.getByText('after the new driver').waitFor();
    await page.getByText('No other run of qwen3-8b.', { exact: false }).waitFor();
    expect(await keep(page, 'benchmarks-run')).toEqual([]);
  });

  it('stand beside runs on other slots', async () => {
    const there = await measured('spare');
    const elsewhere = page.getByRole('table', { name: 'Runs of qwen3-8b elsewhere' });
    await elsewhere.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('Beside qwen3-8b v1 on spare, embedded-llama', { exact: false }).waitFor();
    await page.getByText('It was asked for other lengths', { exact: false }).waitFor();
    await page
      .getByRole('img', { name: /this run: .*; other run: .* — at 8/ })
      .first()
      .waitFor();
    expect(await keep(page, 'benchmarks-compared')).toEqual([]);
    expect(page.url()).toContain(`with=${there.id}`);
    await page.reload();
    await page.getByRole('button', { name: 'Stop comparing' }).click();
    await page.getByText('Beside qwen3-8b', { exact: false }).waitFor({ state: 'detached' });
    await elsewhere.getByRole('link').first().click();
    await page.getByRole('heading', { name: 'spare', level: 1 }).waitFor();
    await page.getByText('Runs on this slot').waitFor();
  });

  it('stand with the usage of the model', async () => {
    await page.goto(`${stage.agent.url}/models/${model.id}/usage`);
    const table = page.getByRole('table', { name: 'Measured speed' });
    await table.waitFor();
    expect(await table.getByRole('row').count()).toBe(3);
    expect(await keep(page, 'model-usage-measured')).toEqual([]);
  });

  it('are followed and cancelled where they run', async () => {
    const endless = await importModel(
      stage.agent,
      await writeEndlessModel(join(stage.directory, 'endless.gguf'), 'endless', 100_000),
    );
    const { slot_id: slot } = await serveModel(stage.agent, endless.id, {
      config: { threads: 1, context_length: 100_000 },
    });
    await stage.agent.call(ENDPOINTS.startBenchmark, {
      params: { id: slot },
      body: { concurrency: [1, 2], output_tokens: 2000, requests_per_round: 500 },
    });
    await page.goto(`${stage.agent.url}/slots/${slot}/benchmarks`);
    await page.getByText('1 at once: ', { exact: false }).waitFor();
    expect(await keep(page, 'benchmarks-running')).toEqual([]);
    await page.getByRole('button', { name: 'Cancel…' }).first().click();
    await page.getByText('Nothing of it is kept.', { exact: false }).waitFor();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /Cancel/ })
      .click();
    await page.getByText('1 at once: ', { exact: false }).waitFor({ state: 'detached' });
  });
});
