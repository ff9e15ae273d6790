import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { SessionView } from './control.ts';
import { openWorkplace } from './harness.ts';
import { callFromPage } from './page-calls.ts';
import { IS_REAL } from './stages.ts';

/** Another program of this machine: loopback is no reason to be let in. */
async function otherSite(): Promise<AsyncDisposable & { readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('access-control-allow-origin', '*');
    response.end('<h1>another site</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function addLink(page: Page, href: string): Promise<void> {
  await page.evaluate((url) => {
    document.querySelector('#test-link')?.remove();
    const link = document.createElement('a');
    Object.assign(link, { href: url, target: '_blank', id: 'test-link', textContent: 'outward' });
    Object.assign(link.style, {
      position: 'fixed',
      inset: '0 auto auto 0',
      zIndex: '99999',
      background: 'red',
    });
    document.body.append(link);
  }, href);
}

/** `answered`, or the name of what went wrong. */
function fetchFrom(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (target) =>
      fetch(target).then(
        () => 'answered',
        (error: unknown) => (error as Error).name,
      ),
    url,
  );
}

describe('a page', () => {
  it('stays where it is', async () => {
    await using place = await openWorkplace();
    await using other = await otherSite();
    const desktop = await place.start();
    const page = await desktop.page();
    for (const target of [`${other.url}/`, 'https://example.com/']) {
      await page.evaluate((url) => {
        location.href = url;
      }, target);
      await desktop.happened('navigation-denied', ({ url }) => url === target);
    }
    // Not to the data of the agent either.
    await page.evaluate(() => {
      location.href = '/v1/modelops/models';
    });
    await desktop.happened('navigation-denied', ({ url }) => url === 'app://modelops/v1/modelops/models');
    expect(page.url()).toBe(`${desktop.origin}/`);
    expect((await callFromPage(page, '/healthz')).status).toBe(200);
    expect(other.asked).toEqual([]);
  });

  it('calls and loads nothing but the app, not even past its own policy', async () => {
    await using place = await openWorkplace();
    await using other = await otherSite();
    const desktop = await place.start();
    const page = await desktop.page();
    // First the policy of the page.
    expect(await fetchFrom(page, `${other.url}/past-the-policy`)).toBe('TypeError');
    expect(desktop.all('request-denied')).toEqual([]);
    // Then the session, which also holds for what no policy covers.
    const debugging = await page.context().newCDPSession(page);
    await debugging.send('Page.setBypassCSP', { enabled: true });
    await page.reload();
    for (const url of [`${other.url}/past-the-session`, 'https://example.com/']) {
      expect(await fetchFrom(page, url)).toBe('TypeError');
      await desktop.happened('request-denied', (denied) => denied.url === url);
    }
    expect((await callFromPage(page, '/healthz')).status).toBe(200);
    expect(other.asked).toEqual([]);
    if (IS_REAL) return;
    const view = (await desktop.command({ op: 'session' })) as SessionView;
    expect(view.proxy).toEqual({ mode: 'direct' });
    expect(view.spellChecker).toBe(false);
  });

  it('opens no window; https goes to the system, after a click, while the node is online', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await callFromPage(page, '/v1/system');
    // The tray is drawn once the profile is known.
    await desktop.happened('tray', ({ view }) => view.tooltip.includes('no model is loaded'));
    await page.evaluate(() => void window.open('https://example.com/no-gesture'));
    for (const href of [
      'http://example.com/plain',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'ms-settings:x',
    ]) {
      await addLink(page, href);
      await page.click('#test-link');
    }
    await addLink(page, 'https://example.com/wanted');
    await page.click('#test-link');
    await desktop.happened('opened-external');
    // One click opens one page.
    await page.evaluate(() => void window.open('https://example.com/second'));
    await callFromPage(page, '/healthz');
    expect(desktop.all('opened-external')).toEqual([
      { event: 'opened-external', url: 'https://example.com/wanted' },
    ]);

    await callFromPage(page, '/v1/runtime/profile', { method: 'PUT', body: { profile: 'offline' } });
    await page.click('#test-link');
    await callFromPage(page, '/healthz');
    expect(desktop.all('opened-external')).toHaveLength(1);
    expect(
      page
        .context()
        .pages()
        .filter((open) => open.url().includes('example.com')),
    ).toEqual([]);
  });

  it.skipIf(IS_REAL)('gets no permission but to copy', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await desktop.page();
    const ask = (permission: string, url = 'app://modelops/'): Promise<unknown> =>
      desktop.command({ op: 'permission', permission, url });
    expect(await ask('clipboard-sanitized-write')).toBe(true);
    expect(await ask('clipboard-sanitized-write', 'https://example.com/')).toBe(false);
    for (const permission of [
      'clipboard-read',
      'media',
      'geolocation',
      'notifications',
      'usb',
      'openExternal',
    ])
      expect([permission, await ask(permission)]).toEqual([permission, false]);
  });

  it.skipIf(IS_REAL)('runs sandboxed, apart from its preload, without Node', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    await desktop.page();
    const { windowOptions, privileges } = (await desktop.command({ op: 'session' })) as SessionView;
    expect(windowOptions).toHaveLength(1);
    expect(windowOptions[0]?.['webPreferences']).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
    });
    expect(privileges).toEqual([
      {
        scheme: 'app',
        privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
      },
    ]);
  });

  it('gets paths from dialogs, and shows only files of this machine', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const bridge = <T>(run: string): Promise<T> => page.evaluate(`window.desktop.${run}`) as Promise<T>;
    expect(await bridge('pickModelPath("file")')).toBeNull();
    await desktop.command({ op: 'choose', paths: ['/models/some.gguf'] });
    expect(await bridge('pickModelPath("file")')).toBe('/models/some.gguf');
    expect(await bridge(`revealPath(${JSON.stringify(place.dataDir)})`)).toBe(true);
    await desktop.happened('revealed');
    for (const path of ['relative/path', '/nowhere/at/all', '', 7])
      expect(await bridge(`revealPath(${JSON.stringify(path)})`)).toBe(false);
    expect(desktop.all('revealed')).toEqual([{ event: 'revealed', path: place.dataDir }]);
  });
});
