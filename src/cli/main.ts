import { CommanderError, type Command } from 'commander';
import { EXIT, reportFailure } from './output.ts';
import { createProgram } from './program.ts';

/** Runs one command line and sets the exit code: 0 ok, 1 refused or failed, 2 usage, 3 agent unreachable. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = createProgram(argv);
  throwInsteadOfExit(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else process.exitCode = reportFailure(error, argv.includes('--json'));
  }
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
