/** The stand-in for the module `electron`: every name that the desktop imports, and no other. */
export { app } from './app.ts';
export {
  dialog,
  Menu,
  nativeImage,
  nativeTheme,
  Notification,
  powerMonitor,
  safeStorage,
  shell,
  Tray,
} from './surroundings.ts';
export { BrowserWindow, ipcMain, protocol, session } from './windows.ts';
