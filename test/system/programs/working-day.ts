import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS } from '../../../src/shared/contract/index.ts';
import { connectTo, importModel, serveModel } from '../../support/agent.ts';
import { writeEmbeddingModel, writeSpeakingModel } from '../../support/models.ts';
import { tracer } from '../../support/sealed-network.ts';

/**
 * A working day of an offline node, for a network in which nothing may leave: the agent and every command run under
 * strace, this program plays the people. Prints one line of JSON: what it did and how each thing ended.
 * Arguments: a directory of its own, and where the trace goes.
 */

const ENTRY = fileURLToPath(new URL('../../../bin/modelops.mjs', import.meta.url));
const PROXY_PORT = 3128;
const [, , directory = '', trace = ''] = process.argv;
const data = join(directory, 'data');
const socket = join(directory, 'docker.sock');
const events: { what: string; answer: string }[] = [];
const note = (what: string, answer: string | number): void =>
  void events.push({ what, answer: String(answer) });

/** A proxy on loopback that would carry anything anywhere. It must hear nothing. */
async function startProxy(): Promise<{ heard: () => number }> {
  let heard = 0;
  const server = createServer((connection) => {
    heard += 1;
    connection.destroy();
  });
  server.listen(PROXY_PORT, '127.0.0.1').unref();
  await once(server, 'listening');
  return { heard: () => heard };
}

/** A Docker engine without any image, which writes down what it was asked. It must not be asked to pull. */
async function startEngine(): Promise<{ asked: () => string[] }> {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v\d[\d.]*/, '');
    asked.push(`${request.method} ${path}`);
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (path.startsWith('/_ping')) response.end('OK');
    else if (path.startsWith('/info'))
      answer(200, { ID: 'd', ServerVersion: '29.0.0', SecurityOptions: [], OSType: 'linux', Runtimes: {} });
    else if (path.startsWith('/version')) answer(200, { Version: '29.0.0', ApiVersion: '1.52' });
    else if (path.startsWith('/containers/json')) answer(200, []);
    else if (path.startsWith('/events')) response.writeHead(200).flushHeaders();
    else answer(404, { message: `No such image: ${path}` });
  });
  server.listen(socket).unref();
  await once(server, 'listening');
  return { asked: () => asked };
}

const environment = {
  PATH: process.env['PATH'] ?? '',
  HOME: directory,
  MODELOPS_DATA_DIR: data,
  DOCKER_HOST: `unix://${socket}`,
  // Whoever honours a proxy would be heard by it.
  HTTPS_PROXY: `http://127.0.0.1:${PROXY_PORT}`,
  HTTP_PROXY: `http://127.0.0.1:${PROXY_PORT}`,
  https_proxy: `http://127.0.0.1:${PROXY_PORT}`,
  http_proxy: `http://127.0.0.1:${PROXY_PORT}`,
  HF_TOKEN: 'hf_of_nobody',
};

/** A command of the product under strace. @returns exit code and output. */
async function traced(
  name: string,
  args: readonly string[],
  env: Record<string, string> = environment,
): Promise<{ code: number | null; stdout: string }> {
  const [command = '', ...options] = tracer(`${trace}.${name}`);
  const child = spawn(command, [...options, process.execPath, ENTRY, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout };
}

/** The agent under strace. @returns its address, and its end. */
async function startAgent(
  name: string,
  env: Record<string, string>,
): Promise<{ url: string; ended: Promise<unknown> }> {
  const [command = '', ...options] = tracer(`${trace}.${name}`);
  const args = [...options, process.execPath, ENTRY, 'serve', '--offline', '--json', '--port', '0'];
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const first = new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const end = out.indexOf('\n');
      if (end >= 0) resolve(out.slice(0, end));
    });
    void ended.then(() => reject(new Error('the agent ended while it started')));
  });
  return { url: (JSON.parse(await first) as { url: string }).url, ended };
}

await mkdir(directory, { recursive: true });
const proxy = await startProxy();
const engine = await startEngine();
const started = await startAgent('agent', environment);
const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
const agent = connectTo(started.url, token, data);

/** One request, noted with its status and code. */
async function ask(
  what: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answer = await agent.request(method, path, body === undefined ? {} : { body });
  const { error } = answer.body as { error?: string | { code?: string } };
  const code = typeof error === 'object' ? error.code : error;
  note(what, code === undefined ? answer.status : code);
  return answer.body;
}

