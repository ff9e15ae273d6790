import { InvalidArgumentError, type Command } from 'commander';
import { AppError, toAppError } from '../../shared/contract/index.ts';
import type { Settings } from '../../agent/kernel/config.ts';
import { createOutput, reportFailure } from '../output.ts';

interface ServeOptions {
  readonly dataDir?: string;
  readonly host?: string;
  readonly port?: number;
  readonly offline?: boolean;
  readonly json?: boolean;
  readonly config?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecure?: boolean;
  readonly allowedHost?: string[];
  readonly logLevel?: string;
  readonly secretsKeyStdin?: boolean;
}

/** Exit codes of `serve` (contract.md, "Process"). */
const EXIT_CODES: Record<string, number> = {
  data_dir_locked: 3,
  schema_too_new: 4,
  database_corrupt: 5,
  data_dir_unusable: 6,
};

export function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the agent in the foreground')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <port>', 'port; 0 picks a free one (default 7411)', portNumber)
    .option('--offline', 'refuse everything beyond this machine, locked')
    .option('--config <file>', 'configuration file (default: config.yaml in the data directory)')
    .option('--tls-cert <file>', 'certificate, needed beyond loopback')
    .option('--tls-key <file>', 'its private key')
    .option('--insecure', 'listen beyond loopback without TLS')
    .option('--allowed-host <name...>', 'names that clients use for this node')
    .option('--log-level <level>', 'trace, debug, info, warn, error')
    .option('--secrets-key-stdin', 'read the key of the secrets from standard input (used by the desktop)')
    .action(async (_options: unknown, command: Command) => {
      process.exitCode = await serve(command.optsWithGlobals<ServeOptions>());
    });
}

async function serve(options: ServeOptions): Promise<number> {
  const output = createOutput(options.json === true);
  try {
    // Loaded here only: no other command needs the agent.
    const [{ startAgent }, { loadConfig }] = await Promise.all([
      import('../../agent/index.ts'),
      import('../../agent/kernel/config.ts'),
    ]);
    const config = await loadConfig({ argv: settingsOf(options), env: process.env, file: options.config });
    const secretsKey = options.secretsKeyStdin === true ? await readKey() : null;
    const agent = await startAgent(config, { secretsKey });
    process.once('SIGTERM', () => void agent.stop());
    process.once('SIGINT', () => void agent.stop());
    output.result(
      {
        event: 'ready',
        url: agent.url,
        data_dir: agent.dataDir,
        token_file: agent.tokenFile,
        pid: process.pid,
      },
      `ModelOps Node answers at ${agent.url}\n  data:  ${agent.dataDir}\n  key:   ${agent.tokenFile}\n  open:  modelops open`,
    );
    const { stillRunning } = await agent.stopped;
    if (stillRunning.length > 0)
      process.stderr.write(`Still running, to be taken over at the next start: ${stillRunning.join(', ')}\n`);
    return 0;
  } catch (thrown) {
    const error = toAppError(thrown);
    reportFailure(error, options.json === true);
    return EXIT_CODES[error.code] ?? (error.code === 'invalid_argument' ? 2 : 1);
  }
}

function settingsOf(options: ServeOptions): Settings {
  const settings = {
    data_dir: options.dataDir,
    host: options.host,
    port: options.port,
    profile: options.offline === true ? 'offline' : undefined,
    tls_cert: options.tlsCert,
    tls_key: options.tlsKey,
    insecure: options.insecure,
    allowed_hosts: options.allowedHost,
    log_level: options.logLevel,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** One line of base64, so that the key never stands in an argument or in the environment. */
async function readKey(): Promise<Buffer> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += chunk as string;
    if (text.includes('\n')) break;
  }
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length < 16)
    throw new AppError('invalid_argument', 'No key came on standard input.', {
      details: { fields: ['secrets-key-stdin'] },
    });
  return key;
}
