import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { connectTo, type TestAgent } from './agent.ts';

/** The agent and the CLI as a user runs them: real processes. */

const ENTRY = fileURLToPath(new URL('../../bin/modelops.mjs', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

function environment(dataDir: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '', DOCKER_HOST, MODELOPS_BUILT } = process.env;
  return {
    PATH,
    HOME,
    MODELOPS_DATA_DIR: dataDir,
    MODELOPS_LOG_LEVEL: 'warn',
    ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }),
    ...(MODELOPS_BUILT === undefined ? {} : { MODELOPS_BUILT }),
    ...more,
  };
}

/** Runs one CLI command to its end. */
export async function cli(
  dataDir: string,
  args: readonly string[],
  { env = {}, input }: ProcessOptions = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [ENTRY, ...args], {
    env: environment(dataDir, env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input ?? '');
  const [stdout, stderr, [code]] = await Promise.all([
    text(child, 'stdout'),
    text(child, 'stderr'),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

async function text(child: ChildProcess, stream: 'stdout' | 'stderr'): Promise<string> {
  let all = '';
  for await (const chunk of child[stream]!.setEncoding('utf8')) all += chunk as string;
  return all;
}

export interface AgentProcess extends Omit<TestAgent, 'stop' | keyof AsyncDisposable>, AsyncDisposable {
  readonly pid: number;
  /** Everything it wrote to stdout. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Sends a signal and waits for the end. @returns the exit code; null after a signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

/** `modelops serve --json` until it says that it is ready. @throws with its stderr when it ends before. */
export async function serve(
  dataDir: string,
  args: readonly string[] = [],
  options: ProcessOptions = {},
): Promise<AgentProcess> {
  const child = spawn(process.execPath, [ENTRY, 'serve', '--json', '--port', '0', ...args], {
    env: environment(dataDir, options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.input ?? '');
  let out = '';
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const ready = new Promise<{ url: string; token_file: string }>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      const line = /^(.*)\n/.exec(out)?.[1];
      if (line !== undefined) resolve(JSON.parse(line) as { url: string; token_file: string });
    });
    void exited.then((code) =>
      reject(Object.assign(new Error(`serve ended with ${code}: ${err}`), { code, stderr: err })),
    );
  });
  const { url, token_file: tokenFile } = await ready;
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return exited;
  };
  return {
    ...connectTo(url, token, dataDir),
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    exited,
    end,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
    },
  };
}
