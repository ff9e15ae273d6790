import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { writeSpeakingModel } from '../support/models.ts';
import type { TrayView } from './control.ts';
import { openWorkplace, type Desktop } from './harness.ts';
import { callFromPage } from './page-calls.ts';

/** What the page asked the agent to change. */
function changes(desktop: Desktop): string[] {
  return desktop
    .all('page-request')
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, url }) => `${method} ${url}`);
}

describe('a link', () => {
  it('opens its page in the window that is there, and does nothing else', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await callFromPage(page, '/v1/system');
    expect(await place.startAgain(['modelops://discover/hf/org/repo?rev=main'])).toBe(0);
    await page.waitForURL(`${desktop.origin}/discover/hf/org/repo?rev=main`);
    await desktop.happened('window', ({ did }) => did === 'focus');
    await desktop.command({ op: 'open-url', url: 'modelops://models/some-model' });
    await page.waitForURL(`${desktop.origin}/models/some-model`);
    // What would reach the agent, or sign somebody in, is no link: the window comes, its page stays.
    for (const url of ['modelops://v1/system/stop', 'modelops:///healthz', 'https://example.com/']) {
      await desktop.command({ op: 'open-url', url });
      await expect.poll(() => page.url(), { timeout: 15_000 }).toBe(`${desktop.origin}/models/some-model`);
    }
    await desktop.command({ op: 'open-url', url: 'modelops://settings#code=stolen' });
    await page.waitForURL(`${desktop.origin}/settings`);
    expect(changes(desktop)).toEqual([]);
    const { jobs } = await (await place.agent()).call(ENDPOINTS.listJobs, {});
    expect(jobs).toEqual([]);
  });

  it('that starts the app is its first page', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start({ argv: ['--some-switch', 'modelops://slots/chat/logs?attempt=2'] });
    const page = await desktop.page();
    await expect
      .poll(() => page.url(), { timeout: 15_000 })
      .toBe(`${desktop.origin}/slots/chat/logs?attempt=2`);
  });
});

describe('the tray', () => {
  it('tells what serves, empties a slot when told to, and the question at quitting counts', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await callFromPage(await desktop.page(), '/v1/system');
    const agent = await place.agent();
    const path = await writeSpeakingModel(join(place.dataDir, 'speaker.gguf'), 'speaker');
    const model = await importModel(agent, path);
    const { slot_id: id } = await serveModel(agent, model.id, { config: { threads: 1 } });
    const { slot } = await agent.call(ENDPOINTS.getSlot, { params: { id } });

    const serves = `${slot.display_name}: serves ${model.id}`;
    const { view } = await desktop.happened(
      'tray',
      ({ view: { items, tooltip } }) =>
        // The job that brought it there is done a moment later.
        tooltip.endsWith('1 model is serving.') && items.length === 4 && items[1]?.label === serves,
    );
    expect(view.items.map(({ label }) => label)).toEqual([
      '1 model is serving.',
      serves,
      'Open ModelOps Node',
      'Quit…',
    ]);
    expect(view.items[1]?.submenu.map(({ label }) => label)).toEqual(['Open', 'Unload…']);

    await desktop.command({ op: 'answer', response: 0 });
    await desktop.command({ op: 'quit' });
    const quit = await desktop.happened('question', ({ message }) => message.startsWith('Quit'));
    expect([quit.detail, quit.buttons]).toEqual([
      '1 model is serving.',
      ['Cancel', 'Keep serving and quit', 'Stop all and quit'],
    ]);

    // Keep, then really.
    await desktop.command({ op: 'answer', response: 0 });
    await desktop.command({ op: 'click-tray', labels: [serves, 'Unload'] });
    const question = await desktop.happened('question', ({ message }) => message.startsWith('Unload'));
    expect(question).toMatchObject({
      message: `Unload ${model.id} from ${slot.display_name}?`,
      buttons: ['Keep', 'Unload'],
    });
    expect(((await desktop.command({ op: 'tray' })) as TrayView).tooltip).toContain('1 model is serving.');
    await desktop.command({ op: 'answer', response: 1 });
    await desktop.command({ op: 'click-tray', labels: [serves, 'Unload'] });
    await agent.slot(id, (now) => now.load_state === 'empty');
    await desktop.happened('tray', ({ view: { items } }) =>
      items.some(({ label }) => label === `${slot.display_name}: empty`),
    );

    await desktop.command({ op: 'click-tray', labels: [`${slot.display_name}: empty`, 'Open'] });
    await (await desktop.page()).waitForURL(`${desktop.origin}/slots/${id}`);
  });
});
