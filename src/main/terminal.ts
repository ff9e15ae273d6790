import { randomUUID } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { IPty, spawn } from 'node-pty';
import { AppError, ENDPOINTS, NameSchema, toAppError, type Call } from '../shared/contract/index.ts';
import { DESKTOP_CHANNELS, type TerminalOpening, type TerminalSize } from '../shared/desktop/bridge.ts';

interface PageTerminalsDeps {
  /** Calls the agent with the desktop's key; waits for one that starts. @throws {AppError} `agent_unreachable`. */
  readonly call: () => Promise<Call<AbortSignal>>;
  /** To the page. */
  readonly send: (channel: string, ...values: unknown[]) => void;
  readonly env: NodeJS.ProcessEnv;
}

interface OpenTerminal {
  readonly pty: IPty;
  /** Characters that the page was sent and has not taken. */
  untaken: number;
  isPaused: boolean;
}

const MOST = 8;
const MAX_INPUT = 65_536;
const MAX_SIDE = 1000;
const EOF_MS = 150;
const END_MS = 1500;
/** Then the program waits for the page. */
const UNTAKEN_MOST = 512 * 1024;
const UNTAKEN_AGAIN = 128 * 1024;

/**
 * The terminals of the page: a docker client each, in a terminal of this machine. Which words are run the agent says,
 * who journals it; the page names a slot and types.
 */
export class PageTerminals {
  readonly #deps: PageTerminalsDeps;
  readonly #open = new Map<string, OpenTerminal>();
  /** A page that went while its terminal was being opened does not get one. */
  #page = 0;

  constructor(deps: PageTerminalsDeps) {
    this.#deps = deps;
  }

  async open(slotId: unknown, asked: unknown): Promise<TerminalOpening> {
    const page = this.#page;
    const size = sizeOf(asked);
    const slot = NameSchema.safeParse(slotId);
    if (!slot.success || size === null) return refused(new AppError('invalid_argument', 'No such slot.'));
    if (this.#open.size >= MOST)
      return refused(
        new AppError('resource_exhausted', `${MOST} terminals are open.`, { hint: 'Close one.' }),
      );
    if (programPath('docker', this.#deps.env) === null) return { state: 'no_client' };
    try {
      const call = await this.#deps.call();
      const { command } = await call(ENDPOINTS.openTerminal, {
        params: { id: slot.data },
        body: { mode: 'command', ...size },
      });
      const [name = '', ...args] = command ?? [];
      const program = programPath(name, this.#deps.env);
      const start = await loadPty();
      if (program === null || start === null) return { state: 'no_client' };
      if (page !== this.#page) throw new AppError('shutting_down', 'The page is gone.');
      const pty = start(program, args, {
        name: 'xterm-256color',
        cols: size.columns,
        rows: size.rows,
        env: this.#deps.env,
      });
      return { state: 'open', id: this.#attach(pty), command: [name, ...args].join(' ') };
    } catch (error) {
      return refused(toAppError(error));
    }
  }

  write(id: unknown, data: unknown): void {
    if (typeof data === 'string' && data.length <= MAX_INPUT) this.#find(id)?.pty.write(data);
  }

  resize(id: unknown, asked: unknown): void {
    const size = sizeOf(asked);
    if (size !== null) this.#find(id)?.pty.resize(size.columns, size.rows);
  }

  /** The page has shown that much: a program that waited goes on. */
  taken(id: unknown, length: unknown): void {
    const terminal = this.#find(id);
    if (terminal === undefined || typeof length !== 'number') return;
    terminal.untaken = Math.max(0, terminal.untaken - length);
    if (!terminal.isPaused || terminal.untaken > UNTAKEN_AGAIN) return;
    terminal.isPaused = false;
    terminal.pty.resume();
  }

  close(id: unknown): void {
    const terminal = this.#find(id);
    if (terminal !== undefined) end(terminal.pty);
  }

  closeAll(): void {
    this.#page += 1;
    for (const { pty } of this.#open.values()) end(pty);
    this.#open.clear();
  }

  #attach(pty: IPty): string {
    const id = randomUUID();
    const terminal: OpenTerminal = { pty, untaken: 0, isPaused: false };
    this.#open.set(id, terminal);
    pty.onData((data) => {
      if (!this.#open.has(id)) return;
      this.#deps.send(DESKTOP_CHANNELS.terminalData, id, data);
      terminal.untaken += data.length;
      if (terminal.isPaused || terminal.untaken < UNTAKEN_MOST) return;
      terminal.isPaused = true;
      pty.pause();
    });
    pty.onExit(({ exitCode }) => {
      if (this.#open.delete(id)) this.#deps.send(DESKTOP_CHANNELS.terminalExit, id, exitCode);
    });
    return id;
  }

  #find(id: unknown): OpenTerminal | undefined {
    return typeof id === 'string' ? this.#open.get(id) : undefined;
  }
}

/**
 * A docker client that is only killed leaves its shell behind in the container, so the shell is asked to end first:
 * interrupt, then end of input. Not in one breath: what stands behind an interrupt is dropped with it.
 */
function end(pty: IPty): void {
  pty.resume();
  pty.write('\u0003');
  const timers = [setTimeout(() => pty.write('\u0004'), EOF_MS), setTimeout(() => pty.kill(), END_MS)];
  pty.onExit(() => {
    for (const timer of timers) clearTimeout(timer);
  });
}

/** Its binary may not be made for this system; the agent passes terminals through then. */
async function loadPty(): Promise<typeof spawn | null> {
  try {
    return (await import('node-pty')).spawn;
  } catch (error) {
    console.error('node-pty cannot be loaded:', error);
    return null;
  }
}

/** Where a program of that name is found; null where it is not. */
function programPath(name: string, env: NodeJS.ProcessEnv): string | null {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter((one) => one !== '')) {
    for (const suffix of suffixes) {
      const path = join(directory, name + suffix);
      try {
        accessSync(path, constants.X_OK);
        if (statSync(path).isFile()) return path;
      } catch {
        // Not here.
      }
    }
  }
  return null;
}

/** @returns null for what is no size. Pure. */
function sizeOf(value: unknown): TerminalSize | null {
  const { columns, rows } = (value ?? {}) as Partial<TerminalSize>;
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isInteger(side) && side >= 2 && side <= MAX_SIDE;
  return isSide(columns) && isSide(rows) ? { columns, rows } : null;
}

function refused({ code, message, hint }: AppError): TerminalOpening {
  return { state: 'refused', error: code, message, hint };
}