// Models from disk, to the answer.
const alpha = await importModel(agent, await writeSpeakingModel(join(directory, 'alpha.gguf'), 'alpha'));
const vectors = await importModel(agent, await writeEmbeddingModel(join(directory, 'v.gguf'), 'vectors'));
const { slot_id: slot } = await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256 } });
await serveModel(agent, vectors.id, { config: { threads: 1 } });
const messages = [{ role: 'user', content: 'Who are you?' }];
await ask('chat', 'POST', '/v1/chat/completions', { model: alpha.id, messages });
await ask('stream', 'POST', '/v1/chat/completions', { model: alpha.id, messages, stream: true });
await ask('embed', 'POST', '/v1/embeddings', { model: vectors.id, input: 'x' });
await ask('test', 'POST', `/v1/modelops/models/${alpha.id}/test`, { inputs: { prompt: 'x' }, slot_id: slot });
await ask('restart slot', 'POST', `/v1/modelops/slots/${slot}/restart`);
await agent.slot(slot, (now) => now.load_state === 'loaded');

// Everything a person looks at.
for (const path of [
  '/',
  '/metrics',
  '/v1/system',
  '/v1/openapi.json',
  '/v1/modelops/doctor',
  '/v1/modelops/runtimes',
  '/v1/modelops/usage',
  '/v1/modelops/usage.csv',
  '/v1/modelops/models',
  '/v1/modelops/audit/verify',
])
  await ask(`GET ${path}`, 'GET', path);

// An image that is not here.
await agent.call(ENDPOINTS.createSlot, {
  body: { id: 'docker', capability: 'llm_inference', runtime_spec: 'llama-cpp-cpu' },
});
await ask('load in docker', 'PUT', '/v1/modelops/slots/docker/model', { managed_model_id: alpha.id });

// Providers: by name, by address, and by an address of this machine.
for (const [name, url] of [
  ['by-name', 'https://provider.example/v1'],
  ['by-address', 'http://192.0.2.1/v1'],
  ['on-loopback', `http://127.0.0.1:${PROXY_PORT}/v1`],
] as const) {
  const { credential } = (await ask(`keep credential ${name}`, 'POST', '/v1/modelops/credentials', {
    provider: 'openai_compatible',
    display_name: name,
    credential_scope: 'platform',
    api_base_url: url,
    api_key: `sk-${createHash('sha256').update(name).digest('hex')}`,
    ...(name === 'by-name' ? {} : { allowed_ranges: ['192.0.2.0/24', '127.0.0.0/8'] }),
  })) as { credential?: { id: string } };
  const id = credential?.id ?? 'none';
  await ask(`probe credential ${name}`, 'POST', `/v1/modelops/credentials/${id}/probe`);
  await ask(`discover ${name}`, 'GET', `/v1/modelops/discovery/cloud?credential_id=${id}`);
  const { model } = (await ask(`add cloud model ${name}`, 'POST', '/v1/modelops/models', {
    name: `cloud-${name}`,
    backend: 'external_api',
    provider: 'openai_compatible',
    provider_model_id: 'large',
    credential_id: id,
    task_key: 'llm',
  })) as { model?: { id: string } };
  const cloud = model?.id ?? `cloud-${name}-v1`;
  const tested = (await ask(`test cloud model ${name}`, 'POST', `/v1/modelops/models/${cloud}/test`, {
    inputs: { prompt: 'x' },
  })) as { test_run?: { error_details?: { code?: string; error?: string } } };
  note(`test run of ${name}`, JSON.stringify(tested.test_run?.error_details ?? null));
  await ask(`activate cloud model ${name}`, 'POST', `/v1/modelops/models/${cloud}/activate`);
  await ask(`call cloud model ${name}`, 'POST', '/v1/chat/completions', { model: cloud, messages });
}
await ask('go online', 'PUT', '/v1/runtime/profile', { profile: 'online' });
await ask('effects of online', 'POST', '/v1/runtime/profile/effects', { profile: 'online' });

// The same from a terminal.
for (const args of [
  ['status'],
  ['doctor'],
  ['models', 'list'],
  ['usage'],
  ['profile'],
  ['run', 'sample'],
  ['backup'],
])
  note(`modelops ${args.join(' ')}`, (await traced(args.join('-'), args)).code ?? 'killed');

// An engine beyond this machine, for a node of its own.
const remote = {
  ...environment,
  MODELOPS_DATA_DIR: join(directory, 'remote'),
  DOCKER_HOST: 'tcp://192.0.2.1:2375',
};
const farAgent = await startAgent('remote-agent', remote);
const doctor = await traced('remote-doctor', ['doctor', '--json'], remote);
note('remote engine', /Nothing was sent to 192\.0\.2\.1/.test(doctor.stdout) ? 'refused' : doctor.stdout);
await traced('remote-stop', ['stop', '--slots'], remote);
await farAgent.ended;

const { attempts, refused_count } = await agent.call(ENDPOINTS.listRefusedAttempts, {});
note('modelops stop --slots', (await traced('stop', ['stop', '--slots'])).code ?? 'killed');
await started.ended;
process.stdout.write(
  `${JSON.stringify({ events, proxy_heard: proxy.heard(), engine_asked: engine.asked(), refused_count, attempts })}\n`,
);
