import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { sharedFiles, type AgentFile } from '../../src/agent/kernel/agent-file.ts';
import { connectTo, type TestAgent } from '../support/agent.ts';
import { buildIfOutdated } from '../../tools/build.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.ts';
import type { Command, Happening, ProcessMessage } from './control.ts';
import { openStage, ROOT, type Stage } from './stages.ts';

/**
 * The built desktop as a process of its own, its windows pages of a real Chromium, its agent a real one; on the stand-in
 * for Electron, or on Electron itself. Everything ends with the test, by process id.
 */

const DEADLINE_MS = 60_000;

/** A browser, a data directory and a user data directory, over which desktops come and go. */
export interface Workplace extends AsyncDisposable {
  readonly dataDir: string;
  readonly userData: string;
  /** Starts the desktop and waits until it is ready. */
  start(options?: StartOptions): Promise<Desktop>;
  /** What a second start of the app does: it ends at once. @returns its exit code. */
  startAgain(argv: readonly string[]): Promise<number>;
  /** A client with the admin key for the agent that runs in the data directory now. */
  agent(): Promise<LocalAgent>;
}

export interface StartOptions {
  readonly argv?: readonly string[];
  /** The name of the session's keychain; `basic_text` and `none` are sessions without one. */
  readonly keychain?: string;
}

export type LocalAgent = Omit<TestAgent, 'stop' | keyof AsyncDisposable> & { readonly pid: number };

export interface Desktop {
  readonly pid: number;
  /** `app://modelops`, or what stands for it: `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** The app's window, once it has loaded. */
  page(): Promise<Page>;
  /** The first thing of a kind that happened since the start, or will. */
  happened<E extends Happening['event']>(
    event: E,
    fits?: (happening: Extract<Happening, { event: E }>) => boolean,
  ): Promise<Extract<Happening, { event: E }>>;
  /** All of a kind until now. */
  all<E extends Happening['event']>(event: E): Extract<Happening, { event: E }>[];
  command(command: Command): Promise<unknown>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  /** What it wrote. */
  output(): string;
}

let isBuilt: boolean | null = null;

/**
 * Builds the app where the sources are newer than it, once for each file of tests.
 * @throws when that fails: a suite that is asked for and cannot run fails.
 */
export function buildApp(): void {
  isBuilt ??= buildIfOutdated(ROOT);
  if (!isBuilt) throw new Error('The desktop cannot be built; the reason stands above.');
}

