import { once } from 'node:events';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer, request as forward, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedFiles, type AgentFile } from '../../src/agent/kernel/agent-file.ts';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { importModel, serveModel } from '../support/agent.ts';
import { serve } from '../support/process.ts';
import { writeEndlessModel } from '../support/endless-model.ts';
import { openWorkplace, type Workplace } from './harness.ts';
import { callFromPage, chatFromPage } from './page-calls.ts';
import { HAS_KEYCHAIN, IS_REAL } from './stages.ts';

/** Requests come and go without an event; far less than the answer would take. */
const SOON = { interval: 10, timeout: 3000 };

/** What the agent was asked, seen from between the desktop and it. */
interface Listener extends AsyncDisposable {
  readonly heard: { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders }[];
}

/** Puts itself between: `agent.json` names it, and it passes everything on. */
async function listenBetween(place: Workplace): Promise<Listener> {
  const { agentFile } = sharedFiles(place.dataDir);
  const agent = JSON.parse(await readFile(agentFile, 'utf8')) as AgentFile;
  const heard: Listener['heard'] = [];
  const server: Server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming;
    heard.push({ method, path, headers });
    const upstream = forward(new URL(path, agent.url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.once('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(`${agentFile}.new`, JSON.stringify({ ...agent, url }));
  await rename(`${agentFile}.new`, agentFile);
  return {
    heard,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** All that a script in the page can get at without asking the agent. */
const READ_EVERYTHING = `(async () => JSON.stringify([
  document.documentElement.outerHTML, document.cookie, { ...localStorage }, { ...sessionStorage }, location.href,
  performance.getEntries(), window.desktop, await window.desktop.agentState(), Object.getOwnPropertyNames(window),
  (await indexedDB.databases()), await caches.keys(),
]))()`;

describe('a stream', () => {
  it('that the page gives up ends the work of the runtime', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    await callFromPage(page, '/v1/system');
    const agent = await place.agent();
    const path = await writeEndlessModel(join(place.dataDir, 'endless.gguf'), 'endless', 262_144);
    const model = await importModel(agent, path);
    // Tests and validation want an end; a chat does not.
    const { slot_id: slot } = await serveModel(agent, model.id, {
      config: { context_length: 131_072, threads: 1 },
    });
    const chat = chatFromPage(page, model.id);
    await chat.begun;
    const inFlight = async (): Promise<number> =>
      (await agent.call(ENDPOINTS.getSlot, { params: { id: slot } })).slot.requests_in_flight;
    expect(await inFlight()).toBe(1);
    const bytes = await chat.abort();
    await expect.poll(inFlight, SOON).toBe(0);
    // The whole answer would be some 20 MB.
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(10_000_000);

    // The same when the whole page goes.
    const second = chatFromPage(page, model.id);
    await second.begun;
    expect(await inFlight()).toBe(1);
    await page.reload();
    await expect.poll(inFlight, SOON).toBe(0);
  });
});

describe('a call', () => {
  it('reaches the agent with our key and without what the browser says about itself', async () => {
    await using place = await openWorkplace();
    await using agent = await serve(place.dataDir);
    await using between = await listenBetween(place);
    const desktop = await place.start();
    const page = await desktop.page();
    await page.evaluate("document.cookie = 'planted=1'");
    await callFromPage(page, '/v1/modelops/models', {
      headers: { authorization: 'Bearer planted', 'last-event-id': '7' },
    });
    const body = { profile: 'online' };
    expect((await callFromPage(page, '/v1/runtime/profile', { method: 'PUT', body })).status).toBe(200);

    const sent = desktop.all('page-request').filter(({ url }) => url.startsWith('/v1/'));
    // Schemes of its own have no cookies in Electron; a browser has.
    if (!IS_REAL) expect(sent.some(({ headers }) => headers['cookie'] === 'planted=1')).toBe(true);
    expect(sent.some(({ headers }) => headers['origin'] === 'app://modelops')).toBe(true);
    // The desktop's own calls are those of Node's fetch.
    const passedOn = between.heard.filter(({ headers }) => headers['user-agent'] !== 'node');
    expect(passedOn.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining(['GET /v1/modelops/models', 'PUT /v1/runtime/profile']),
    );
    for (const { headers } of passedOn) {
      expect(headers.authorization).toMatch(/^Bearer mok_/);
      expect(headers.authorization?.includes(agent.token)).toBe(!HAS_KEYCHAIN);
      expect(Object.keys(headers).filter((name) => /^(origin|referer|cookie|sec-)/.test(name))).toEqual([]);
    }
    const models = passedOn.find(({ headers }) => headers['last-event-id'] !== undefined);
    expect(models?.headers['last-event-id']).toBe('7');
  });

  it('shows the page no key, in no place that it can read', async () => {
    await using place = await openWorkplace();
    await using agent = await serve(place.dataDir);
    await using between = await listenBetween(place);
    const desktop = await place.start();
    const page = await desktop.page();
    const answer = await callFromPage(page, '/v1/session');
    expect(answer.body).toMatchObject({
      key: { kind: HAS_KEYCHAIN ? 'desktop' : 'admin', role: 'superadmin' },
    });
    const keys = new Set([agent.token]);
    for (const { headers } of between.heard)
      if (headers.authorization !== undefined) keys.add(headers.authorization.replace('Bearer ', ''));
    expect(keys.size).toBe(HAS_KEYCHAIN ? 2 : 1);

    const readable = await page.evaluate<string>(READ_EVERYTHING);
    const seen = [
      readable,
      answer.text,
      JSON.stringify(answer.headers),
      JSON.stringify(desktop.all('page-request')),
      JSON.stringify(desktop.all('told-page')),
      desktop.output(),
    ];
    expect(desktop.all('told-page').some(({ message }) => message.includes('The agent answers'))).toBe(true);
    for (const key of keys) for (const text of seen) expect(text).not.toContain(key);
    for (const { headers } of desktop.all('page-request')) expect(headers['authorization']).toBeUndefined();
    expect(answer.headers).not.toHaveProperty('set-cookie');
    if (!HAS_KEYCHAIN) return;
    // At rest the key is sealed too.
    const files = await readdir(join(place.userData, 'keychain'));
    expect(files.map((name) => name.replace(/-[0-9a-f]{16}$/, ''))).toContain('agent-key');
    for (const name of files) {
      const sealed = await readFile(join(place.userData, 'keychain', name));
      for (const key of keys) expect(sealed.includes(key)).toBe(false);
    }
  });

  it('carries bodies whole, both ways, and passes refusals on', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const openApi = await callFromPage(page, '/v1/openapi.json');
    expect(openApi.status).toBe(200);
    expect(openApi.text.length).toBeGreaterThan(50_000);
    expect(openApi.body['openapi']).toBe('3.1.0');
    const large = { model: 'none', messages: [{ role: 'user', content: 'x'.repeat(3_000_000) }] };
    expect(await callFromPage(page, '/v1/chat/completions', { method: 'POST', body: large })).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found' } },
    });
    const refused = await callFromPage(page, '/v1/modelops/models', {
      method: 'POST',
      body: { path: 'x'.repeat(3_000_000) },
    });
    // An agent that closes the connection over a body may be heard to say why, or not.
    expect(['payload_too_large', 'upstream_failed']).toContain(refused.body['error']);
    expect(await callFromPage(page, '/v1/nowhere')).toMatchObject({
      status: 404,
      body: { error: 'not_found' },
    });
  });

  it.skipIf(!HAS_KEYCHAIN)('goes on with another key when the one in use was revoked', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const { body } = await callFromPage(page, '/v1/session');
    const { id } = body['key'] as { id: string };
    const agent = await place.agent();
    await agent.call(ENDPOINTS.revokeKey, { params: { id } });
    const next = await callFromPage(page, '/v1/session');
    expect(next).toMatchObject({ status: 200, body: { key: { kind: 'desktop' } } });
    expect((next.body['key'] as { id: string }).id).not.toBe(id);
  });
});

