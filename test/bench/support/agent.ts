import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectTo, type TestAgent } from '../../support/agent.ts';
import { end, type Scope } from './scope.ts';

const ENTRY = join(import.meta.dirname, '..', '..', '..', 'bin', 'modelops.mjs');

export interface BenchAgent extends Omit<TestAgent, 'stop' | keyof AsyncDisposable> {
  readonly pid: number;
  /** From the spawn to its ready line, in milliseconds. */
  readonly readyMs: number;
  /** From the spawn to the first 200 of /healthz. */
  readonly healthyMs: number;
  stop(): Promise<void>;
}

/** What a child of ours sees: nothing of the caller's own ModelOps Node. */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, ...more };
}

/**
 * Starts the built agent as a user does and waits until it answers.
 * @throws with the end of its log when it ends before.
 */
export async function startAgent(
  scope: Scope,
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchAgent> {
  const logPath = `${dataDir}.log`;
  const log = openSync(logPath, 'a', 0o600);
  const started = performance.now();
  const child = scope.spawn(
    process.execPath,
    [ENTRY, 'serve', '--json', '--port', '0', '--data-dir', dataDir],
    { stdio: ['ignore', 'pipe', log], env: environment({ MODELOPS_BUILT: '1', ...env }) },
  );
  closeSync(log);
  const { url, token_file: tokenFile } = await readyLine(child, logPath);
  const readyMs = performance.now() - started;
  const response = await fetch(`${url}/healthz`);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`/healthz answered with ${response.status}`);
  const healthyMs = performance.now() - started;
  const token = (await readFile(tokenFile, 'utf8')).trim();
  return {
    ...connectTo(url, token, dataDir),
    pid: child.pid ?? 0,
    readyMs,
    healthyMs,
    stop: () => end(child),
  };
}

async function readyLine(child: ChildProcess, logPath: string): Promise<{ url: string; token_file: string }> {
  let text = '';
  const line = new Promise<string>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const first = /^(.*)\n/.exec(text)?.[1];
      if (first !== undefined) resolve(first);
    });
  });
  const ended = once(child, 'exit').then(async ([code]) => {
    const log = await readFile(logPath, 'utf8');
    throw new Error(`the agent ended with ${String(code)}: ${log.slice(-2000)}`);
  });
  // After the ready line its end is nobody's concern here.
  ended.catch(() => undefined);
  return JSON.parse(await Promise.race([line, ended])) as { url: string; token_file: string };
}
