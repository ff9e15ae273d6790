import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AppError } from '../shared/contract/index.ts';
import { headersForAgent, headersForPage, proxyToAgent, refusalOf } from './agent-proxy.ts';

/** Something that speaks HTTP as an agent might. */
async function upstream(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const proxy = (url: string, path: string, init: RequestInit = {}): Promise<Response> =>
  proxyToAgent(new Request(`app://modelops${path}`, init), {
    target: () => Promise.resolve({ url, token: 'mok_mine' }),
    renewed: () => Promise.resolve(null),
  });

describe('headers', () => {
  it('to the agent carry our key and nothing that the browser added', () => {
    const headers = [
      ['Accept', 'text/event-stream'],
      ['Content-Type', 'application/json'],
      ['If-Match', '3'],
      ['Last-Event-ID', '17'],
      ['Authorization', 'Bearer planted'],
      ['Cookie', 'a=b'],
      ['Origin', 'app://modelops'],
      ['Referer', 'app://modelops/x'],
      ['Sec-Fetch-Site', 'same-origin'],
      ['Sec-CH-UA', '"Chromium"'],
      ['Host', 'modelops'],
      ['Connection', 'keep-alive'],
      ['Upgrade', 'websocket'],
      ['Transfer-Encoding', 'chunked'],
      ['Proxy-Authorization', 'Basic x'],
      ['Expect', '100-continue'],
    ] as const;
    expect(headersForAgent(headers, 'mok_mine')).toEqual({
      Accept: 'text/event-stream',
      'Content-Type': 'application/json',
      'If-Match': '3',
      'Last-Event-ID': '17',
      authorization: 'Bearer mok_mine',
    });
  });

  it('to the page leave out what belongs to the connection, cookies and the invitation to sign in', () => {
    const headers = headersForPage({
      'content-type': 'application/json',
      'x-request-id': 'req_1',
      'set-cookie': ['a=b'],
      'www-authenticate': 'Bearer',
      connection: 'close',
      'transfer-encoding': 'chunked',
      'keep-alive': 'timeout=5',
    });
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json',
      'x-request-id': 'req_1',
    });
  });
});

describe('an answer', () => {
  it('comes as it is sent, and giving it up closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    await using agent = await upstream((_request, response) => {
      response.write('first');
      response.once('close', () => closed.resolve());
    });
    const response = await proxy(agent.url, '/v1/events');
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first');
    await reader.cancel();
    await closed.promise;
  });

  it('that the page reads slowly is not piled up here', async () => {
    const chunk = Buffer.alloc(64 * 1024, 1);
    const stuck = Promise.withResolvers<number>();
    await using agent = await upstream((_request, response) => {
      let written = 0;
      const more = (): void => {
        for (;;) {
          written += chunk.length;
          if (!response.write(chunk)) break;
        }
        // Sockets of a system hold a few megabytes; an agent that is never held up would go on for ever.
        if (written < 512 * 1024 * 1024) response.once('drain', more);
        clearTimeout(quiet);
        quiet = setTimeout(() => stuck.resolve(written), 300);
      };
      let quiet = setTimeout(() => undefined, 0);
      more();
    });
    const response = await proxy(agent.url, '/v1/modelops/models');
    expect(await stuck.promise).toBeLessThan(64 * 1024 * 1024);
    await response.body!.cancel();
  });

  it('that breaks off is an error for whoever reads it, not an end', async () => {
    await using agent = await upstream((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const response = await proxy(agent.url, '/v1/openapi.json');
    await expect(response.text()).rejects.toThrow(/aborted|broke/);
  });

  it('without a body has none', async () => {
    await using agent = await upstream((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 200 : 204, { 'x-answer': 'yes' }).end();
    });
    for (const method of ['GET', 'HEAD']) {
      const response = await proxy(agent.url, '/v1/x', { method });
      expect(response.body).toBeNull();
      expect(response.headers.get('x-answer')).toBe('yes');
    }
  });

  it('of 401 is asked for again with another key when nothing changes by that', async () => {
    const seen: string[] = [];
    await using agent = await upstream((request, response) => {
      seen.push(`${request.method} ${request.headers.authorization}`);
      const isKnown = request.headers.authorization === 'Bearer mok_new';
      response.writeHead(isKnown ? 200 : 401).end();
      request.resume();
    });
    const deps = {
      target: () => Promise.resolve({ url: agent.url, token: 'mok_old' }),
      renewed: (spent: string) =>
        Promise.resolve(spent === 'mok_old' ? { url: agent.url, token: 'mok_new' } : null),
    };
    const url = 'app://modelops/v1/session';
    expect((await proxyToAgent(new Request(url), deps)).status).toBe(200);
    const change = new Request(url, { method: 'POST', body: '{}' });
    expect((await proxyToAgent(change, deps)).status).toBe(401);
    expect(seen).toEqual(['GET Bearer mok_old', 'GET Bearer mok_new', 'POST Bearer mok_old']);
  });
});

describe('an agent that is gone', () => {
  const gone = 'http://127.0.0.1:9';

  it('is a refusal in the shape of the API', async () => {
    const response = await proxy(gone, '/v1/modelops/models');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      error: 'agent_unreachable',
      request_id: expect.any(String),
    });
    const openai = await proxy(gone, '/v1/embeddings', { method: 'POST', body: '{}' });
    expect(await openai.json()).toMatchObject({ error: { code: 'agent_unreachable', param: null } });
  });

  it('breaks event streams, so that they come again', async () => {
    await expect(proxy(gone, '/v1/events?topics=jobs')).rejects.toThrow('ECONNREFUSED');
    await expect(proxy(gone, '/v1/other', { headers: { accept: 'text/event-stream' } })).rejects.toThrow(
      'ECONNREFUSED',
    );
  });

  it('keeps the words of whoever knows why', async () => {
    const error = new AppError('agent_unreachable', 'The agent was stopped.', { hint: 'Start it.' });
    expect(await refusalOf('/v1/system', error, false).json()).toMatchObject({
      message: 'The agent was stopped.',
      hint: 'Start it.',
    });
  });
});
