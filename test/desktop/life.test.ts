import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentState } from '../../src/shared/desktop/bridge.ts';
import { serve } from '../support/process.ts';
import { isAlive, openWorkplace, untilGone, within } from './harness.ts';
import { callFromPage } from './page-calls.ts';

const CANCEL = 0;
const KEEP = 1;
const STOP_ALL = 2;

describe('the start', () => {
  it('starts an agent, loads the page and gives it the bridge and nothing else', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    expect(await callFromPage(page, '/v1/modelops/models')).toMatchObject({
      status: 200,
      body: { models: [], next_cursor: null },
    });
    const { state, message, dataDir, agentVersion } = (await page.evaluate(() =>
      (globalThis as unknown as { desktop: { agentState: () => Promise<unknown> } }).desktop.agentState(),
    )) as AgentState;
    const agent = await place.agent();
    expect({ state, message, dataDir }).toEqual({
      state: 'running',
      message: `The agent answers at ${agent.url}.`,
      dataDir: place.dataDir,
    });
    const bridge = await page.evaluate(() => {
      const { desktop: own, require, process } = globalThis as unknown as Record<string, unknown>;
      return {
        members: Object.keys(own as object).toSorted(),
        version: (own as { version: string }).version,
        platform: (own as { platform: string }).platform,
        node: [typeof require, typeof process],
      };
    });
    expect(bridge).toEqual({
      members: [
        'agentState',
        'onAgentState',
        'pickModelPath',
        'platform',
        'revealPath',
        'startAgent',
        'terminal',
        'version',
      ],
      version: agentVersion,
      platform: process.platform,
      node: ['undefined', 'undefined'],
    });
    // The agent is no child in our group: what ends us does not reach it.
    const status = await readFile(`/proc/${agent.pid}/stat`, 'utf8');
    const [, , group, session] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    expect([group, session]).toEqual([String(agent.pid), String(agent.pid)]);
    const command = (await readFile(`/proc/${agent.pid}/cmdline`, 'utf8')).split('\0');
    expect(command[0]).toContain(join('node_modules', `node-linux-${process.arch}`, 'bin', 'node'));
    expect(await readFile(join(place.dataDir, 'logs', 'agent.log'), 'utf8')).not.toContain(agent.token);
  });

  it('attaches to an agent that runs already and leaves it running', async () => {
    await using place = await openWorkplace();
    await using agent = await serve(place.dataDir);
    const desktop = await place.start();
    const page = await desktop.page();
    const { body } = await callFromPage(page, '/v1/system');
    expect(body).toMatchObject({ system: { pid: agent.pid } });
    desktop.kill('SIGTERM');
    expect(await within(desktop.ended, 'the desktop to end')).toBe(0);
    expect(isAlive(agent.pid)).toBe(true);
    expect(desktop.all('question')).toEqual([]);
  });

  it('shows the window of the first when it is started a second time', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await desktop.page();
    expect(await place.startAgain([])).toBe(0);
    await desktop.happened('window', ({ did }) => did === 'focus');
    const { pid } = await place.agent();
    expect(isAlive(pid)).toBe(true);
    expect(isAlive(desktop.pid)).toBe(true);
  });
});

describe('quitting', () => {
  it('asks, and goes on when told to', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await callFromPage(page, '/v1/system');
    await desktop.command({ op: 'answer', response: CANCEL });
    await desktop.command({ op: 'quit' });
    expect(await desktop.happened('question')).toMatchObject({
      message: 'Quit ModelOps Node?',
      buttons: ['Cancel', 'Keep the agent and quit', 'Stop the agent and quit'],
    });
    expect((await callFromPage(page, '/healthz')).status).toBe(200);
  });

  it('leaves the agent running, and the next start attaches to it', async () => {
    await using place = await openWorkplace();
    const first = await place.start();
    await callFromPage(await first.page(), '/v1/system');
    const { pid } = await place.agent();
    await first.command({ op: 'answer', response: KEEP });
    await first.command({ op: 'click-tray', labels: ['Quit'] });
    expect(await within(first.ended, 'the desktop to end')).toBe(0);
    expect(isAlive(pid)).toBe(true);

    const second = await place.start();
    const { body } = await callFromPage(await second.page(), '/v1/system');
    expect(body).toMatchObject({ system: { pid } });
  });

  it('stops the agent first when that is chosen', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await callFromPage(await desktop.page(), '/v1/system');
    const { pid } = await place.agent();
    await desktop.command({ op: 'answer', response: STOP_ALL });
    await desktop.command({ op: 'quit' });
    expect(await within(desktop.ended, 'the desktop to end')).toBe(0);
    await within(untilGone(pid), 'the agent to end');
    expect(existsSync(join(place.dataDir, 'agent.json'))).toBe(false);
  });

  it('stops nothing when the desktop is killed', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await callFromPage(await desktop.page(), '/v1/system');
    const agent = await place.agent();
    desktop.kill('SIGKILL');
    await desktop.ended;
    expect((await agent.request('GET', '/healthz')).status).toBe(200);
  });

  it('closing the window keeps the app, and the tray opens it again', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await page.close();
    await desktop.happened('window', ({ did }) => did === 'closed');
    await desktop.command({ op: 'click-tray', labels: ['Open'] });
    expect((await callFromPage(await desktop.page(), '/healthz')).status).toBe(200);
  });
});
