import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from './app.ts';
import { setting, tell, type Command, type CommandMessage, type ProcessMessage } from './control.ts';
import { serveOrigin } from './origin.ts';
import { answerQuestion, chooseFiles, clickTray, trayView } from './surroundings.ts';
import { askPermission, BrowserWindow, connectBrowser, sessionView } from './windows.ts';

/** Runs the built desktop in this process, with the stand-in in the place of Electron. */

const stand = new URL('./electron.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: stand, shortCircuit: true } : next(specifier, context),
});

async function obey(command: Command): Promise<unknown> {
  switch (command.op) {
    case 'quit':
      return app.quit();
    case 'answer':
      return answerQuestion(command.response);
    case 'choose':
      return chooseFiles(command.paths);
    case 'tray':
      return trayView();
    case 'click-tray':
      return clickTray(command.labels);
    case 'permission':
      return askPermission(command.permission, command.url);
    case 'open-url':
      return app.emit('open-url', { preventDefault: () => undefined }, command.url);
    case 'session':
      return sessionView();
  }
}

process.on('message', ({ id, command }: CommandMessage) => {
  obey(command).then(
    (result) => process.send?.({ id, result: result ?? null } satisfies ProcessMessage),
    (error: unknown) => process.send?.({ id, problem: String(error) } satisfies ProcessMessage),
  );
});
// A test that died must not leave us behind.
process.on('disconnect', () => process.exit(1));

const pageOrigin = await serveOrigin();
await import(pathToFileURL(join(setting('root'), 'out/main/index.js')).href);
await connectBrowser();
tell({ event: 'ready', pageOrigin });
app.becomeReady(() => {
  for (const window of BrowserWindow.all) window.destroy();
});
