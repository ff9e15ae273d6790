import { join } from 'node:path';
import { app, dialog, Notification, safeStorage, session } from 'electron';
import { resolveDataDir } from '../agent/kernel/agent-file.ts';
import { AppError, ENDPOINTS, type Slot } from '../shared/contract/index.ts';
import { DESKTOP_CHANNELS } from '../shared/desktop/bridge.ts';
import type { AgentConnection } from './agent-connection.ts';
import { findProgram } from './agent-launcher.ts';
import type { AgentFacts } from './agent-watch.ts';
import { pathOfLink } from './app-origin.ts';
import { setAppMenu } from './app-menu.ts';
import { serveApp } from './app-protocol.ts';
import { openKeychain } from './keychain.ts';
import { answerPageMessages } from './page-messages.ts';
import { securePages, secureSession, type PageRules } from './page-security.ts';
import { askBeforeQuit } from './quit.ts';
import { sentenceOf, Supervisor } from './supervisor.ts';
import { PageTerminals } from './terminal.ts';
import { StatusTray } from './tray.ts';
import { unloadQuestion } from './verdict.ts';
import { MainWindow } from './window.ts';

const UNLOAD = 1;

export interface Desktop {
  /** Brings the window to the front; a link names the page in it. */
  readonly show: (link: string | null) => void;
}

/** Wires the parts of the desktop. Comes after `ready`. */
export async function startDesktop(): Promise<Desktop> {
  const { platform, arch, env, resourcesPath } = process;
  const isMac = platform === 'darwin';
  let facts: AgentFacts | null = null;
  const rules: PageRules = { isPackaged: app.isPackaged, profile: () => facts?.profile ?? null };
  securePages(app, rules);
  await secureSession(session.defaultSession, rules);
  setAppMenu(isMac, app.isPackaged);

  const window = new MainWindow({
    preload: join(import.meta.dirname, '../preload/index.cjs'),
    version: app.getVersion(),
    onPageGone: () => terminals.closeAll(),
  });
  const terminals = new PageTerminals({
    call: () => callAgent(supervisor),
    send: (channel, ...values) => window.send(channel, ...values),
    env,
  });
  const location = { isPackaged: app.isPackaged, appPath: app.getAppPath(), resourcesPath, platform, arch };
  const supervisor = new Supervisor({
    dataDir: resolveDataDir(undefined, env),
    keychain: await openKeychain(safeStorage, app.getPath('userData'), platform),
    appVersion: app.getVersion(),
    program: findProgram(location, env),
    env,
    onState: (state) => {
      window.send(DESKTOP_CHANNELS.agentStateChanged, state);
      tray.show(state, facts);
    },
    onFacts: (told) => {
      facts = told;
      tray.show(supervisor.state, facts);
    },
    onCrash: (message) => notify('The agent ended unexpectedly', message),
  });
  const tray = new StatusTray(
    {
      open: (path) => window.show(path === '/' && window.current !== null ? null : path),
      unload: (slot) => report(unload(slot, supervisor, window)),
      startAgent: () => report(supervisor.ensure()),
      quit: () => app.quit(),
    },
    platform,
  );
  tray.show(supervisor.state, facts);

  serveApp(session.defaultSession, join(import.meta.dirname, '../renderer'), {
    target: () => supervisor.target(),
    renewed: (token) => supervisor.renewed(token),
  });
  answerPageMessages(window, supervisor, terminals);
  askBeforeQuit({ app, supervisor, window: () => window.current, facts: () => facts });
  app.on('activate', () => window.show());
  // The tray keeps the app; without this listener Electron would end it with its last window.
  app.on('window-all-closed', () => undefined);
  app.on('will-quit', () => {
    terminals.closeAll();
    supervisor.close();
    tray.destroy();
  });

  report(supervisor.ensure());
  return { show: (link) => window.show(link === null ? null : pathOfLink(link)) };
}

async function unload(slot: Slot, supervisor: Supervisor, window: MainWindow): Promise<void> {
  const { message, detail } = unloadQuestion(slot);
  const options = {
    type: 'question' as const,
    message,
    detail,
    buttons: ['Keep', 'Unload'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { current } = window;
  const { response } = await (current === null
    ? dialog.showMessageBox(options)
    : dialog.showMessageBox(current, options));
  if (response !== UNLOAD) return;
  await supervisor.connection?.call(ENDPOINTS.unloadSlot, { params: { id: slot.id } });
}

/** @throws {AppError} `agent_unreachable`. */
async function callAgent(supervisor: Supervisor): Promise<AgentConnection['call']> {
  await supervisor.target();
  const { connection } = supervisor;
  if (connection === null) throw new AppError('agent_unreachable', supervisor.state.message);
  return connection.call;
}

function notify(title: string, body: string): void {
  if (Notification.isSupported()) new Notification({ title, body, silent: true }).show();
}

/** What a click started and nobody waits for. */
function report(work: Promise<unknown>): void {
  work.catch((error: unknown) => dialog.showErrorBox('ModelOps Node', sentenceOf(error)));
}