export async function openWorkplace(): Promise<Workplace> {
  buildApp();
  const directory = await temporaryDirectory('mo-desk-');
  const dataDir = join(directory.path, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  // Many agents run on this machine at the same time.
  await writeFile(join(dataDir, 'config.yaml'), 'port: 0\n');
  return new StagedWorkplace(directory, dataDir, await openStage(directory.path));
}

class StagedWorkplace implements Workplace {
  readonly dataDir: string;
  readonly userData: string;
  readonly #directory: TemporaryDirectory;
  readonly #stage: Stage;
  readonly #started: DesktopProcess[] = [];

  constructor(directory: TemporaryDirectory, dataDir: string, stage: Stage) {
    this.#directory = directory;
    this.#stage = stage;
    this.dataDir = dataDir;
    this.userData = join(directory.path, 'user-data');
  }

  async start(options: StartOptions = {}): Promise<Desktop> {
    const desktop = new DesktopProcess(this.#spawn(options), () => this.#stage.context());
    this.#started.push(desktop);
    await desktop.begin();
    return desktop;
  }

  async startAgain(argv: readonly string[]): Promise<number> {
    const desktop = new DesktopProcess(this.#spawn({ argv }), () => this.#stage.context());
    this.#started.push(desktop);
    return (await within(desktop.ended, 'the second start to end')) ?? -1;
  }

  #spawn({ argv = [], keychain = 'keyring' }: StartOptions): ChildProcess {
    const env = { ...process.env, MODELOPS_BUILT: '1', MODELOPS_DATA_DIR: this.dataDir };
    return this.#stage.spawn({ argv, keychain, userData: this.userData, env });
  }

  async agent(): Promise<LocalAgent> {
    const { url, pid } = await this.#agentFile();
    const token = (await readFile(sharedFiles(this.dataDir).adminToken, 'utf8')).trim();
    return { ...connectTo(url, token, this.dataDir), pid };
  }

  async #agentFile(): Promise<AgentFile> {
    return JSON.parse(await readFile(sharedFiles(this.dataDir).agentFile, 'utf8')) as AgentFile;
  }

  /** Desktops first, so that none starts an agent again; then the agent that is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const desktop of this.#started) {
      desktop.kill('SIGKILL');
      await desktop.ended;
    }
    // An agent that only starts is in no file yet; all of ours have the directory in their command line.
    for (const pid of await processesOf(this.dataDir)) await endProcess(pid);
    await this.#stage[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}

class DesktopProcess implements Desktop {
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #connect: () => Promise<BrowserContext>;
  #context: BrowserContext | null = null;
  readonly #happenings: Happening[] = [];
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #told = Promise.withResolvers<void>();
  #output = '';
  #origin = '';
  #commands = 0;

  constructor(child: ChildProcess, connect: () => Promise<BrowserContext>) {
    this.#process = child;
    this.#connect = connect;
    this.ended = new Promise((resolve) => child.once('exit', resolve));
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    child.on('message', (message: ProcessMessage) => this.#hear(message));
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get origin(): string {
    return this.#origin;
  }

  async begin(): Promise<void> {
    const { pageOrigin } = await this.happened('ready');
    this.#origin = pageOrigin;
    this.#context = await this.#connect();
  }

  output(): string {
    return this.#output;
  }

  async page(): Promise<Page> {
    const isOurs = (page: Page): boolean => page.url().startsWith(`${this.#origin}/`);
    const context = this.#context;
    if (context === null) throw new Error('the desktop is not ready');
    const look = async (): Promise<Page> => {
      for (;;) {
        const open = context.pages().find(isOurs);
        if (open !== undefined) return open;
        await pageChange(context);
      }
    };
    const page = await within(look(), 'a page of the app', () => this.#output);
    await page.waitForLoadState('load');
    return page;
  }

  all<E extends Happening['event']>(event: E): Extract<Happening, { event: E }>[] {
    return this.#happenings.filter(
      (happening): happening is Extract<Happening, { event: E }> => happening.event === event,
    );
  }

  async happened<E extends Happening['event']>(
    event: E,
    fits: (happening: Extract<Happening, { event: E }>) => boolean = () => true,
  ): Promise<Extract<Happening, { event: E }>> {
    const look = async (): Promise<Extract<Happening, { event: E }>> => {
      for (;;) {
        const found = this.all(event).find(fits);
        if (found !== undefined) return found;
        await this.#told.promise;
      }
    };
    const end = this.ended.then((code): never => {
      throw new Error(`the desktop ended with ${code} before ${event} happened:\n${this.#output}`);
    });
    return within(Promise.race([look(), end]), `${event}: ${String(fits)}`, () => this.#output);
  }

  async command(command: Command): Promise<unknown> {
    this.#commands += 1;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(this.#commands, answer);
    this.#process.send({ id: this.#commands, command });
    const end = this.ended.then(() => null);
    return within(Promise.race([answer.promise, end]), JSON.stringify(command), () => this.#output);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #hear(message: ProcessMessage): void {
    if ('happening' in message) {
      this.#happenings.push(message.happening);
      const told = this.#told;
      this.#told = Promise.withResolvers<void>();
      told.resolve();
      return;
    }
    const answer = this.#answers.get(message.id);
    if ('problem' in message) answer?.reject(new Error(message.problem));
    else answer?.resolve(message.result);
  }
}

/** Until a page comes or goes somewhere. */
function pageChange(context: BrowserContext): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => resolve();
    context.once('page', done);
    for (const page of context.pages()) page.once('framenavigated', done);
  });
}

/** A promise with an end: whatever a test waits for, it does not wait for ever. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  context: () => string = () => '',
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`not within ${DEADLINE_MS / 1000} s: ${what}\n${context()}`)),
    DEADLINE_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A container's first process need not bury what was left to it.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // Gone, or never there.
    return false;
  }
}

/** Processes whose arguments name a directory that only this test has. */
async function processesOf(dataDir: string): Promise<number[]> {
  const found = await Promise.all(
    (await readdir('/proc')).map(async (name) => {
      if (!/^\d+$/.test(name) || Number(name) === process.pid) return null;
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      return command.split('\0').includes(dataDir) ? Number(name) : null;
    }),
  );
  return found.filter((pid) => pid !== null);
}

/** Ends a process by its id and waits until it is gone. */
export async function endProcess(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGKILL');
  await within(untilGone(pid), `process ${pid} to end`);
}

/** There is no event for the end of somebody else's process. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
