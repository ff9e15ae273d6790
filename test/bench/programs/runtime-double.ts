import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * A llama-server that answers at once, on TCP, on a Unix socket, and wherever a container of it is started: it also
 * speaks as much of Docker's API as the agent asks, so that the unchanged agent loads it into a slot like any other
 * runtime. A program of its own: what it costs is not measured with the gateway.
 *
 * Arguments: the socket of the engine, the socket of the model. Sends `{port}` when it listens.
 */

const [, , engineSocket = '', modelSocket = ''] = process.argv;

const SENTENCE = 'I answer at once and always the same, so that only the way to me is measured.';
const WORDS = SENTENCE.split(/(?= )/);
const FIRST_WORDS = 4;
const TOKEN_EVERY_MS = 2;
const IMAGE_ID = `sha256:${'b'.repeat(64)}`;
const CONTAINER_ID = 'c'.repeat(64);
const IN_SOCKET = '/run/modelops';

// ---- the model ----------------------------------------------------------------------------------------------------

const TIMINGS = { cache_n: 0, prompt_n: 42, prompt_ms: 8.1, predicted_n: 18, predicted_ms: 90.5 };
const USAGE = { completion_tokens: 18, prompt_tokens: 42, total_tokens: 60 };
const COMMON = {
  created: 1_790_000_000,
  model: 'double',
  system_fingerprint: 'b9999',
  id: 'chatcmpl-double',
};

function whole(type: string, body: unknown): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nAccess-Control-Allow-Origin: \r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

const ANSWER = whole('application/json; charset=utf-8', {
  choices: [{ finish_reason: 'stop', index: 0, message: { role: 'assistant', content: SENTENCE } }],
  ...COMMON,
  object: 'chat.completion',
  usage: USAGE,
  timings: TIMINGS,
});

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function event(delta: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  const body = {
    choices: [{ finish_reason: null, index: 0, delta }],
    ...COMMON,
    object: 'chat.completion.chunk',
    ...more,
  };
  return chunk(`data: ${JSON.stringify(body)}\n\n`);
}

const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nAccess-Control-Allow-Origin: \r\nContent-Type: text/event-stream\r\n' +
  'Transfer-Encoding: chunked\r\n\r\n';
const STREAM_FIRST = Buffer.from(STREAM_HEAD + event({ role: 'assistant', content: WORDS[0] ?? '' }));
const STREAM_NEXT = WORDS.slice(1, FIRST_WORDS).map((word) => Buffer.from(event({ content: word })));
STREAM_NEXT.push(
  Buffer.from(
    event({ content: WORDS.slice(FIRST_WORDS).join('') }) +
      event({}, { usage: USAGE, timings: TIMINGS }) +
      chunk('data: [DONE]\n\n') +
      '0\r\n\r\n',
  ),
);

/** The first token at once, the others a little later, each after the one before. */
function stream(socket: Socket): void {
  socket.write(STREAM_FIRST);
  let next = 0;
  const timer = setInterval(() => {
    const bytes = STREAM_NEXT[next];
    if (bytes === undefined || socket.destroyed) clearInterval(timer);
    else socket.write(bytes);
    next += 1;
  }, TOKEN_EVERY_MS);
}

let servedName = 'double';

function answer(socket: Socket, head: string, body: string): void {
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
  if (path === '/v1/chat/completions' || path === '/v1/completions') {
    if (body.includes('"stream":true')) stream(socket);
    else socket.write(ANSWER);
  } else if (path === '/v1/models') {
    socket.write(whole('application/json', { object: 'list', data: [{ id: servedName, object: 'model' }] }));
  } else {
    socket.write(whole('application/json', { status: 'ok' }));
  }
}

