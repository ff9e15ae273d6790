import { BrowserWindow, nativeTheme } from 'electron';
import { VERSION_ARGUMENT } from '../shared/desktop/bridge.ts';
import { APP_ORIGIN } from './app-origin.ts';

const SIZE = { width: 1280, height: 800, minWidth: 1024, minHeight: 640 };
const CANVAS = { dark: '#121519', light: '#FDFDFE' };
const RELOAD_PAUSE_MS = 10_000;

/** The one window of the app. Closing it leaves the app in the tray. */
export class MainWindow {
  readonly #onPageGone: () => void;
  readonly #preload: string;
  readonly #version: string;
  #window: BrowserWindow | null = null;

  constructor(options: {
    readonly preload: string;
    readonly version: string;
    /** The page that was there is no more: closed, reloaded or ended. */
    readonly onPageGone: () => void;
  }) {
    this.#onPageGone = options.onPageGone;
    this.#preload = options.preload;
    this.#version = options.version;
  }

  get current(): BrowserWindow | null {
    return this.#window;
  }

  /** Brings the window to the front, on a path of the page when one is named. */
  show(path: string | null = null): void {
    const open = this.#window;
    if (open === null) {
      this.#create(path ?? '/');
      return;
    }
    if (path !== null) load(open, path);
    if (open.isMinimized()) open.restore();
    open.show();
    open.focus();
  }

  /** Tells the page something, if there is one. */
  send(channel: string, ...values: unknown[]): void {
    this.#window?.webContents.send(channel, ...values);
  }

  #create(path: string): void {
    const window = new BrowserWindow({
      ...SIZE,
      title: 'ModelOps Node',
      show: false,
      backgroundColor: nativeTheme.shouldUseDarkColors ? CANVAS.dark : CANVAS.light,
      webPreferences: {
        preload: this.#preload,
        additionalArguments: [VERSION_ARGUMENT + this.#version],
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        webSecurity: true,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
      },
    });
    this.#window = window;
    window.setMenuBarVisibility(false);
    window.once('ready-to-show', () => window.show());
    window.webContents.on('did-navigate', this.#onPageGone);
    window.webContents.on('render-process-gone', this.#onPageGone);
    window.once('closed', () => {
      this.#onPageGone();
      this.#window = null;
    });
    reloadWhenGone(window);
    load(window, path);
  }
}

function load(window: BrowserWindow, path: string): void {
  window.loadURL(APP_ORIGIN + path).catch((error: unknown) => {
    // A newer navigation, or a window that was closed meanwhile.
    if (!window.isDestroyed()) console.error(`The page ${path} did not load:`, error);
  });
}

/** A page whose process died would stay blank; one that dies at once again is left alone. */
function reloadWhenGone(window: BrowserWindow): void {
  let reloadedAt = Number.NEGATIVE_INFINITY;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    console.error(`The page's process is gone: ${reason}`);
    if (reason === 'clean-exit' || performance.now() - reloadedAt < RELOAD_PAUSE_MS) return;
    reloadedAt = performance.now();
    window.webContents.reload();
  });
}
