import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import {
  DESKTOP_CHANNELS,
  VERSION_ARGUMENT,
  type AgentState,
  type DesktopBridge,
  type TerminalOpening,
} from '../shared/desktop/bridge.ts';

/** Runs sandboxed before the page. Exposes `window.desktop` and nothing else; ipcRenderer itself stays in here. */
const bridge: DesktopBridge = {
  platform: process.platform,
  version:
    process.argv.find((argument) => argument.startsWith(VERSION_ARGUMENT))?.slice(VERSION_ARGUMENT.length) ??
    '',
  pickModelPath: (kind) => ipcRenderer.invoke(DESKTOP_CHANNELS.pickModelPath, kind) as Promise<string | null>,
  revealPath: (path) => ipcRenderer.invoke(DESKTOP_CHANNELS.revealPath, path) as Promise<boolean>,
  agentState: () => ipcRenderer.invoke(DESKTOP_CHANNELS.agentState) as Promise<AgentState>,
  startAgent: () => ipcRenderer.invoke(DESKTOP_CHANNELS.startAgent) as Promise<AgentState>,
  onAgentState: (listener) => {
    const deliver = (_event: IpcRendererEvent, state: AgentState): void => listener(state);
    ipcRenderer.on(DESKTOP_CHANNELS.agentStateChanged, deliver);
    return () => void ipcRenderer.off(DESKTOP_CHANNELS.agentStateChanged, deliver);
  },
  terminal: {
    open: (slotId, size) =>
      ipcRenderer.invoke(DESKTOP_CHANNELS.openTerminal, slotId, size) as Promise<TerminalOpening>,
    write: (id, data) => ipcRenderer.invoke(DESKTOP_CHANNELS.writeTerminal, id, data) as Promise<void>,
    resize: (id, size) => ipcRenderer.invoke(DESKTOP_CHANNELS.resizeTerminal, id, size) as Promise<void>,
    close: (id) => ipcRenderer.invoke(DESKTOP_CHANNELS.closeTerminal, id) as Promise<void>,
    onData: (listener) => {
      const deliver = (_event: IpcRendererEvent, id: string, data: string): void => {
        // Taken or not taken, the program must not wait for a page that failed.
        void listener(id, data).finally(() => {
          void ipcRenderer.invoke(DESKTOP_CHANNELS.terminalTaken, id, data.length);
        });
      };
      ipcRenderer.on(DESKTOP_CHANNELS.terminalData, deliver);
      return () => void ipcRenderer.off(DESKTOP_CHANNELS.terminalData, deliver);
    },
    onExit: (listener) => {
      const deliver = (_event: IpcRendererEvent, id: string, code: number): void => listener(id, code);
      ipcRenderer.on(DESKTOP_CHANNELS.terminalExit, deliver);
      return () => void ipcRenderer.off(DESKTOP_CHANNELS.terminalExit, deliver);
    },
  },
};

contextBridge.exposeInMainWorld('desktop', bridge);
