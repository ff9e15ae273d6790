import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError, createClient, isErrorCode, type Call } from '../shared/contract/index.ts';
import { readAgentFile, readLastWords, sharedFiles } from '../agent/kernel/agent-file.ts';
import { dataDirPaths, type DataDir } from '../agent/kernel/data-dir.ts';

/** How the CLI finds the agent of a data directory, and starts one where none runs. */
export interface Connection {
  readonly url: string;
  readonly token: string;
  readonly paths: DataDir;
  readonly call: Call<AbortSignal>;
  /** True when this command started it. */
  readonly started: boolean;
}

const START_DEADLINE_MS = 60_000;
const PING_MS = 2000;

/** @throws {AppError} `agent_unreachable`, `permission_denied`. */
export async function connect(dataDir: string): Promise<Connection> {
  const paths = dataDirPaths(dataDir);
  const agent = await readAgentFile(paths);
  if (agent === null || !(await answers(agent.url))) {
    throw new AppError('agent_unreachable', `No agent runs for ${dataDir}.`, {
      details: { data_dir: dataDir },
    });
  }
  return connection(agent.url, paths, false);
}

/** Connects, starting an agent that goes on after this command when none runs. */
export async function connectOrStart(
  dataDir: string,
  options: { offline?: boolean; port?: number } = {},
): Promise<Connection> {
  const paths = dataDirPaths(dataDir);
  const agent = await readAgentFile(paths);
  if (agent !== null && (await answers(agent.url))) return connection(agent.url, paths, false);
  const url = await startAgentProcess(dataDir, paths, options);
  return connection(url, paths, true);
}

async function connection(url: string, paths: DataDir, started: boolean): Promise<Connection> {
  const token = await readFile(paths.adminToken, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new AppError('permission_denied', `The key file ${paths.adminToken} cannot be read.`, {
      hint: 'Run this as the user who runs the agent.',
      cause,
    });
  });
  const trimmed = token.trim();
  return {
    url,
    token: trimmed,
    paths,
    started,
    call: createClient<AbortSignal>({ baseUrl: url, fetch, token: () => trimmed }),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PING_MS) });
    return response.ok;
  } catch {
    // Left over from an agent that was killed.
    return false;
  }
}

/** Detached, with its log in the data directory. @throws {AppError} with the code the agent ended with. */
async function startAgentProcess(
  dataDir: string,
  paths: DataDir,
  { offline, port }: { offline?: boolean; port?: number },
): Promise<string> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const { agentLog } = sharedFiles(dataDir);
  const log = openSync(agentLog, 'a', 0o600);
  const start = fstatSync(log).size;
  const entry = fileURLToPath(new URL('../../bin/modelops.mjs', import.meta.url));
  const args = [
    entry,
    'serve',
    '--json',
    '--data-dir',
    dataDir,
    ...(port === undefined ? [] : ['--port', String(port)]),
    ...(offline === true ? ['--offline'] : []),
  ];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'pipe', log] as const,
    env: process.env,
  });
  closeSync(log);
  const { stdout } = child;
  if (stdout === null) throw new Error('a pipe was asked for');
  const ready = new Promise<string>((resolve, reject) => {
    let text = '';
    stdout.setEncoding('utf8');
    stdout.on('data', (chunk: string) => {
      text += chunk;
      const line = /^(.*)\n/.exec(text)?.[1];
      if (line !== undefined) resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once('error', reject);
    void once(child, 'exit')
      .then(([code]) => endedEarly(agentLog, start, code as number | null))
      .then(reject, reject);
  });
  const deadline = setTimeout(() => child.kill('SIGTERM'), START_DEADLINE_MS);
  try {
    return await ready;
  } finally {
    clearTimeout(deadline);
    stdout.destroy();
    child.unref();
  }
}

/** Why it ended while it started: what it said itself, where it could. */
async function endedEarly(agentLog: string, start: number, code: number | null): Promise<AppError> {
  const said = await readLastWords(agentLog, start);
  if (said !== null && isErrorCode(said.error))
    return new AppError(said.error, said.message, {
      ...(said.hint === undefined ? {} : { hint: said.hint }),
      ...(said.details === undefined ? {} : { details: said.details }),
    });
  return new AppError('agent_unreachable', `The agent ended with code ${String(code)} while it started.`, {
    hint: `Its log: ${agentLog}`,
  });
}
