import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from '../control.ts';
import { instrument, type ElectronLike } from '../instrument.ts';
import { app } from './app.ts';
import * as electron from './electron.ts';
import { serveOrigin } from './origin.ts';
import { setting } from './settings.ts';
import { askPermission, BrowserWindow, connectBrowser, sessionView } from './windows.ts';

/** Runs the built desktop in this process, with the stand-in in the place of Electron. */

const stand = new URL('./electron.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: stand, shortCircuit: true } : next(specifier, context),
});

function more(command: Command): unknown {
  if (command.op === 'permission') return askPermission(command.permission, command.url);
  if (command.op === 'session') return sessionView();
  throw new Error(`nobody knows how to ${command.op}`);
}

const pageOrigin = await serveOrigin();
instrument(electron as unknown as ElectronLike, { pageOrigin, more });
await import(pathToFileURL(join(setting('root'), 'out/main/index.js')).href);
await connectBrowser();
app.becomeReady(() => {
  for (const window of BrowserWindow.all) window.destroy();
});
