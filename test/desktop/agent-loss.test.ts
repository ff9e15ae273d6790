import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { AgentState, DesktopBridge } from '../../src/shared/desktop/bridge.ts';
import { cli, serve } from '../support/process.ts';
import { openWorkplace, within } from './harness.ts';
import { callFromPage, followEvents } from './page-calls.ts';

interface Globals {
  readonly desktop: DesktopBridge;
  told: AgentState[];
}

/** Keeps what the bridge tells the page. */
async function listenInPage(page: Page): Promise<void> {
  await page.evaluate(() => {
    const globals = globalThis as unknown as Globals;
    globals.told = [];
    globals.desktop.onAgentState((state) => void globals.told.push(state));
  });
}

/** The states the page was told until it was told this one. */
async function toldUntil(page: Page, state: AgentState['state']): Promise<AgentState[]> {
  await page.waitForFunction(
    (wanted) => (globalThis as unknown as Globals).told.at(-1)?.state === wanted,
    state,
    { timeout: 60_000 },
  );
  return page.evaluate(() => (globalThis as unknown as Globals).told);
}

describe('an agent that is killed', () => {
  it('is told, started again, and the page comes back to it', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const events = await followEvents(page);
    await events.opened(1);
    await listenInPage(page);
    const { pid } = await place.agent();
    process.kill(pid, 'SIGKILL');

    await desktop.happened('notification');
    expect(desktop.all('notification')).toEqual([
      {
        event: 'notification',
        title: 'The agent ended unexpectedly',
        body: 'The agent ended unexpectedly; it is started again (1 of 5 in ten minutes).',
      },
    ]);
    // A call that comes in between waits for the new agent.
    expect((await callFromPage(page, '/v1/system')).status).toBe(200);
    const told = await toldUntil(page, 'running');
    expect(told.slice(-2).map(({ state }) => state)).toEqual(['starting', 'running']);
    expect(told.at(-2)?.message).toContain('ended unexpectedly');
    await events.opened(2);
    expect((await events.failures()).length).toBeGreaterThan(0);
    const next = await place.agent();
    expect(next.pid).not.toBe(pid);
    expect((await callFromPage(page, '/v1/modelops/models')).status).toBe(200);
  });
});

describe('an agent that left its file behind', () => {
  it('is not mistaken for the program that has its number now', async () => {
    await using place = await openWorkplace();
    // As after a power cut: the number is that of a program that has nothing to do with us.
    const stale = { url: 'http://127.0.0.1:9', pid: process.pid, version: '0.1.0', started_at: '' };
    await writeFile(join(place.dataDir, 'agent.json'), JSON.stringify(stale));
    const desktop = await place.start();
    expect((await callFromPage(await desktop.page(), '/v1/system')).status).toBe(200);
    expect((await place.agent()).pid).not.toBe(process.pid);
    expect(desktop.all('notification')).toEqual([]);
  });
});

describe('two starts at the same time', () => {
  it('end up with one agent', async () => {
    await using place = await openWorkplace();
    const starting = place.start();
    // Whoever comes first has the directory; the other one gives way.
    await using agent = await serve(place.dataDir).catch(() => null);
    const desktop = await starting;
    const page = await desktop.page();
    expect((await callFromPage(page, '/v1/system')).status).toBe(200);
    const { pid } = await place.agent();
    if (agent !== null) expect(pid).toBe(agent.pid);
    expect(desktop.all('notification')).toEqual([]);
  });
});

describe('a port that another program has', () => {
  it('is left to it, and the app says so', async () => {
    await using place = await openWorkplace();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await writeFile(join(place.dataDir, 'config.yaml'), `port: ${port}\n`);
    const desktop = await place.start();
    const page = await desktop.page();
    expect((await callFromPage(page, '/v1/system')).status).toBe(200);
    const state = await page.evaluate(() => (globalThis as unknown as Globals).desktop.agentState());
    expect(state.warnings.map(({ code }) => code)).toContain('other_port');
    other.close();
  });
});

describe('an agent that was stopped by somebody else', () => {
  it('stays stopped; calls are refused in the shape of the API, event streams break, and the page can start it', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await callFromPage(page, '/v1/system');
    await listenInPage(page);
    expect((await cli(place.dataDir, ['stop'])).code).toBe(0);
    const told = await toldUntil(page, 'stopped');
    expect(told.at(-1)?.message).toBe('The agent was stopped.');
    expect(desktop.all('notification')).toEqual([]);

    const ordinary = await callFromPage(page, '/v1/modelops/models');
    expect(ordinary).toMatchObject({
      status: 503,
      body: { error: 'agent_unreachable', message: 'The agent was stopped.' },
    });
    expect(ordinary.body['request_id']).toMatch(/^desktop_/);
    expect(ordinary.body['hint']).toEqual(expect.stringContaining('modelops serve'));
    expect(
      await callFromPage(page, '/v1/chat/completions', {
        method: 'POST',
        body: { model: 'x', messages: [] },
      }),
    ).toMatchObject({
      status: 503,
      body: { error: { code: 'agent_unreachable', type: 'server_error', param: null } },
    });
    expect(
      await page.evaluate(() =>
        fetch('/v1/events').then(
          (response) => `status ${response.status}`,
          (error: unknown) => (error as Error).name,
        ),
      ),
    ).toBe('TypeError');

    const state = await page.evaluate(() => (globalThis as unknown as Globals).desktop.startAgent());
    expect(state.state).toBe('running');
    expect((await callFromPage(page, '/v1/modelops/models')).status).toBe(200);
  });
});

describe('an agent that cannot start', () => {
  it('is not tried again and again, and its own words are shown', async () => {
    await using place = await openWorkplace();
    await writeFile(join(place.dataDir, 'modelops.db'), 'this is no database'.repeat(100));
    const desktop = await place.start();
    const { view } = await desktop.happened('tray', ({ view: { items } }) =>
      items.some(({ label }) => label === 'Start the agent'),
    );
    expect(view.items[0]?.label).toContain('is not a SQLite database');
    const { status, body } = await callFromPage(await desktop.page(), '/v1/modelops/models');
    expect(status).toBe(503);
    expect(body['message']).toEqual(expect.stringContaining('is not a SQLite database'));
    expect(desktop.all('notification')).toEqual([]);
    // Nobody is there to be asked about.
    await desktop.command({ op: 'quit' });
    expect(await within(desktop.ended, 'the desktop to end')).toBe(0);
  });
});
