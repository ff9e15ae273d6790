import { AppError } from '../../../shared/contract/index.ts';
import type { ContainerExec, ExecOptions } from '../../adapters/docker/index.ts';
import type { Actor } from '../../catalog/index.ts';
import type { Database } from '../../kernel/database/database.ts';
import { newId } from '../../kernel/ids.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Logger } from '../../kernel/logger.ts';
import { endCommand, SHELL, terminalCommand, TERMINAL_MARK } from './terminal-command.ts';
import { Terminal } from './terminal.ts';

/** What can run a program in a container: the engine. */
interface TerminalEngine {
  readonly clientOptions: readonly string[];
  exec(containerId: string, options: ExecOptions, signal: AbortSignal): Promise<ContainerExec>;
}

/** Says which container a slot has now. */
interface SlotContainers {
  /** @returns null where nothing runs; `isContainer` whether its runtime is one at all. @throws {AppError} `not_found`. */
  containerOf(slotId: string): { readonly containerId: string | null; readonly isContainer: boolean };
}

interface TerminalsDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly log: Logger;
  readonly slots: SlotContainers;
  readonly engine: TerminalEngine;
}

export interface OpenedTerminal {
  readonly container_id: string;
  readonly command: string[] | null;
  readonly terminal_id: string | null;
}

const MOST = 16;
const UNREAD_MS = 30_000;
const IDLE_MS = 30 * 60_000;
const END_MS = 5000;

/** The terminals in containers that this agent allows and passes through. Each one that is opened is journaled. */
export class Terminals {
  readonly #deps: TerminalsDeps;
  readonly #open = new Map<string, Terminal>();

  constructor(deps: TerminalsDeps) {
    this.#deps = deps;
  }

  /**
   * Allows a terminal in the container of a slot.
   * @throws {AppError} `not_found`, `model_not_loaded` without a container, `runtime_unavailable` where the runtime is
   *   none or the engine refuses, `resource_exhausted` when too many are open.
   */
  async open(
    slotId: string,
    asked: { mode: 'command' | 'stream'; columns: number; rows: number },
    actor: Actor,
    signal: AbortSignal,
  ): Promise<OpenedTerminal> {
    const { database, journal, engine } = this.#deps;
    const containerId = this.#container(slotId);
    if (asked.mode === 'stream' && this.#open.size >= MOST) {
      throw new AppError('resource_exhausted', `${MOST} terminals are open, which is the most.`, {
        hint: 'Close one.',
      });
    }
    // Before it is opened: a terminal without its row must not be.
    await database.transact((unit) => {
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'slot.terminal_opened',
        subject: `slot:${slotId}`,
        data: { mode: asked.mode, container_id: containerId },
      });
    });
    if (asked.mode === 'command') {
      return {
        container_id: containerId,
        command: terminalCommand(engine.clientOptions, containerId),
        terminal_id: null,
      };
    }
    const id = newId();
    const exec = await engine.exec(
      containerId,
      {
        command: SHELL,
        env: [`${TERMINAL_MARK}=${id}`, 'TERM=xterm-256color'],
        columns: asked.columns,
        rows: asked.rows,
      },
      signal,
    );
    this.#open.set(
      id,
      new Terminal({
        id,
        slotId,
        principalId: actor.principalId,
        exec,
        unreadMs: UNREAD_MS,
        idleMs: IDLE_MS,
        onEnd: () => {
          this.#open.delete(id);
          void this.#endAll(id, containerId);
        },
      }),
    );
    return { container_id: containerId, command: null, terminal_id: id };
  }

  /** @throws {AppError} `not_found`, also for somebody else's. */
  get(id: string, actor: Pick<Actor, 'principalId'>): Terminal {
    const terminal = this.#open.get(id);
    if (terminal === undefined || terminal.principalId !== actor.principalId)
      throw new AppError('not_found', 'There is no such terminal. It may have ended.');
    return terminal;
  }

  close(): void {
    for (const terminal of this.#open.values()) terminal.close();
  }

  #container(slotId: string): string {
    const { containerId, isContainer } = this.#deps.slots.containerOf(slotId);
    if (!isContainer) {
      throw new AppError('runtime_unavailable', `The runtime of slot ${slotId} is no container.`, {
        hint: 'A terminal needs a runtime that runs in Docker. The log of the slot shows what it does.',
        details: { reason: 'no_container' },
      });
    }
    if (containerId === null) {
      throw new AppError('model_not_loaded', `Slot ${slotId} has no running container.`, {
        hint: 'Load a model; the container of a failed start is gone, its log is kept.',
      });
    }
    return containerId;
  }

  /** What was started in it would go on without its terminal. */
  async #endAll(id: string, containerId: string): Promise<void> {
    const { engine, log } = this.#deps;
    try {
      const options = { command: endCommand(id), env: [], columns: 80, rows: 24 };
      const { stream } = await engine.exec(containerId, options, AbortSignal.timeout(END_MS));
      stream.on('error', () => undefined).resume();
    } catch (error) {
      // The container is gone, and with it everything in it; or the engine is, and nothing can be done.
      log.debug({ err: error, container: containerId }, 'what a terminal started could not be ended');
    }
  }
}
