import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A way to a server that can be held: requests arrive there, and their answers wait until the gate opens. */
export interface Gate extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  hold(): void;
  /** Resolves when an answer waits. */
  waiting(): Promise<void>;
  open(): void;
}

export async function startGate(target: string): Promise<Gate> {
  let opened = Promise.withResolvers<void>();
  let arrived = Promise.withResolvers<void>();
  opened.resolve();
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { host: _host, connection: _connection, ...headers } = request.headers as Record<string, string>;
    const answer = await fetch(target + (request.url ?? ''), {
      method: request.method ?? 'GET',
      headers,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const text = await answer.text();
    arrived.resolve();
    await opened.promise;
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
  };
  const server = createServer((request, response) => void pass(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: () => {
      opened = Promise.withResolvers();
      arrived = Promise.withResolvers();
    },
    waiting: () => arrived.promise,
    open: () => opened.resolve(),
    [Symbol.asyncDispose]: async () => {
      opened.resolve();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
