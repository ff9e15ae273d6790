import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

/**
 * `app://modelops/` over loopback HTTP: plain Chromium refuses schemes of its own. Requests and answers are passed on as
 * the objects that Electron passes, with streams as bodies; a page that gives an answer up cancels its stream, which is
 * all that Electron does then, and a handler that rejects breaks the connection, as there.
 */
export type ProtocolHandler = (request: Request) => Promise<Response> | Response;

const APP_ORIGIN = 'app://modelops';
let handler: ProtocolHandler | null = null;
let pageOrigin = '';

export function setHandler(scheme: string, handle: ProtocolHandler): void {
  if (scheme !== 'app') throw new Error(`nobody asked for ${scheme}:`);
  if (handler !== null) throw new Error('the scheme has a handler');
  handler = handle;
}

/** The address in the browser for an address in the app. */
export function toPageUrl(url: string): string {
  return url.startsWith(APP_ORIGIN) ? pageOrigin + url.slice(APP_ORIGIN.length) : url;
}

/** And back. */
export function toAppUrl(url: string): string {
  return url === pageOrigin || url.startsWith(`${pageOrigin}/`)
    ? APP_ORIGIN + url.slice(pageOrigin.length)
    : url;
}

export async function serveOrigin(): Promise<string> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error('protocol handler:', error);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  pageOrigin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return pageOrigin;
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (handler === null) throw new Error('the app serves nothing');
  const { method = 'GET', url = '/' } = incoming;
  const headers = Object.fromEntries(
    Object.entries(incoming.headers)
      .filter(([name]) => name !== 'host' && name !== 'connection')
      .map(([name, value]) => [name, toAppUrl(String(value))]),
  );
  const hasBody = method !== 'GET' && method !== 'HEAD';
  // Without this a browser would use the connection again, behind a body that nobody reads on.
  outgoing.once('finish', () => {
    if (!incoming.complete) incoming.socket.destroySoon();
  });
  const response = await handler(
    new Request(APP_ORIGIN + url, {
      method,
      headers,
      ...(hasBody ? { body: Readable.toWeb(incoming), duplex: 'half' } : {}),
      // The types of the browser do not know `duplex`, those of Node do.
    } as RequestInit),
  );
  outgoing.writeHead(response.status, response.statusText, Object.fromEntries(response.headers));
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  outgoing.once('close', () => {
    // After the end this does nothing.
    reader.cancel(new Error('the page gave the answer up')).catch(() => undefined);
  });
  // The page sees the headers before the first byte of the body.
  outgoing.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')]);
  }
  outgoing.end();
}
