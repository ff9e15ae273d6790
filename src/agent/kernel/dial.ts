import { request as httpRequest } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Sockets, for `egress.ts` alone: it decides where they lead. */

/** The connection itself did not come about, so nothing of a request was sent. `code` as the system tells it. */
export class ConnectFailed extends Error {
  readonly code: string;

  constructor(host: string, cause: unknown) {
    const code = (cause as { code?: unknown } | null)?.code;
    super(`no connection to ${host}`, { cause });
    this.name = 'ConnectFailed';
    this.code = typeof code === 'string' ? code : 'ECONNFAILED';
  }
}

/** What undici says about a connection it wants. */
export interface ConnectOptions {
  readonly hostname: string;
  readonly port: string;
  readonly protocol: string;
  readonly servername?: string | undefined;
}

/** `scheme://host[:port]`. */
export function originOf({ protocol, hostname, port }: ConnectOptions): string {
  const bare = bareHost(hostname);
  const host = bare.includes(':') ? `[${bare}]` : bare;
  return `${protocol}//${host}${port === '' ? '' : `:${port}`}`;
}

export function portOf({ protocol, port }: ConnectOptions): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

/** Without the brackets of an IPv6 address. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** TLS over a connection, with the certificate checked for `host`. */
export function secured(socket: Socket, host: string): Socket {
  return connectTls({
    socket,
    ALPNProtocols: ['http/1.1'],
    host,
    // An address is checked against the addresses of the certificate, and is never sent as a name.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  });
}

/** Resolves when a socket is connected, and when a secure one trusts the other side. */
export function established(socket: Socket, secure: boolean, deadline?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const late = (): void => void socket.destroy(timedOut());
    const failed = (error: Error): void => {
      deadline?.removeEventListener('abort', late);
      reject(error);
    };
    socket.once('error', failed);
    deadline?.addEventListener('abort', late, { once: true });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.off('error', failed);
      deadline?.removeEventListener('abort', late);
      resolve(socket);
    });
  });
}

export function timedOut(): Error {
  return Object.assign(new Error('the connection took too long'), { code: 'ETIMEDOUT' });
}

/** A connection through a proxy's CONNECT. The name is resolved there. */
export function tunnel(proxy: string, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const { protocol, hostname, port: proxyPort, username, password } = new URL(proxy);
  const at = { host: bareHost(hostname), port: portOf({ protocol, hostname, port: proxyPort }) };
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const account = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...at,
      method: 'CONNECT',
      path: target,
      agent: false,
      signal,
      headers: {
        host: target,
        ...(username === ''
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(account).toString('base64')}` }),
      },
      ...(protocol === 'https:'
        ? { createConnection: () => connectTls({ ...at, servername: at.host }) }
        : {}),
    });
    request.once('error', reject);
    request.once('connect', (response, socket) => {
      if (response.statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      const refused = new Error(`the proxy answered with ${response.statusCode}`);
      reject(Object.assign(refused, { code: `PROXY_${response.statusCode}` }));
    });
    request.end();
  });
}
