import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import { VARIABLES } from './fake-electron/settings.ts';

/** Where the desktop runs: on the stand-in with a Chromium of the test, or on the real Electron. */
export interface Stage extends AsyncDisposable {
  spawn(options: StageOptions): ChildProcess;
  /** The browser of a desktop that is ready. */
  context(): Promise<BrowserContext>;
}

export interface StageOptions {
  readonly argv: readonly string[];
  readonly keychain: string;
  readonly userData: string;
  readonly env: NodeJS.ProcessEnv;
}

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** Set by tools/verify-electron.ts. */
const PROGRAM = process.env['MODELOPS_ELECTRON_PROGRAM'] ?? '';
/** Whether this is the real Electron; then what only the stand-in can show is left out. */
export const IS_REAL: boolean = PROGRAM !== '';
/** Whether the session has a keychain. The stand-in has; a build machine mostly has none. */
export const HAS_KEYCHAIN: boolean = !IS_REAL || process.env['MODELOPS_TEST_KEYCHAIN'] === '1';

const CHROMIUM = process.env['MODELOPS_CHROMIUM'] ?? '/usr/bin/chromium';

export function openStage(directory: string): Promise<Stage> {
  return IS_REAL ? realStage(directory) : fakeStage(directory);
}

/** One profile that two sides look at: the desktop's process drives it, and so does the test. */
async function fakeStage(directory: string): Promise<Stage> {
  const profile = join(directory, 'browser');
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: ['--remote-debugging-port=0', '--disable-dev-shm-usage'],
  });
  const endpoint = await debuggingEndpoint(profile);
  if (endpoint === null) throw new Error('the browser has no debugging port');
  return {
    spawn: ({ argv, keychain, userData, env }) =>
      spawn(process.execPath, [join(ROOT, 'test/desktop/fake-electron/run.ts'), ...argv], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: {
          ...env,
          [VARIABLES.browser]: endpoint,
          [VARIABLES.userData]: userData,
          [VARIABLES.keychain]: keychain,
          [VARIABLES.root]: ROOT,
        },
      }),
    context: () => Promise.resolve(context),
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** The real thing, with the same instrument loaded into its main process, and its pages over its debugging port. */
async function realStage(directory: string): Promise<Stage> {
  const hook = await writeHook(join(directory, 'hook'));
  const connected: Browser[] = [];
  let userData = '';
  return {
    spawn: (options) => {
      ({ userData } = options);
      const isRoot = process.getuid?.() === 0;
      const switches = [
        '--require',
        hook,
        '--remote-debugging-port=0',
        `--user-data-dir=${userData}`,
        // Chromium's sandbox does not work for root.
        ...(isRoot ? ['--no-sandbox'] : []),
        ...(options.keychain === 'basic_text' ? ['--password-store=basic'] : []),
      ];
      return spawn(PROGRAM, [...switches, ROOT, ...options.argv], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: options.env,
      });
    },
    context: async () => {
      let endpoint = await debuggingEndpoint(userData);
      for (; endpoint === null; endpoint = await debuggingEndpoint(userData))
        await new Promise((resolve) => setTimeout(resolve, 50));
      const browser = await chromium.connectOverCDP(endpoint);
      connected.push(browser);
      const [context] = browser.contexts();
      if (context === undefined) throw new Error('Electron shows no pages');
      return context;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(connected.map((browser) => browser.close()));
    },
  };
}

/** Electron's loader takes plain JavaScript, before the app's own. */
async function writeHook(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const source = await readFile(new URL('./instrument.ts', import.meta.url), 'utf8');
  await writeFile(join(directory, 'instrument.mjs'), stripTypeScriptTypes(source));
  const hook = join(directory, 'hook.cjs');
  const options = JSON.stringify({ pageOrigin: 'app://modelops' });
  await writeFile(hook, `require('./instrument.mjs').instrument(require('electron'), ${options});\n`);
  return hook;
}

/** What Chromium wrote about its debugging port into a profile; null when it has not yet. */
async function debuggingEndpoint(profile: string): Promise<string | null> {
  const text = await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '');
  const [port, path] = text.split('\n');
  return path === undefined ? null : `ws://127.0.0.1:${port}${path}`;
}
