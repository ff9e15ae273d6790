import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from './clock.ts';
import { ConnectFailed } from './dial.ts';
import { decideEgress, Egress, isLoopback, proxyFor, type EgressFacts } from './egress.ts';
import { refusal, refused } from '../../../test/support/refusals.ts';

describe('what may leave the machine', () => {
  const offline = { profile: 'offline', allowedPeers: ['https://mirror.local'] } as const;
  it.each([
    ['docker', 'http://127.0.0.1:2375', true],
    ['docker', 'http://[::1]:2375', true],
    ['docker', 'http://localhost:2375', true],
    ['docker', 'http://10.0.0.5:2375', false],
    ['hub', 'http://127.0.0.1:8080', false],
    ['hub', 'https://mirror.local', true],
    ['image_pull', 'http://127.0.0.1', false],
    ['federation', 'https://central.example', false],
  ] as const)('offline, %s to %s: %s', (purpose, origin, allowed) => {
    expect(decideEgress({ purpose, origin }, offline).ok).toBe(allowed);
    expect(decideEgress({ purpose, origin }, { ...offline, profile: 'online' }).ok).toBe(true);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['128.0.0.1', false],
    ['10.0.0.1', false],
    ['fe80::1', false],
  ])('%s is loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });

  it('is counted when it is refused', () => {
    const egress = new Egress(() => offline, { now: () => 5 });
    let told = 0;
    egress.onRefused(() => (told += 1));
    expect(
      refusal(() => egress.assertAllowed({ purpose: 'hub', origin: 'https://hub.example' })),
    ).toMatchObject({ code: 'runtime_profile_blocks_internet' });
    expect(egress).toMatchObject({
      refusedCount: 1,
      refusedAttempts: [{ host: 'hub.example', purpose: 'hub', at: 5 }],
    });
    expect(told).toBe(1);
  });

  it('is counted when a rule refuses it before a connection, and the latest 200 are kept', () => {
    let at = 0;
    const egress = new Egress(() => offline, { now: () => at });
    for (at = 1; at <= 250; at += 1)
      egress.noteRefused({ purpose: 'provider', host: 'api.example', reason: 'this node is offline' });
    expect(egress.refusedCount).toBe(250);
    expect(egress.refusedAttempts).toHaveLength(200);
    expect(egress.refusedAttempts[0]).toEqual({
      at: 250,
      purpose: 'provider',
      host: 'api.example',
      reason: 'this node is offline',
    });
  });

  it('is asked again at every new connection', async () => {
    let profile: 'online' | 'offline' = 'online';
    const egress = new Egress(() => ({ profile, allowedPeers: [] }), systemClock);
    const pool = egress.originPool({ purpose: 'provider', origin: 'http://127.0.0.1:9' }, 1);
    onTestFinished(() => pool.destroy());
    profile = 'offline';
    await expect(pool.request({ path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'runtime_profile_blocks_internet',
    });
  });
});

/** A server on loopback, and what it was asked. */
async function listening(answer: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

describe('a runtime that listens on TCP', () => {
  const offline = () => new Egress(() => ({ profile: 'offline', allowedPeers: [] }), systemClock);
  const at = (host: string, port = 8000, key: string | null = null) =>
    ({ kind: 'tcp', host, port, key }) as const;

  it('is asked offline too, with its key whatever the caller sends, and nobody else in its place', async () => {
    const asked: (string | undefined)[] = [];
    const { port } = await listening((request, response) => {
      asked.push(`${request.headers.authorization ?? ''} ${String(request.headers['x-mine'] ?? '')}`);
      response.end('{}');
    });
    const pool = offline().runtimePool(at('127.0.0.1', port, 'sesame'), 1);
    onTestFinished(() => pool.destroy());
    for (const headers of [
      { authorization: 'Bearer of the caller', 'x-mine': 'a' },
      ['Authorization', 'Bearer of the caller', 'x-mine', 'b'],
      undefined,
    ])
      await (await pool.request({ path: '/', method: 'GET', headers: headers ?? null })).body.dump();
    expect(asked).toEqual(['Bearer sesame a', 'Bearer sesame b', 'Bearer sesame ']);
  });

  it.each(['1.1.1.1', '169.254.169.254', 'localhost', 'example.com', '0.0.0.0', '224.0.0.1', '2606:4700::1'])(
    'is never at %s',
    (host) => {
      expect(refusal(() => offline().runtimePool(at(host), 1))).toMatchObject({ code: 'forbidden' });
    },
  );

  it.each(['172.18.0.2', '10.1.2.3', '192.168.99.2', '127.0.0.1', 'fd00::2'])(
    'may be at %s',
    async (host) => {
      const pool = offline().runtimePool(at(host), 1);
      expect(pool.closed).toBe(false);
      await pool.destroy();
    },
  );
});

/** An egress that knows some names. */
function egressWith(facts: Partial<EgressFacts>, names: Record<string, readonly string[]> = {}) {
  const asked: string[] = [];
  const egress = new Egress(
    () => ({ profile: 'online', allowedPeers: [], ...facts }),
    systemClock,
    (name) => {
      asked.push(name);
      const addresses = names[name];
      if (addresses === undefined)
        return Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }));
      return Promise.resolve(
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  );
  onTestFinished(() => egress.close());
  const get = (origin: string, allowedRanges: readonly string[] = []) =>
    egress.request({ purpose: 'provider', origin }, { method: 'GET', path: '/', allowedRanges });
  return { egress, asked, get };
}

describe('a destination that a user named', () => {
  it('on this machine is refused before a connection, by literal and by name', async () => {
    let calls = 0;
    const { port } = await listening((_request, response) => {
      calls += 1;
      response.end();
    });
    const { get } = egressWith(
      {},
      { 'inside.example': ['127.0.0.1'], 'mapped.example': ['::ffff:127.0.0.1'] },
    );
    for (const host of [
      '127.0.0.1',
      'inside.example',
      'mapped.example',
      '127.1',
      '0x7f.1',
      '[::ffff:7f00:1]',
    ]) {
      const { origin } = new URL(`http://${host}:${port}`);
      expect(await refused(get(origin))).toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining('127.0.0.0/8, which is this machine'),
        hint: expect.stringContaining('allowed_ranges'),
        details: { range: '127.0.0.0/8', fields: ['api_base_url'] },
      });
    }
    expect(calls).toBe(0);
  });

  it('is reached in a range that was allowed, or as a peer', async () => {
    const { port } = await listening((_request, response) => response.end('hello'));
    const origin = `http://inside.example:${port}`;
    const names = { 'inside.example': ['127.0.0.1'] };
    const { get } = egressWith({}, names);
    const answer = await get(origin, ['127.0.0.0/8']);
    expect(await answer.body.text()).toBe('hello');
    // The next caller has its own ranges, whatever connections are open.
    expect(await refused(get(origin))).toMatchObject({ code: 'forbidden' });
    const peer = egressWith({ allowedPeers: [origin] }, names);
    expect((await peer.get(origin)).statusCode).toBe(200);
  });

  it('is connected to at an address that was judged, resolved once, and never at another', async () => {
    const { port } = await listening((_request, response) => response.end('hello'));
    // The first answer is this machine; whoever asked the name again would get nothing.
    const names: Record<string, readonly string[]> = { 'turning.example': ['10.255.255.1', '127.0.0.1'] };
    const { get, asked } = egressWith({}, names);
    const answer = await get(`http://turning.example:${port}`, ['127.0.0.0/8']);
    expect(await answer.body.text()).toBe('hello');
    expect(asked).toEqual(['turning.example']);
    expect(await refused(get(`http://turning.example:${port}`, ['192.168.0.0/16']))).toMatchObject({
      details: { range: '10.0.0.0/8' },
    });
  });

  it('is not followed elsewhere', async () => {
    const { port } = await listening((_request, response) =>
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
    );
    const { get } = egressWith({});
    expect((await get(`http://127.0.0.1:${port}`, ['127.0.0.0/8'])).statusCode).toBe(302);
  });

  it('that is not there tells that nothing was sent', async () => {
    const { get } = egressWith({});
    const { server, port } = await listening(() => undefined);
    server.close();
    await once(server, 'close');
    for (const [origin, code] of [
      [`http://127.0.0.1:${port}`, 'ECONNREFUSED'],
      ['https://nowhere.example', 'ENOTFOUND'],
    ] as const) {
      const error = await refused(get(origin, ['127.0.0.0/8']));
      expect(error).toBeInstanceOf(ConnectFailed);
      expect(error).toMatchObject({ code });
    }
  });

  it('is cut when the node goes offline, and refused before its name is asked for', async () => {
    const { port } = await listening((_request, response) => response.write('first'));
    let profile: 'online' | 'offline' = 'online';
    const egress = new Egress(() => ({ profile, allowedPeers: [] }), systemClock);
    const ask = () =>
      egress.request(
        { purpose: 'provider', origin: `http://127.0.0.1:${port}` },
        { method: 'GET', path: '/', allowedRanges: ['127.0.0.0/8'] },
      );
    const { body } = await ask();
    profile = 'offline';
    const read = refused(body.text());
    await egress.dropForbidden();
    expect(await read).toMatchObject({ code: 'runtime_profile_blocks_internet' });
    expect(await refused(ask())).toMatchObject({ code: 'runtime_profile_blocks_internet' });
  });
});

