import type { Command } from 'commander';
import { resolveDataDir } from '../agent/kernel/agent-file.ts';
import { connect, connectOrStart, type Connection } from './agent-connection.ts';
import { createOutput, type Output } from './output.ts';

export interface GlobalOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** What a command works with. The agent is looked for only when the command asks. */
export interface CommandContext {
  readonly output: Output;
  readonly dataDir: string;
  /** @throws {AppError} `agent_unreachable`. */
  readonly agent: () => Promise<Connection>;
  /** Starts one where none runs. */
  readonly agentOrStart: (options?: { offline?: boolean; port?: number }) => Promise<Connection>;
}

export function contextOf(command: Command): CommandContext {
  const options = command.optsWithGlobals<GlobalOptions>();
  const dataDir = resolveDataDir(options.dataDir);
  return {
    output: createOutput(options.json === true),
    dataDir,
    agent: () => connect(dataDir),
    agentOrStart: (start) => connectOrStart(dataDir, start),
  };
}

type Handler<Options> = (context: CommandContext, options: Options, ...args: string[]) => Promise<void>;

/** Binds a handler to a command: commander's order of arguments ends in options and command. */
export function action<Options = Record<string, never>>(
  command: Command,
  handler: Handler<Options>,
): Command {
  return command.action(async (...received: unknown[]) => {
    const self = received.at(-1) as Command;
    // A variadic argument comes as one list.
    const args = (received.slice(0, -2) as (string | string[])[]).flat();
    await handler(contextOf(self), self.optsWithGlobals() as Options, ...args);
  });
}
