import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, type EndpointOutput } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { readEvents } from '../events.ts';
import { formatTable } from '../output.ts';
import { wholeNumber } from './models.ts';

type Log = EndpointOutput<typeof ENDPOINTS.getSlotLogs>;

interface LogOptions {
  readonly tail: number;
  readonly attempt?: number;
  readonly search?: string;
  readonly follow?: boolean;
  readonly attempts?: boolean;
}

export function logsCommand(program: Command): void {
  action<LogOptions>(
    program
      .command('logs')
      .description('what the runtime of a slot wrote')
      .argument('<slot>')
      .option('--tail <n>', 'lines', wholeNumber, 200)
      .option('--attempt <n>', 'of this start', wholeNumber)
      .option('--search <text>', 'only lines with this text, with their numbers')
      .option('--attempts', 'the starts of the slot and how they ended')
      .option('-f, --follow', 'go on with new lines'),
    async ({ agent, output }, options, id = '') => {
      const connection = await agent();
      const { tail, attempt, search } = options;
      const query = {
        tail,
        ...(attempt === undefined ? {} : { attempt }),
        ...(search === undefined ? {} : { query: search }),
      };
      const read = (): Promise<Log> => connection.call(ENDPOINTS.getSlotLogs, { params: { id }, query });
      if (options.attempts === true) {
        const { history } = await read();
        output.result({ slot_id: id, history }, describeAttempts(history));
      } else if (options.follow === true) {
        const show = (line: { line: number; text: string }): void =>
          output.result(line, search === undefined ? line.text : `${line.line}  ${line.text}`);
        await follow(connection, { id, attempt, search, read, show });
      } else {
        const log = await read();
        const rows = log.lines.map((line) =>
          search === undefined ? line.text : `${String(line.line).padStart(6)}  ${line.text}`,
        );
        output.result(
          log,
          rows.length > 0
            ? rows.join('\n')
            : search === undefined
              ? 'Nothing was written.'
              : `No line of attempt ${log.attempt} holds ${search}.`,
        );
      }
    },
  );
}

/**
 * What is there, then what comes, each line once: the stream is open before the log is read, and a line is known by its
 * number. Goes on with the next attempt unless one was named. Ends with Ctrl-C or with the agent.
 */
async function follow(
  connection: Connection,
  wanted: {
    readonly id: string;
    readonly attempt: number | undefined;
    readonly search: string | undefined;
    readonly read: () => Promise<Log>;
    readonly show: (line: { line: number; text: string }) => void;
  },
): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const matches = (text: string): boolean =>
    wanted.search === undefined || text.toLowerCase().includes(wanted.search.toLowerCase());
  let shown = { attempt: 0, line: 0 };
  const show = (attempt: number, lines: readonly { line: number; text: string }[]): void => {
    if (attempt < shown.attempt || (wanted.attempt !== undefined && attempt !== wanted.attempt)) return;
    const from = attempt === shown.attempt ? shown.line : 0;
    for (const line of lines) if (line.line > from && matches(line.text)) wanted.show(line);
    shown = { attempt, line: Math.max(from, lines.at(-1)?.line ?? 0) };
  };
  try {
    for await (const event of readEvents(connection, 'logs', stop.signal)) {
      if (event.name === 'stream.open') {
        const log = await wanted.read();
        show(log.attempt, log.lines);
      }
      if (event.name !== 'log') continue;
      const told = event.data as {
        slot_id: string;
        attempt: number;
        lines: { line: number; text: string }[];
      };
      if (told.slot_id === wanted.id) show(told.attempt, told.lines);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

function describeAttempts(history: Log['history']): string {
  if (history.length === 0) return 'It was not started yet.';
  return formatTable(
    ['attempt', 'model', 'started', 'served', 'ended', 'exit', 'problem'],
    history.map((one) => [
      String(one.attempt),
      one.model_id,
      one.started_at,
      one.loaded_at === null ? 'no' : 'yes',
      one.ended_at ?? '—',
      one.exit_code?.toString() ?? '—',
      one.message ?? '',
    ]),
  );
}

export function terminalCommand(slots: Command): void {
  action<{ print?: boolean }>(
    slots
      .command('terminal')
      .description('a shell in the container of a slot; it is journaled')
      .argument('<id>')
      .option('--print', 'only print what to run'),
    async ({ agent, output }, options, id = '') => {
      const opened = await (
        await agent()
      ).call(ENDPOINTS.openTerminal, {
        params: { id },
        body: { mode: 'command' },
      });
      const command = opened.command ?? [];
      if (options.print === true) output.result(opened, command.join(' '));
      else process.exitCode = await run(command);
    },
  );
}

/** Runs it in this terminal. @returns its exit code. @throws {AppError} `runtime_unavailable` where there is no docker client. */
async function run([program = '', ...args]: readonly string[]): Promise<number> {
  // Ctrl-C belongs to the shell in the container.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'inherit' });
      child.once('error', (cause: NodeJS.ErrnoException) => {
        reject(
          cause.code === 'ENOENT'
            ? new AppError('runtime_unavailable', `There is no ${program} client on this machine.`, {
                hint: 'Open the terminal in the app, which needs none.',
                cause,
              })
            : cause,
        );
      });
      child.once('close', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}
