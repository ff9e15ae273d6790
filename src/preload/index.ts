import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import {
  DESKTOP_CHANNELS,
  VERSION_ARGUMENT,
  type AgentState,
  type DesktopBridge,
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
};

contextBridge.exposeInMainWorld('desktop', bridge);
