import { stat } from 'node:fs/promises';
import { dialog, ipcMain, shell, type IpcMainInvokeEvent } from 'electron';
import { DESKTOP_CHANNELS, type AgentState } from '../shared/desktop/bridge.ts';
import { isAppUrl, isLocalAbsolutePath } from './app-origin.ts';
import type { Supervisor } from './supervisor.ts';
import type { PageTerminals } from './terminal.ts';
import type { MainWindow } from './window.ts';

/** Answers what the page asks through `window.desktop`. Only our own page is answered. */
export function answerPageMessages(
  window: MainWindow,
  supervisor: Supervisor,
  terminals: PageTerminals,
): void {
  const answer = (channel: string, run: (...values: unknown[]) => unknown): void => {
    ipcMain.handle(channel, (event: IpcMainInvokeEvent, ...values: unknown[]) => {
      const frame = event.senderFrame;
      if (frame === null || frame.parent !== null || !isAppUrl(frame.url))
        throw new Error('Only the app itself may ask the desktop.');
      return run(...values);
    });
  };
  answer(DESKTOP_CHANNELS.pickModelPath, (kind) => pickModelPath(window, kind));
  answer(DESKTOP_CHANNELS.revealPath, revealPath);
  answer(DESKTOP_CHANNELS.agentState, (): AgentState => supervisor.state);
  answer(DESKTOP_CHANNELS.startAgent, () => supervisor.ensure());
  answer(DESKTOP_CHANNELS.openTerminal, (slotId, size) => terminals.open(slotId, size));
  answer(DESKTOP_CHANNELS.writeTerminal, (id, data) => terminals.write(id, data));
  answer(DESKTOP_CHANNELS.resizeTerminal, (id, size) => terminals.resize(id, size));
  answer(DESKTOP_CHANNELS.closeTerminal, (id) => terminals.close(id));
  answer(DESKTOP_CHANNELS.terminalTaken, (id, length) => terminals.taken(id, length));
}

async function pickModelPath(window: MainWindow, kind: unknown): Promise<string | null> {
  const options =
    kind === 'directory'
      ? { title: 'Choose a model directory', properties: ['openDirectory' as const] }
      : {
          title: 'Choose a model file',
          properties: ['openFile' as const],
          filters: [
            { name: 'GGUF models', extensions: ['gguf'] },
            { name: 'All files', extensions: ['*'] },
          ],
        };
  const { current } = window;
  const { canceled, filePaths } = await (current === null
    ? dialog.showOpenDialog(options)
    : dialog.showOpenDialog(current, options));
  return canceled ? null : (filePaths[0] ?? null);
}

async function revealPath(path: unknown): Promise<boolean> {
  if (!isLocalAbsolutePath(path, process.platform)) return false;
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) shell.showItemInFolder(path);
  return isThere;
}
