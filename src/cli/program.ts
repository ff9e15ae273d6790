import { Command } from 'commander';
import { AppError } from '../shared/contract/index.ts';
import { VERSION } from '../agent/system/version.ts';
import { accessCommands } from './commands/access.ts';
import { backupCommands } from './commands/backup.ts';
import { chatCommand } from './commands/chat.ts';
import { credentialCommands } from './commands/credentials.ts';
import { gpuCommands } from './commands/gpus.ts';
import { imageCommands } from './commands/images.ts';
import { jobCommands } from './commands/jobs.ts';
import { keyCommands } from './commands/keys.ts';
import { importCommand, modelCommands } from './commands/models.ts';
import { runCommand } from './commands/run.ts';
import { runtimeCommands } from './commands/runtimes.ts';
import { serveCommand } from './commands/serve.ts';
import { slotCommands } from './commands/slots.ts';
import { profileCommands } from './commands/profile.ts';
import { systemCommands } from './commands/system.ts';
import { usageCommand } from './commands/usage.ts';
import { complete, completionScript, SHELLS } from './completion.ts';

/** Every command of the CLI. @param argv what was typed */
export function createProgram(argv: readonly string[]): Command {
  const program = new Command('modelops')
    .description('A governed place to run models on this machine.')
    .option('--data-dir <dir>', 'data directory of the node')
    .option('--json', 'one JSON value instead of text')
    .showHelpAfterError('(see --help)')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true });
  // Options of the program are read wherever they stand, and `models register` has a --version of its own.
  if (argv.every((word) => word.startsWith('-'))) program.version(VERSION);
  runCommand(program);
  serveCommand(program);
  systemCommands(program);
  profileCommands(program);
  importCommand(program);
  modelCommands(program);
  slotCommands(program);
  runtimeCommands(program);
  gpuCommands(program);
  imageCommands(program);
  chatCommand(program);
  jobCommands(program);
  keyCommands(program);
  accessCommands(program);
  credentialCommands(program);
  backupCommands(program);
  usageCommand(program);
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<shell>', SHELLS.join(', '))
    .action((shell: string) => {
      const script = completionScript(shell);
      if (script === null)
        throw new AppError('invalid_argument', `There is no completion for ${shell}.`, {
          hint: `Use ${SHELLS.join(', ')}.`,
        });
      process.stdout.write(script);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      process.stdout.write((await complete(program, words)).map((word) => `${word}\n`).join(''));
    });
  return program;
}
