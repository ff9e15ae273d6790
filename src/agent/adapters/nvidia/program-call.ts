import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { DriverFailure, hungProblem, type ProgramEnd } from './driver-state.ts';

/** More than a report of sixteen cards with all their processes. */
const MAX_OUTPUT = 16 * 1024 * 1024;
/** What a program of the driver may know of the agent's environment: no tokens, no proxies. */
const PASSED = /^(PATH|Path|HOME|SystemRoot|SYSTEMROOT|ProgramFiles|LD_LIBRARY_PATH|TMPDIR|NVIDIA_\w+)$/;

/** The environment of nvidia-smi. English, because its texts are read. */
export function programEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name))),
    LC_ALL: 'C',
  };
}

/** Calls that were killed and are not gone yet. A driver that hangs holds them in the kernel for good. */
const dying = new Map<ChildProcess, Promise<void>>();
const DYING_MS = 2000;

/** @throws {DriverFailure} `hung` when an earlier call cannot be ended; more of them would only wait behind it. */
async function assertNoneHangs(): Promise<void> {
  if (dying.size === 0) return;
  const late = Symbol('late');
  let timer: NodeJS.Timeout | undefined;
  const first = await Promise.race([
    Promise.all(dying.values()),
    new Promise<typeof late>((resolve) => {
      timer = setTimeout(() => resolve(late), DYING_MS);
    }),
  ]);
  clearTimeout(timer);
  if (first === late) throw new DriverFailure(hungProblem(DYING_MS / 1000));
}

export interface CallAnswer extends ProgramEnd {
  readonly stdout: string;
  /** What it cost at most, in milliseconds of a processor. */
  readonly costMs: number;
}

/**
 * Runs nvidia-smi once.
 * @throws {DriverFailure} state `hung` after `timeoutMs`, and soon while an earlier call still hangs; the reason of
 *   `signal` when it aborts; the error of the system when the program cannot be started.
 */
export async function callProgram(
  path: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CallAnswer> {
  signal.throwIfAborted();
  await assertNoneHangs();
  const before = { wall: performance.now(), cpu: await endedChildrenMs() };
  const child = spawn(path, args, {
    env: programEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const { stdout, text, code } = await outputOf(child, timeoutMs, signal);
  const wall = performance.now() - before.wall;
  const cpu = await endedChildrenMs();
  return {
    code,
    text,
    stdout,
    costMs: cpu === null || before.cpu === null ? wall : Math.min(wall, cpu - before.cpu),
  };
}

function outputOf(
  child: ChildProcess,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ stdout: string; text: string; code: number | null }> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let text = '';
    const take = (isStdout: boolean) => (chunk: string) => {
      if (text.length > MAX_OUTPUT) return;
      text += chunk;
      if (isStdout) stdout += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', take(true));
    child.stderr?.setEncoding('utf8').on('data', take(false));
    const giveUp = (reason: unknown): void => {
      kill(child);
      settle();
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    const timer = setTimeout(
      () => giveUp(new DriverFailure(hungProblem(Math.max(1, Math.round(timeoutMs / 1000))))),
      timeoutMs,
    );
    const onAbort = (): void => giveUp(signal.reason);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code) => {
      settle();
      resolve({ stdout, text, code });
    });
  });
}

/** Ends a child for good; one that does not end is remembered. */
export function kill(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      dying.delete(child);
      resolve();
    });
  });
  dying.set(child, gone);
  child.kill('SIGKILL');
}

/** USER_HZ is 100 on every platform that Linux runs on today. */
const TICK_MS = 10;

/**
 * Processor time of a running process, or of all ended children of one, in milliseconds; null where the system does
 * not say. Fields 14 to 17 of `/proc/<pid>/stat` (proc(5)); the name in brackets may hold anything.
 */
export async function processorMs(pid: number | 'self', of: 'process' | 'children'): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const from = of === 'process' ? 11 : 13;
  return (Number(fields[from]) + Number(fields[from + 1])) * TICK_MS;
}

const endedChildrenMs = (): Promise<number | null> => processorMs('self', 'children');
