import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { Registry } from '../doubles/registry/registry.ts';
import { docker } from '../support/docker.ts';
import { dockerArchive, makeImage, writeArchive } from '../support/images.ts';
import { keep } from './support/picture.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Runtimes and images, with the real engine and a registry of this machine. */
const hasDocker = await promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}']).then(
  () => true,
  () => false,
);

describe.skipIf(!hasDocker)('runtimes and images', () => {
  let stage: Stage;
  let page: Page;
  let registry: Registry;
  const made = new Set<string>();
  const mine = `modelops-test-${process.pid}-${Date.now().toString(36)}`;
  const image = makeImage([6_000_000], { version: 'b11669' });
  const moved = makeImage([200_000]);
  let reference: string;

  beforeAll(async () => {
    stage = await openStage();
    registry = await Registry.start();
    reference = registry.serve(`${mine}/llama.cpp:server`, image);
    made.add(reference);
    await stage.agent.call(ENDPOINTS.createSlot, {
      body: {
        id: 'chat-large',
        capability: 'llm_inference',
        runtime_spec: 'llama-cpp-cpu',
        gpu_ids: [],
        config: { image: reference },
      },
    });
    page = await stage.page();
  });
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    for (const name of made) await docker('rmi', '-f', name).catch(() => '');
  });
  const open = async (path: string, shown: string): Promise<void> => {
    await page.goto(stage.agent.url + path);
    await page.getByRole('main').getByText(shown, { exact: false }).first().waitFor();
  };
  const row = (name: string) => page.getByRole('table', { name: 'Images' }).getByRole('row', { name });

  it('are reached by G R, and say what is missing', async () => {
    await open('/', 'Nothing is served yet.');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Runtimes', level: 1 }).waitFor();
    await row(reference).getByText('not here').waitFor();
    await row(reference).getByRole('link', { name: 'chat-large' }).waitFor();
    expect(await keep(page, 'runtimes-missing')).toEqual([]);
  });

  it('a pull shows its bytes where the images are, and ends as an image that is here', async () => {
    registry.fault = 'hold';
    await row(reference)
      .getByRole('button', { name: `Pull ${reference}` })
      .click();
    await registry.holding;
    await page.getByRole('progressbar', { name: `Pull ${reference}` }).waitFor();
    expect(await keep(page, 'runtimes-pulling')).toEqual([]);
    registry.release();
    await row(reference).getByText('here', { exact: true }).waitFor();
    await row(reference).getByText('b11669').waitFor();
  });

  it('a name that moved says so', async () => {
    registry.serve(`${mine}/llama.cpp:server`, moved);
    made.add(image.id);
    const { job } = await stage.agent.call(ENDPOINTS.pullImage, { body: { reference } });
    await stage.agent.job(job.id);
    await row(reference).getByText('here, changed').waitFor();
    await page.getByText('All', { exact: true }).click();
    expect(await keep(page, 'runtimes-images')).toEqual([]);
  });

  it('a saved image is imported from a path; what is none is refused in the dialog', async () => {
    const name = `${mine}/saved:1`;
    made.add(name);
    const good = await writeArchive(join(stage.directory, 'saved.tar'), dockerArchive(makeImage(), name));
    const bad = join(stage.directory, 'page.tar');
    await writeFile(bad, '<!DOCTYPE html>'.repeat(100));
    await page.getByRole('button', { name: 'Import a saved image…' }).click();
    await page.getByLabel('File on the machine of the agent').fill(bad);
    await page.keyboard.press('Enter');
    await page.getByText('This file is no tar archive.').waitFor();
    expect(await keep(page, 'image-import-refused')).toEqual([]);
    await page.getByLabel('File on the machine of the agent').fill(good);
    await page.keyboard.press('Enter');
    await row(name).waitFor();
  });

  it('an export asks where to, and a prune shows exactly what goes', async () => {
    const name = `${mine}/saved:1`;
    await row(name)
      .getByRole('button', { name: `Export ${name}…` })
      .click();
    await page.getByLabel('File to write, on the machine of the agent').fill(join(stage.directory, 'o.tar'));
    await page.getByText('equal ids are equal images', { exact: false }).waitFor();
    expect(await keep(page, 'image-export')).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Prune…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(name).waitFor();
    expect(await dialog.getByText(reference).count()).toBe(0);
    expect(await keep(page, 'image-prune')).toEqual([]);
    // Only the one that this test made.
    for (const box of await dialog.getByRole('checkbox').all())
      if (!(await box.locator('xpath=ancestor::li').innerText()).includes(name)) await box.uncheck();
    await dialog.getByRole('button', { name: 'Remove 1 image' }).click();
    await page.getByText('1 image removed', { exact: false }).waitFor();
    await row(name).waitFor({ state: 'detached' });
  });

  it('a file that is no runtime tells where; a runtime has a page of its own', async () => {
    const directory = join(stage.directory, 'data', 'runtimes');
    await writeFile(join(directory, 'mine.yaml'), 'id: mine\nname: Mine\ndriver: rocket\n');
    await page.getByText('mine.yaml is not usable', { exact: false }).first().waitFor();
    await page.getByText('Line 3, column', { exact: false }).first().waitFor();
    expect(await keep(page, 'runtimes-problem')).toEqual([]);
    await rm(join(directory, 'mine.yaml'));
    await page.getByRole('link', { name: 'llama-cpp-cpu', exact: true }).first().click();
    await page.getByRole('heading', { name: 'llama-cpp-cpu', level: 1 }).waitFor();
    await page.getByText('Settings a slot may give').waitFor();
    expect(await keep(page, 'runtime-page')).toEqual([]);
    await page.getByRole('tab', { name: 'Container' }).click();
    await page.getByRole('button', { name: 'Show the container' }).click();
    await page.getByText('Body of the create call').waitFor();
    expect(await keep(page, 'runtime-container')).toEqual([]);
  });

  it('offline, a pull is refused before it is asked for', async () => {
    await stage.agent.call(ENDPOINTS.putProfile, { body: { profile: 'offline' } });
    await open('/runtimes', 'This node is offline: nothing is pulled.');
    const pull = page.getByRole('button', { name: 'Pull…', exact: true });
    expect(await pull.getAttribute('aria-disabled')).toBe('true');
    expect(await keep(page, 'runtimes-offline')).toEqual([]);
  });

  it('complained about nothing', () => {
    expect(stage.complaints.filter((one) => !one.includes('422'))).toEqual([]);
  });
});
