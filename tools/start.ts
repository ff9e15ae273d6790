import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { resolveDataDir } from '../src/agent/kernel/agent-file.ts';
import { connectOrStart } from '../src/cli/agent-connection.ts';
import { reportFailure } from '../src/cli/output.ts';
import { ENDPOINTS } from '../src/shared/contract/index.ts';
import { buildIfOutdated } from './build.ts';
import { findElectron, whyNoWindow } from './electron.ts';

/**
 * `npm start`: the desktop where Electron can run, and the same interface in a browser where it cannot.
 * `npm start -- --browser` wants the browser; other arguments go to Electron.
 *
 * Ctrl-C ends the app without a question, and this command with it. The agent is a process of its own and goes on, in
 * both cases; `npm run -s modelops -- stop` ends it. With a browser this command is over once it has printed the link.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STOP = 'npm run -s modelops -- stop';
const INTERRUPTED = 130;

async function main(argv: readonly string[]): Promise<number> {
  if (!buildIfOutdated(ROOT)) return 1;
  // The desktop and the CLI start what was built, which is what a user gets.
  process.env['MODELOPS_BUILT'] = '1';
  const program = findElectron(ROOT);
  const reason = argv.includes('--browser') ? 'You asked for the browser' : whyNoWindow(program);
  if (program !== null && reason === null) return runElectron(program, argv);
  return openInBrowser(reason ?? '');
}

async function runElectron(program: string, argv: readonly string[]): Promise<number> {
  const child = spawn(program, [ROOT, ...argv], {
    stdio: 'inherit',
    // For systems where no Node is pinned.
    env: { ...process.env, MODELOPS_NODE: process.execPath },
  });
  process.on('SIGTERM', () => void child.kill('SIGTERM'));
  // A terminal sends it to both, and the app ends by itself.
  process.on('SIGINT', () => undefined);
  process.stderr.write(`Ctrl-C ends the app; the agent goes on until \`${STOP}\`.\n`);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

async function openInBrowser(reason: string): Promise<number> {
  process.once('SIGINT', () => {
    process.stderr.write(`Interrupted. An agent that was starting goes on; stop it: ${STOP}\n`);
    process.exit(INTERRUPTED);
  });
  try {
    const { call, started, url } = await connectOrStart(resolveDataDir(undefined));
    const { url: link } = await call(ENDPOINTS.createSessionCode, {});
    process.stdout.write(
      `${reason}, so the same interface is served to your browser. Open this link within 60 seconds; it works once:\n\n` +
        `  ${link}\n\n` +
        `${started ? 'An agent was started' : 'The agent runs already'} at ${url} and goes on after this command.\n` +
        '  another link:  npm run -s modelops -- open\n' +
        `  stop it:       ${STOP}\n`,
    );
    return 0;
  } catch (error) {
    return reportFailure(error, false);
  }
}

process.exitCode = await main(process.argv.slice(2));
