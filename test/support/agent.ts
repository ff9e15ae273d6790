import { readFile } from 'node:fs/promises';
import {
  createClient,
  ENDPOINTS,
  IMPORT_MODEL,
  type Call,
  type Job,
  type Model,
  type Slot,
} from '../../src/shared/contract/index.ts';
import { startAgent, type AgentOverrides, type RunningAgent } from '../../src/agent/index.ts';
import { loadConfig, type Settings } from '../../src/agent/kernel/config.ts';
import { createLogger } from '../../src/agent/kernel/logger.ts';
import { readEvents } from '../../src/cli/events.ts';

/** A real agent on a real data directory, spoken to over HTTP only. */
export interface TestAgent extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  readonly call: Call<AbortSignal>;
  /** A client with another key. */
  as(token: string | null): Call<AbortSignal>;
  /** The raw answer of any request, with the admin key unless told otherwise. */
  request(
    method: string,
    path: string,
    options?: { body?: unknown; raw?: string; token?: string | null; headers?: Record<string, string> },
  ): Promise<RawAnswer>;
  job(id: string): Promise<Job>;
  slot(id: string, reached: (slot: Slot) => boolean): Promise<Slot>;
  stop(): Promise<void>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface TestAgentOptions extends AgentOverrides {
  readonly settings?: Settings;
  readonly env?: NodeJS.ProcessEnv;
}

const DEADLINE_MS = 60_000;

export async function startTestAgent(
  dataDir: string,
  { settings = {}, env = {}, ...overrides }: TestAgentOptions = {},
): Promise<TestAgent> {
  const config = await loadConfig({
    argv: { data_dir: dataDir, port: 0, log_level: logLevel(), ...settings },
    env,
  });
  const agent = await startAgent(
    config,
    { checkResponses: true, ...overrides },
    createLogger({ level: config.logLevel }),
  );
  return testAgentAt(agent, dataDir);
}

function logLevel(): 'silent' | 'debug' {
  return process.env['MODELOPS_TEST_LOG'] === undefined ? 'silent' : 'debug';
}

async function testAgentAt(agent: RunningAgent, dataDir: string): Promise<TestAgent> {
  const token = (await readFile(agent.tokenFile, 'utf8')).trim();
  return {
    ...connectTo(agent.url, token, dataDir),
    stop: () => agent.stop(),
    [Symbol.asyncDispose]: () => agent.stop(),
  };
}

/** The same conveniences for an agent that runs in another process. */
export function connectTo(
  url: string,
  token: string,
  dataDir: string,
): Omit<TestAgent, 'stop' | keyof AsyncDisposable> {
  const as = (key: string | null): Call<AbortSignal> =>
    createClient<AbortSignal>({ baseUrl: url, fetch, token: () => key });
  const call = as(token);
  return {
    url,
    token,
    dataDir,
    call,
    as,
    request: async (method, path, { body, raw, token: key = token, headers = {} } = {}) => {
      const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(text === undefined ? {} : { body: text }),
      });
      const answer = await response.text();
      return { status: response.status, headers: response.headers, text: answer, body: parse(answer) };
    },
    job: (id) =>
      settle({ url, token }, 'jobs', async () => {
        const { job } = await call(ENDPOINTS.getJob, { params: { id } });
        return job.state === 'queued' || job.state === 'running' ? null : job;
      }),
    slot: (id, reached) =>
      settle({ url, token }, 'slots', async () => {
        const { slot } = await call(ENDPOINTS.getSlot, { params: { id } });
        return reached(slot) ? slot : null;
      }),
  };
}

/** Looks again at every event until there is an answer. @throws after a minute. */
async function settle<T>(
  agent: { url: string; token: string },
  topic: string,
  look: () => Promise<T | null>,
): Promise<T> {
  const stop = new AbortController();
  const deadline = setTimeout(
    () => stop.abort(new Error(`nothing settled on ${topic}: ${String(look)}`)),
    DEADLINE_MS,
  );
  try {
    const events = readEvents(agent, topic, stop.signal);
    while ((await events.next()).done !== true) {
      const found = await look();
      if (found !== null) return found;
    }
    throw new Error('the event stream ended');
  } finally {
    clearTimeout(deadline);
    stop.abort();
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Streams and pages are looked at as text.
    return {};
  }
}

/** Imports a file and waits for the model. */
export async function importModel(
  agent: Pick<TestAgent, 'call' | 'job'>,
  path: string,
  more: { name?: string; register?: boolean; link?: boolean } = {},
): Promise<Model> {
  const { job } = await agent.call(IMPORT_MODEL, { body: { path, register: true, ...more } });
  const done = await agent.job(job.id);
  if (done.state !== 'succeeded') throw new Error(`import: ${JSON.stringify(done.error)}`);
  const { model } = await agent.call(ENDPOINTS.getModel, {
    params: { id: done.result?.['model_id'] as string },
  });
  return model;
}

/** Brings a model to the state in which it answers, in a slot of its own. */
export async function serveModel(
  agent: Pick<TestAgent, 'call' | 'job'>,
  modelId: string,
  body: { slot_id?: string; runtime_spec?: string; config?: Slot['config'] } = {},
): Promise<{ slot_id: string }> {
  const { job } = await agent.call(ENDPOINTS.serveModel, {
    params: { id: modelId },
    body: { runtime_spec: 'embedded-llama', ...body },
  });
  const done = await agent.job(job.id);
  if (done.state !== 'succeeded') throw new Error(`serve: ${JSON.stringify(done.error)}`);
  return done.result as { slot_id: string };
}
