import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../../shared/contract/index.ts';
import { workerPath } from '../../kernel/worker-entry.ts';
import type { EmbeddedOptions } from '../embedded/embedded-runtime.ts';
import { lineSplitter } from '../slots/log-buffer.ts';
import type { RuntimeAddress } from '../../kernel/egress.ts';
import { makeSocketDirectory, removeSocketDirectory, socketPath } from './attempt-socket.ts';
import type {
  Availability,
  Engine,
  ExitInfo,
  Launch,
  LogLine,
  RunningRuntime,
  RuntimeDriver,
  RuntimePaths,
} from './driver.ts';

/** llama.cpp in a child process: no Docker. The child ends with the agent. */
export class EmbeddedDriver implements RuntimeDriver {
  readonly kind = 'embedded' as const;
  readonly #children = new Set<ChildProcess>();
  #engine: Engine | null = null;
  #unshare: boolean | null = null;

  async availability(): Promise<Availability> {
    try {
      return { available: true, error: null, message: null, hint: null, engine: await this.resolve() };
    } catch (error) {
      const { code, message, hint } = error as AppError;
      return { available: false, error: code, message, hint, engine: null };
    }
  }

  async resolve(): Promise<Engine> {
    if (this.#engine !== null) return this.#engine;
    try {
      // Its exports do not name package.json, which lies above the entry.
      const manifest = new URL('../package.json', import.meta.resolve('node-llama-cpp'));
      const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
      this.#engine = {
        id: `node-llama-cpp@${version}`,
        imageId: null,
        version: `node-llama-cpp ${version}`,
        reference: null,
        entrypoint: null,
      };
      return this.#engine;
    } catch (cause) {
      throw new AppError('runtime_unavailable', 'The embedded runtime is not installed.', {
        hint: 'Install ModelOps Node again, with its optional packages.',
        cause,
      });
    }
  }

  async canUnix(): Promise<boolean> {
    return true;
  }

  async describe(): Promise<null> {
    return null;
  }

  async start(launch: Launch, signal: AbortSignal): Promise<RunningRuntime> {
    signal.throwIfAborted();
    await makeSocketDirectory(launch.socketDirectory);
    const socket = socketPath(launch.socketDirectory);
    const isolated = this.#canUnshare();
    const entry = [process.execPath, workerPath('embedded-runtime')];
    const [command = '', ...args] = isolated ? [...unshareCommand(), ...entry] : entry;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { PATH: process.env['PATH'] ?? '', ...launch.env(pathsOf(launch, socket)) },
    });
    this.#children.add(child);
    const running = new EmbeddedRun(launch, child, socket, isolated);
    void running.exited.then(async () => {
      this.#children.delete(child);
      await removeSocketDirectory(launch.socketDirectory);
    });
    child.send(optionsOf(launch, socket), (error) => {
      // The child ended before it read; its exit tells why.
      if (error !== null) child.kill('SIGKILL');
    });
    return running;
  }

  async findRunning(): Promise<RunningRuntime[]> {
    return [];
  }

  onAvailabilityChange(): void {
    // It is part of the installation; it does not come and go.
  }

  /** Children do not outlive their agent. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  /** Whether a child can get a network namespace of its own, with nothing in it. */
  #canUnshare(): boolean {
    if (process.platform !== 'linux') return false;
    const [command = '', ...args] = unshareCommand();
    this.#unshare ??= spawnSync(command, [...args, 'true'], { stdio: 'ignore', timeout: 5000 }).status === 0;
    return this.#unshare;
  }
}

/** Root may make the namespace itself; others need a user namespace around it. */
function unshareCommand(): string[] {
  return process.getuid?.() === 0
    ? ['unshare', '--net']
    : ['unshare', '--user', '--map-current-user', '--net'];
}

/** The child sees the files as the agent does. */
function pathsOf(launch: Launch, socket: string): RuntimePaths {
  return {
    modelDir: launch.modelDirectory,
    modelFile: `${launch.modelDirectory}/${launch.modelFile}`,
    mmprojFile: null,
    socket,
    cacheDir: launch.cacheDirectory,
    keyFile: null,
  };
}

function optionsOf(launch: Launch, socket: string): EmbeddedOptions {
  const { context_length: context, parallel, threads } = launch.settings;
  return {
    modelFile: `${launch.modelDirectory}/${launch.modelFile}`,
    servedName: launch.modelId,
    socket,
    embeddings: launch.settings['capability'] === 'embeddings',
    contextLength: typeof context === 'number' ? context : launch.spec.inferred_context_cap,
    parallel: typeof parallel === 'number' ? parallel : 1,
    threads: typeof threads === 'number' ? threads : null,
    version: launch.engine.version ?? '',
  };
}

class EmbeddedRun implements RunningRuntime {
  readonly slotId: string;
  readonly attempt: number;
  readonly modelId: string;
  readonly generation: number;
  readonly configHash: string;
  readonly engine: Engine;
  readonly address: RuntimeAddress;
  readonly containerId = null;
  readonly isolation: 'full' | 'none';
  readonly exited: Promise<ExitInfo>;
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #followers = new Set<(line: LogLine) => void>();

  constructor(launch: Launch, child: ChildProcess, socket: string, isolated: boolean) {
    this.slotId = launch.slotId;
    this.attempt = launch.attempt;
    this.modelId = launch.modelId;
    this.generation = launch.generation;
    this.configHash = launch.configHash;
    this.engine = launch.engine;
    this.address = { kind: 'unix', path: socket };
    this.isolation = isolated ? 'full' : 'none';
    this.#child = child;
    this.#collect('stdout');
    this.#collect('stderr');
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: null, oomKilled: false, message: error.message }));
      // After `close`, every line it wrote has been read.
      child.once('close', (code, killed) =>
        resolve({ code: code ?? exitCodeOf(killed), oomKilled: false, message: null }),
      );
    });
  }

  async follow(onLine: (line: LogLine) => void, backlog: number, signal: AbortSignal): Promise<void> {
    for (const line of backlog === 0 ? [] : this.#lines.slice(-backlog)) onLine(line);
    this.#followers.add(onLine);
    await Promise.race([
      this.exited,
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
    ]);
    this.#followers.delete(onLine);
  }

  async stop(graceMs: number): Promise<void> {
    this.#child.kill('SIGTERM');
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(hard);
  }

  #collect(stream: 'stdout' | 'stderr'): void {
    const source = this.#child[stream];
    const split = lineSplitter((text) => {
      const line: LogLine = { at: Date.now(), stream, text };
      this.#lines.push(line);
      if (this.#lines.length > 1000) this.#lines.shift();
      for (const follower of this.#followers) follower(line);
    });
    source?.setEncoding('utf8');
    source?.on('data', (chunk: string) => split.write(chunk));
    source?.on('end', () => split.end());
  }
}

/** The shell's convention, which Docker shares: 128 and the number of the signal. */
function exitCodeOf(signal: NodeJS.Signals | null): number | null {
  if (signal === 'SIGKILL') return 137;
  if (signal === 'SIGSEGV') return 139;
  if (signal === 'SIGTERM') return 143;
  if (signal === 'SIGABRT') return 134;
  return null;
}
