import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GRACE_MS = 10_000;

/**
 * Everything a run leaves on the machine: one temporary directory, and processes by their ids. It goes at the end, and
 * on a signal too.
 */
export class Scope implements AsyncDisposable {
  /** On a real disk where there is one; short, because sockets lie below it. */
  readonly root: string;
  readonly #children = new Set<ChildProcess>();
  readonly #strangers = new Set<number>();
  readonly #onSignal: (signal: NodeJS.Signals) => void;

  private constructor(root: string) {
    this.root = root;
    this.#onSignal = (signal) => {
      this.#killAll();
      rmSync(root, { recursive: true, force: true, maxRetries: 3 });
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.once('SIGINT', this.#onSignal);
    process.once('SIGTERM', this.#onSignal);
  }

  static async open(): Promise<Scope> {
    // Often /tmp lies in memory; files of gigabytes and the times of fdatasync want a disk.
    const base = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
    return new Scope(await mkdtemp(join(base, 'mo-bench-')));
  }

  /** A fresh directory in the run's own. */
  async directory(name: string): Promise<string> {
    const path = join(this.root, name);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Starts a program that ends with this run. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn(command, [...args], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    // Told where it is awaited, or by its exit; without a listener it would end the run.
    child.on('error', () => this.#children.delete(child));
    return child;
  }

  /** Starts one of the programs beside this file, with a channel for messages. */
  program(name: string, args: readonly string[] = []): ChildProcess {
    const path = join(import.meta.dirname, '..', 'programs', `${name}.ts`);
    return this.spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** A process that another one started for us, to be ended with the rest. @returns what forgets it again. */
  adopt(pid: number): () => void {
    this.#strangers.add(pid);
    return () => void this.#strangers.delete(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    const ended = [...this.#children].map((child) => once(child, 'exit'));
    this.#killAll();
    await Promise.all(ended);
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
  }

  #killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const pid of this.#strangers) killIfThere(pid);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks a process to end and makes it when it does not. Resolves when it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await gone;
  clearTimeout(hard);
}

/** Runs a command to its end. @returns the seconds it took. @throws when it fails, with what it said. */
export async function timed(
  scope: Scope,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<number> {
  const started = performance.now();
  const child = scope.spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}: ${said.slice(-2000)}`);
  return seconds;
}
