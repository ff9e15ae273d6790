import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { gpusUntil, QUICK } from '../support/gpus.ts';
import { placeNvidiaSmi, type NvidiaSmiDouble } from '../support/nvidia-smi.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

interface Machine extends AsyncDisposable {
  readonly smi: NvidiaSmiDouble;
  readonly stage: Stage;
  readonly page: Page;
}

/** An agent on a machine whose driver says what was recorded, and a page that looks at it. */
async function machineWith(recording: string, count: number): Promise<Machine> {
  const place = await temporaryDirectory('mo-e2e-gpu-');
  const kernelLog = join(place.path, 'kmsg');
  await writeFile(kernelLog, '6,1,1000,-;Linux version 6.8.0\n');
  const smi = await placeNvidiaSmi(place.path, { recording });
  const stage = await openStage({ gpuTiming: QUICK, kernelLog, settings: { nvidia_smi: smi.path } });
  if (count > 0)
    await gpusUntil(stage.agent, ({ gpus, observed_at: at }) => at !== null && gpus.length === count);
  return {
    smi,
    stage,
    page: await stage.page(),
    [Symbol.asyncDispose]: async () => {
      await stage[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** GPUs on the screen: as the driver's own program tells them, through the agent, live. */
describe('hardware with one card', () => {
  let machine: Machine;
  let smi: NvidiaSmiDouble;
  let stage: Stage;
  let page: Page;

  beforeAll(async () => {
    machine = await machineWith('one', 1);
    ({ smi, stage, page } = machine);
  });
  afterAll(async () => {
    await machine?.[Symbol.asyncDispose]();
  });

  const gpus = () => page.locator('[data-gpu]');
  const open = (path = '/hardware') => page.goto(stage.agent.url + path);

  it('shows bar, figures, its history below, and its bar in the status bar and the overview', async () => {
    await open();
    await gpus().getByText('NVIDIA GeForce RTX 4090').waitFor();
    await page
      .getByRole('meter', { name: /^GPU 0: .* GiB reserved, .* used of 24\.0$/ })
      .first()
      .waitFor();
    await page.getByRole('heading', { name: 'History', exact: true }).waitFor();
    await page
      .locator('footer')
      .getByRole('link', { name: /^GPU 0/ })
      .waitFor();
    expect(await keep(page, 'hardware-one')).toEqual([]);
    await open('/');
    await page.getByRole('link', { name: 'GPU 0, RTX 4090' }).waitFor();
    expect(await keep(page, 'overview-one-gpu')).toEqual([]);
  });

  it('figures follow the driver while the page is open', async () => {
    await open();
    const { gpus: cards } = await stage.agent.call(ENDPOINTS.listGpus, {});
    const uuid = cards[0]?.uuid ?? '';
    await smi.say({
      recording: 'one',
      values: { [uuid]: { 'temperature.gpu': '83', 'utilization.gpu': '97' } },
    });
    await gpus().getByText('83 °C').waitFor();
    await gpus().getByText('97 %').waitFor();
    expect(await gpus().getByText('83 °C').count()).toBe(1);
    await smi.say({ recording: 'one', values: { [uuid]: { 'power.draw': '[N/A]' } } });
    // Not known is a dash that says why, never the last number.
    await gpus().getByTitle('Not known: the driver does not report it for this card.').first().waitFor();
    await smi.say({ recording: 'one' });
  });

  it('a card of its own: facts, processes, history as charts and as a table', async () => {
    await open();
    await gpus().getByRole('link', { name: 'NVIDIA GeForce RTX 4090' }).click();
    await page.getByRole('heading', { name: 'GPU 0', level: 1 }).waitFor();
    await page.getByRole('complementary').getByText('Driver', { exact: true }).waitFor();
    await page.getByRole('table', { name: 'Processes' }).getByText('not ours').waitFor();
    await page.getByRole('img', { name: /^Memory used over the last 1 h: at most/ }).waitFor();
    expect(await keep(page, 'hardware-gpu')).toEqual([]);
    await page.getByText('24 h', { exact: true }).click();
    await page.getByRole('img', { name: /^Memory used over the last 24 h/ }).waitFor();
    await page.getByRole('button', { name: 'Show as table' }).click();
    await page.getByRole('table', { name: 'History' }).waitFor();
    expect(new URL(page.url()).search).toBe('?window=24h&as=table');
    await open('/hardware/GPU-00000000-0000-0000-0000-000000000000');
    await page.getByText('Nothing here by that name').waitFor();
  });

  it('a driver that does not fit its library: the reason, and the command that cures it to copy', async () => {
    await smi.say({ recording: 'mismatch' });
    await gpusUntil(stage.agent, ({ driver }) => driver.state === 'mismatch');
    await open();
    await page.getByRole('button', { name: 'Copy the command' }).first().waitFor();
    expect(await keep(page, 'hardware-mismatch')).toEqual([]);
  });
});

describe('hardware', () => {
  it.each([
    ['eight', 8],
    ['mig', 5],
  ] as const)('with %s: a strip each', async (recording, count) => {
    await using machine = await machineWith(recording, count);
    const { stage, page } = machine;
    await page.goto(`${stage.agent.url}/hardware`);
    await expect.poll(() => page.locator('[data-gpu]').count(), { timeout: 15_000 }).toBe(count);
    expect(await keep(page, `hardware-${recording}`)).toEqual([]);
    await page.goto(stage.agent.url);
    await expect.poll(() => page.locator('[data-gpu]').count(), { timeout: 15_000 }).toBe(count);
    if (recording === 'eight') expect(await keep(page, 'overview-eight-gpus')).toEqual([]);
    expect(stage.complaints).toEqual([]);
  });

  it('without a card: says why, and the status bar has no bar for it', async () => {
    await using machine = await machineWith('none', 0);
    const { stage, page } = machine;
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByText('no GPU', { exact: true }).waitFor();
    await page.getByText('Processor', { exact: true }).waitFor();
    expect(await page.locator('footer').getByRole('meter').count()).toBe(0);
    expect(await keep(page, 'hardware-none')).toEqual([]);
    expect(stage.complaints).toEqual([]);
  });
});
