import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS } from '../../../src/shared/contract/index.ts';
import { startProvider } from '../../doubles/provider/provider.ts';
import { connectTo, importModel, serveModel } from '../../support/agent.ts';
import { activateCloudModel, addCloudModel, addCredential } from '../../support/cloud.ts';
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
  more: readonly string[] = [],
): Promise<{ url: string; ended: Promise<unknown> }> {
  const [command = '', ...options] = tracer(`${trace}.${name}`);
  const args = [...options, process.execPath, ENTRY, 'serve', '--json', '--port', '0', ...more];
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
const provider = await startProvider();
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

const messages = [{ role: 'user', content: 'Who are you?' }];

// Models from disk, to the answer.
const alpha = await importModel(agent, await writeSpeakingModel(join(directory, 'alpha.gguf'), 'alpha'));
const vectors = await importModel(agent, await writeEmbeddingModel(join(directory, 'v.gguf'), 'vectors'));
const { slot_id: slot } = await serveModel(agent, alpha.id, { config: { threads: 1, context_length: 256 } });
await serveModel(agent, vectors.id, { config: { threads: 1 } });
await ask('chat', 'POST', '/v1/chat/completions', { model: alpha.id, messages });
await ask('stream', 'POST', '/v1/chat/completions', { model: alpha.id, messages, stream: true });
await ask('embed', 'POST', '/v1/embeddings', { model: vectors.id, input: 'x' });
await ask('test', 'POST', `/v1/modelops/models/${alpha.id}/test`, { inputs: { prompt: 'x' }, slot_id: slot });
await ask('restart slot', 'POST', `/v1/modelops/slots/${slot}/restart`);
await agent.slot(slot, (now) => now.load_state === 'loaded');

// A cloud model, brought up while the node is online; then the day begins.
const credential = await addCredential(agent, provider, { scope: 'platform' });
const cloud = await addCloudModel(agent.call, credential.id);
await activateCloudModel(agent.call, cloud.id);
await ask('call cloud model online', 'POST', '/v1/chat/completions', { model: cloud.id, messages });
await ask('go offline', 'PUT', '/v1/runtime/profile', { profile: 'offline' });
const askedOnline = provider.requests.length;

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

// Local models answer as before.
await ask('chat', 'POST', '/v1/chat/completions', { model: alpha.id, messages });

// An image that is not here.
await agent.call(ENDPOINTS.createSlot, {
  body: { id: 'docker', capability: 'llm_inference', runtime_spec: 'llama-cpp-cpu' },
});
await ask('load in docker', 'PUT', '/v1/modelops/slots/docker/model', { managed_model_id: alpha.id });

// Providers: the one on loopback that was used in the morning, and others by name and by address.
await ask('call cloud model', 'POST', '/v1/chat/completions', { model: cloud.id, messages });
await ask('generate with cloud model', 'POST', '/v1/models/generate', { model_id: cloud.id, prompt: 'x' });
await ask('test cloud model', 'POST', `/v1/modelops/models/${cloud.id}/test`, { inputs: { prompt: 'x' } });
await ask('deactivate cloud model', 'POST', `/v1/modelops/models/${cloud.id}/deactivate`, { note: 'x' });
await ask('activate cloud model', 'POST', `/v1/modelops/models/${cloud.id}/activate`);
await ask('probe', 'POST', `/v1/modelops/credentials/${credential.id}/probe`);
await ask('discover', 'GET', `/v1/modelops/discovery/cloud?credential_id=${credential.id}`);
for (const url of ['https://provider.example/v1', 'https://192.0.2.1/v1', 'https://[2001:db8:1::1]/v1'])
  await ask(`try key at ${url}`, 'POST', '/v1/modelops/credentials/test', {
    provider: 'openai_compatible',
    api_base_url: url,
    api_key: 'sk-of-nobody',
    allowed_ranges: ['192.0.2.0/24', '2001:db8::/32'],
  });
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
const farAgent = await startAgent('remote-agent', remote, ['--offline']);
const doctor = await traced('remote-doctor', ['doctor', '--json'], remote);
note('remote engine', /Nothing was sent to 192\.0\.2\.1/.test(doctor.stdout) ? 'refused' : doctor.stdout);
note('locked', (await traced('remote-online', ['profile', 'online'], remote)).code ?? 'killed');
await traced('remote-stop', ['stop', '--slots'], remote);
await farAgent.ended;

const { attempts, refused_count } = await agent.call(ENDPOINTS.listRefusedAttempts, {});
note('modelops stop --slots', (await traced('stop', ['stop', '--slots'])).code ?? 'killed');
await started.ended;
const day = {
  events,
  proxy_heard: proxy.heard(),
  provider_asked: { online: askedOnline, offline: provider.requests.length - askedOnline },
  engine_asked: engine.asked(),
  refused_count,
  refused: attempts.map(({ purpose, host }) => `${purpose} ${host}`),
  provider: new URL(provider.url).host,
};
await provider.close();
process.stdout.write(`${JSON.stringify(day)}\n`);