describe('a path', () => {
  it("never leads out of the page's files", async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const climbing = [
      '/..%2f..%2fpackage.json',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/%2e%2e%5cmain%5cindex.js',
      '/%00',
    ];
    for (const path of climbing) {
      const answer = await callFromPage(page, path);
      expect([path, answer.status]).toEqual([path, 400]);
      expect(answer.text).not.toContain('modelops-node');
    }
    const index = await callFromPage(page, '/');
    expect(index.headers['content-type']).toBe('text/html; charset=utf-8');
    for (const path of ['/models/some-model', '/go/hf%3A%2F%2Forg%2Frepo', '/../package.json']) {
      expect((await callFromPage(page, path)).text).toBe(index.text);
    }
    expect((await callFromPage(page, '/assets/missing.js')).status).toBe(404);
    expect((await callFromPage(page, '/', { method: 'POST' })).status).toBe(405);
  });

  it('of a file has the same policy as from the agent', async () => {
    await using place = await openWorkplace();
    const desktop = await place.start();
    const page = await desktop.page();
    const own = await callFromPage(page, '/');
    await callFromPage(page, '/v1/system');
    const agent = await place.agent();
    const served = await agent.request('GET', '/', { token: null });
    for (const name of [
      'content-security-policy',
      'x-content-type-options',
      'referrer-policy',
      'cross-origin-opener-policy',
      'cache-control',
    ])
      expect([name, own.headers[name]]).toEqual([name, served.headers.get(name)]);
    expect(own.headers['content-security-policy']).toContain("default-src 'none'");
    expect(own.text).toBe(served.text);
  });
});