/** HTTP/1.1 as far as three proxies and a generator speak it: bodies with a length, or in chunks. */
function serveModel(): Server {
  return createServer((socket) => {
    let text = '';
    socket.setNoDelay(true);
    // The other side may go at any time; there is nothing to lose.
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (;;) {
        const headEnd = text.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const head = text.slice(0, headEnd);
        const length = /content-length: (\d+)/i.exec(head)?.[1];
        const chunked = length === undefined && /transfer-encoding: chunked/i.test(head);
        const bodyAt = headEnd + 4;
        const endAt = chunked ? text.indexOf('0\r\n\r\n', bodyAt) + 5 : bodyAt + Number(length ?? 0);
        if (chunked ? endAt < bodyAt + 5 : text.length < endAt) return;
        const body = text.slice(bodyAt, endAt);
        text = text.slice(endAt);
        answer(socket, head, body);
      }
    });
  });
}

async function listen(
  server: Server,
  where: { path: string } | { port: number; host: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}

// ---- the engine ---------------------------------------------------------------------------------------------------

interface ContainerOptions {
  readonly Cmd: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: { readonly Mounts: readonly { readonly Source: string; readonly Target: string }[] };
}

let container: { options: ContainerOptions; server: Server | null } | null = null;

function inspect({ options, server }: NonNullable<typeof container>): unknown {
  return {
    Id: CONTAINER_ID,
    Image: IMAGE_ID,
    Config: { Labels: options.Labels },
    State: { Running: server !== null, ExitCode: 0, OOMKilled: false, Error: '' },
  };
}

async function start(): Promise<void> {
  if (container === null) throw new Error('there is no container');
  const { options } = container;
  servedName = options.Cmd[options.Cmd.indexOf('--alias') + 1] ?? servedName;
  const source = options.HostConfig.Mounts.find(({ Target }) => Target === IN_SOCKET)?.Source;
  if (source === undefined) throw new Error(`nothing is mounted on ${IN_SOCKET}`);
  const server = serveModel();
  await listen(server, { path: join(source, 's.sock') });
  container.server = server;
}

async function engine(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body?: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  };
  const path = (request.url ?? '').split('?')[0]?.replace(/^\/v1\.\d+/, '') ?? '';
  const route = `${request.method} ${path.replace(/^(\/containers)\/(?!json$|create$)[^/]+/, '$1/ID')}`;
  switch (route) {
    case 'GET /info':
      return reply(200, { SecurityOptions: [], MemTotal: 0 });
    case 'GET /version':
      return reply(200, { Version: 'double' });
    case 'GET /containers/json':
      return reply(200, container === null ? [] : [{ Id: CONTAINER_ID }]);
    case 'POST /containers/create':
      container = { options: JSON.parse(await textOf(request)) as ContainerOptions, server: null };
      return reply(201, { Id: CONTAINER_ID, Warnings: [] });
    case 'POST /containers/ID/start':
      await start();
      return reply(204);
    case 'GET /containers/ID/json':
      return container === null
        ? reply(404, { message: 'No such container' })
        : reply(200, inspect(container));
    case 'POST /containers/ID/stop':
    case 'DELETE /containers/ID':
      container?.server?.close();
      container = null;
      return reply(204);
    case 'GET /containers/ID/logs':
    case 'GET /events':
      // They go on for as long as the engine runs, and nothing happens here.
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.flushHeaders();
      return;
    default:
      if (path.startsWith('/images/'))
        return reply(200, { Id: IMAGE_ID, Config: { Entrypoint: ['double'] } });
      return reply(404, { message: `the double does not know ${route}` });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part as string;
  return text;
}

const engineServer = createHttpServer((request, response) => {
  engine(request, response).catch((error: unknown) => {
    process.stderr.write(`runtime double: ${String(error)}\n`);
    response.destroy();
  });
});
const tcp = serveModel();
await Promise.all([
  listen(tcp, { port: 0, host: '127.0.0.1' }),
  listen(serveModel(), { path: modelSocket }),
  listen(engineServer, { path: engineSocket }),
]);
process.on('disconnect', () => process.exit());
process.send?.({ port: (tcp.address() as AddressInfo).port });