describe('a proxy', () => {
  const proxy = (noProxy: readonly string[] = []) => ({ httpsProxy: 'http://proxy.example:3128', noProxy });
  it.each([
    ['https://api.example', [], true],
    ['http://api.example', [], false],
    ['https://8.8.8.8', [], true],
    ['https://10.0.0.1', [], false],
    ['https://[fd00::1]', [], false],
    ['https://localhost', [], false],
    ['https://api.example', ['*'], false],
    ['https://api.example', ['api.example'], false],
    ['https://api.example', ['example'], false],
    ['https://api.example', ['.example'], false],
    ['https://api.example', ['*.example'], false],
    ['https://api.example', ['pi.example'], true],
    ['https://api.example', ['other.example'], true],
    ['https://api.example:8443', ['api.example:443'], true],
    ['https://api.example', ['api.example:443'], false],
    ['https://8.8.8.8', ['8.0.0.0/8'], false],
  ])('for %s except %j: %s', (origin, noProxy, goesThrough) => {
    expect(proxyFor(origin, proxy(noProxy))).toBe(goesThrough ? 'http://proxy.example:3128' : null);
  });

  it('is asked for the destination by name, and what it refuses is no connection', async () => {
    const targets: (string | undefined)[] = [];
    const { server, port } = await listening(() => undefined);
    server.on('connect', (request, socket) => {
      targets.push(request.url, request.headers['proxy-authorization']);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    const { get, asked } = egressWith({
      proxy: { httpsProxy: `http://ann:secret@127.0.0.1:${port}`, noProxy: [] },
    });
    const error = await refused(get('https://api.example'));
    expect(error).toBeInstanceOf(ConnectFailed);
    expect(error).toMatchObject({ code: 'PROXY_407' });
    expect(targets).toEqual(['api.example:443', `Basic ${Buffer.from('ann:secret').toString('base64')}`]);
    expect(asked).toEqual([]);
  });

  it('does not open what is private', async () => {
    const { server, port } = await listening(() => undefined);
    let connects = 0;
    server.on('connect', (_request, socket) => {
      connects += 1;
      socket.end();
    });
    const { get } = egressWith({ proxy: { httpsProxy: `http://127.0.0.1:${port}`, noProxy: [] } });
    expect(await refused(get('https://10.0.0.1'))).toMatchObject({ code: 'forbidden' });
    expect(connects).toBe(0);
  });
});
