import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel, startTestAgent } from '../support/agent.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { UI_DIRECTORY } from './support/build-renderer.ts';
import { expectAccessible, shoot } from './support/browser.ts';
import { openStage, type Stage } from './support/stage.ts';

/** Event streams that are open at the agent, which runs in this process. */
function countStreams(): { now(): number; most(): number; stop(): void } {
  const open = new Set<IncomingMessage>();
  let most = 0;
  const onRequest = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.startsWith('/v1/events') !== true) return;
    open.add(request);
    most = Math.max(most, open.size);
    request.once('close', () => open.delete(request));
    request.socket.once('close', () => open.delete(request));
  };
  subscribe('http.server.request.start', onRequest);
  return {
    now: () => open.size,
    most: () => most,
    stop: () => unsubscribe('http.server.request.start', onRequest),
  };
}

describe('the line to the agent', () => {
  let stage: Stage;
  let page: Page;
  const streams = countStreams();
  let slotId: string;

  beforeAll(async () => {
    stage = await openStage();
    const endless = await writeEndlessModel(join(stage.directory, 'endless.gguf'), 'endless', 200_000);
    await importModel(stage.agent, endless, { name: 'endless' });
    slotId = (await serveModel(stage.agent, 'endless-v1')).slot_id;
    page = await stage.page();
  });
  afterAll(async () => {
    streams.stop();
    await stage?.[Symbol.asyncDispose]();
  });

  it('a stream that is stopped ends at the agent too, and says what was there until then', async () => {
    await page.goto(`${stage.agent.url}/playground?model=endless-v1`);
    await page.getByLabel('Prompt', { exact: true }).fill('Speak on.');
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-turn="streaming"] [data-answer]').getByText('without any end').waitFor();
    expect(
      (await stage.agent.call(ENDPOINTS.getSlot, { params: { id: slotId } })).slot.requests_in_flight,
    ).toBe(1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('[data-turn="stopped"]').waitFor();
    await page.getByText('stopped by you', { exact: false }).waitFor();
    await stage.agent.slot(slotId, (now) => now.requests_in_flight === 0);
    // The slot is free again for the next question, and Ctrl . stops as the button does. Without the first answer before
    // it: on a busy machine that one is long enough to take longer to read than anybody waits.
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByLabel('Prompt', { exact: true }).fill('Again.');
    await page.locator('button:not([aria-disabled="true"])', { hasText: 'Send' }).waitFor();
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-turn="streaming"] [data-answer]').getByText('without any end').waitFor();
    await page.keyboard.press('Control+.');
    await page.locator('[data-turn="stopped"]').waitFor();
    const { requests_in_flight: left } = await stage.agent.slot(
      slotId,
      (now) => now.requests_in_flight === 0,
    );
    expect(left).toBe(0);
  });

  it('two tabs share one stream, and both see what happens', async () => {
    await page.goto(`${stage.agent.url}/slots`);
    const second = await stage.context.newPage();
    await second.goto(`${stage.agent.url}/slots`);
    await page.locator(`[data-strip="${slotId}"]`).waitFor();
    await second.locator(`[data-strip="${slotId}"]`).waitFor();
    await stage.agent.call(ENDPOINTS.createSlot, {
      body: { id: 'for-both', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    await page.locator('[data-strip="for-both"]').waitFor();
    await second.locator('[data-strip="for-both"]').waitFor();
    expect(streams.now()).toBe(1);
    await second.close();
    // The one that stays still hears.
    await stage.agent.call(ENDPOINTS.deleteSlot, { params: { id: 'for-both' } });
    await page.locator('[data-strip="for-both"]').waitFor({ state: 'detached' });
  });

  it('an agent that stops is said to be gone, and what changed meanwhile is there when it is back', async () => {
    const { url, dataDir } = stage.agent;
    await page.goto(`${url}/slots`);
    await page.getByRole('button', { name: 'New slot' }).waitFor();
    await stage.agent.stop();
    await page.getByRole('contentinfo').getByText('No answer since', { exact: false }).waitFor();
    const button = page.getByRole('button', { name: 'New slot' });
    await expect.poll(() => button.getAttribute('aria-disabled'), { timeout: 15_000 }).toBe('true');
    // What was seen last stays.
    await page.locator(`[data-strip="${slotId}"]`).waitFor();
    await expectAccessible(page);
    await shoot(page, 'agent-gone-slots');
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByText('The agent does not answer since', { exact: false }).waitFor();
    await expectAccessible(page);
    await shoot(page, 'agent-gone-overview');

    await using again = await startTestAgent(dataDir, {
      uiDirectory: UI_DIRECTORY,
      settings: { port: Number(new URL(url).port) },
    });
    await again.call(ENDPOINTS.createSlot, {
      body: { id: 'born-meanwhile', capability: 'llm_inference', runtime_spec: 'embedded-llama' },
    });
    await page.getByRole('contentinfo').getByText('Agent', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Slots', exact: true }).click();
    await page.locator('[data-strip="born-meanwhile"]').waitFor();
    await expect
      .poll(() => page.getByRole('button', { name: 'New slot' }).getAttribute('aria-disabled'), {
        timeout: 15_000,
      })
      .toBeNull();
    expect(streams.most()).toBeLessThanOrEqual(2);
  });

  it('complained about nothing', () => {
    expect(stage.complaints).toEqual([]);
  });
});
