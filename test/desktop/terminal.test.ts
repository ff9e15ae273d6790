import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import type { DesktopBridge } from '../../src/shared/desktop/bridge.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { shoot } from '../e2e/support/browser.ts';
import { docker, removeContainersOf } from '../support/docker.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { openWorkplace, type Workplace } from './harness.ts';

/** The terminal of the app: the words come from the agent, a docker client runs them in a terminal of this machine. */

const WAIT_MS = 30_000;

/** A slot that serves from a real container. @returns its id and the container's. */
async function servingSlot(place: Workplace): Promise<{ slot: string; container: string; nodeId: string }> {
  const agent = await place.agent();
  const model = await importModel(
    agent,
    await writeSpeakingModel(join(place.dataDir, 'alpha.gguf'), 'alpha'),
  );
  const { slot_id: slot } = await serveModel(agent, model.id, {
    runtime_spec: 'llama-cpp-cpu',
    config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
  });
  const { container_id: container } = await agent.slot(slot, (now) => now.load_state === 'loaded');
  const { system } = await agent.call(ENDPOINTS.getSystem, {});
  return { slot, container: container ?? '', nodeId: system.node_id };
}

const shells = async (container: string): Promise<number> =>
  (await docker('top', container, '-eo', 'pid,args')).split('\n').filter((row) => row.endsWith(' sh')).length;

/** docker clients of this machine that have the container open. */
async function clients(container: string): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((row) => row.includes(`exec -it ${container}`)).length;
}

async function openTerminal(page: Page, slot: string): Promise<void> {
  await page.getByRole('button', { name: 'Open a terminal' }).click();
  await page.getByText(/^This machine runs/).waitFor();
  await page.getByRole('group', { name: `Terminal in the container of slot ${slot}` }).waitFor();
}

describe('a terminal in the app', () => {
  it('runs what the agent says in a terminal of this machine, and ends with its page', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    page.setDefaultTimeout(WAIT_MS);
    // The agent answers.
    await page.getByText('Nothing is served yet.').waitFor();
    const { slot, container, nodeId } = await servingSlot(place);
    try {
      await page.getByRole('link', { name: 'Slots', exact: true }).click();
      await page.getByRole('link', { name: slot, exact: true }).first().click();
      await page.getByRole('tab', { name: 'Terminal' }).click();
      await openTerminal(page, slot);
      expect(await page.locator('code').first().textContent()).toBe(`docker exec -it ${container} sh`);
      const rows = page.locator('.xterm-rows');
      await rows.getByText(/[$#]/).first().waitFor();
      await page.keyboard.type('echo answer-$((40+2)); ls /models; stty size\n');
      await rows.getByText('answer-42').waitFor();
      await rows.getByText('model.gguf').first().waitFor();
      // The size is that of the page's terminal, not the 80 by 24 of nobody.
      expect(await rows.locator('> div').count()).toBeGreaterThan(24);
      await shoot(page, 'desktop-terminal', ['laptop']);
      const agent = await place.agent();
      const { audit } = await agent.call(ENDPOINTS.listAudit, { query: { subject: `slot:${slot}` } });
      expect(audit[0]).toMatchObject({
        action: 'slot.terminal_opened',
        data: { mode: 'command', container_id: container },
      });
      expect(await clients(container)).toBe(1);

      // Its end comes with its code.
      await page.keyboard.type('exit 3\n');
      await page.getByText('The terminal has ended with code 3.').waitFor();
      expect(await clients(container)).toBe(0);

      // A page that goes takes its terminals with it, and their shells.
      await page.getByRole('button', { name: 'Open another' }).click();
      await page.getByText(/^This machine runs/).waitFor();
      await page.locator('.xterm-rows').getByText(/[$#]/).first().waitFor();
      expect(await shells(container)).toBe(1);
      await page.getByRole('tab', { name: 'Logs' }).click();
      await expect.poll(() => clients(container), { timeout: WAIT_MS }).toBe(0);
      await expect.poll(() => shells(container), { timeout: WAIT_MS }).toBe(0);
    } finally {
      // An agent that still wants it would start it again.
      await (await place.agent()).call(ENDPOINTS.unloadSlot, { params: { id: slot } });
      await removeContainersOf(nodeId);
    }
  });

  it('takes no words from the page', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const ask = (slotId: unknown, size: unknown) =>
      page.evaluate(
        ([id, dimensions]) =>
          (globalThis as unknown as { desktop: DesktopBridge }).desktop.terminal.open(
            id as string,
            dimensions as { columns: number; rows: number },
          ),
        [slotId, size] as const,
      );
    const size = { columns: 80, rows: 24 };
    expect(await ask('../../../bin/sh', size)).toMatchObject({ state: 'refused', error: 'invalid_argument' });
    expect(await ask(['sh', '-c', 'true'], size)).toMatchObject({ state: 'refused' });
    expect(await ask('chat', { columns: 1e9, rows: -1 })).toMatchObject({ state: 'refused' });
    expect(await ask('nobody', size)).toMatchObject({ state: 'refused', error: 'not_found' });
  });
});
