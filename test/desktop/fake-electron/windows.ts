import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { chromium, type BrowserContext, type Page, type Route } from 'playwright-core';
import { app, preventable } from './app.ts';
import type { SessionView } from '../control.ts';
import { setting } from './settings.ts';
import { setHandler, toAppUrl, toPageUrl, type ProtocolHandler } from './origin.ts';

/** Windows are pages of a real Chromium, which the test started and looks at too. */

let context: BrowserContext | null = null;

export async function connectBrowser(): Promise<void> {
  const browser = await chromium.connectOverCDP(setting('browser'));
  const [first] = browser.contexts();
  if (first === undefined) throw new Error('the browser has no context');
  context = first;
}

// ---- ipc -------------------------------------------------------------------------------------------------------

type InvokeHandler = (event: { senderFrame: { url: string; parent: null } }, ...values: unknown[]) => unknown;
const invokeHandlers = new Map<string, InvokeHandler>();

export const ipcMain = {
  handle: (channel: string, handle: InvokeHandler): void => {
    if (invokeHandlers.has(channel)) throw new Error(`${channel} has a handler`);
    invokeHandlers.set(channel, handle);
  },
};

async function invoke(page: Page, channel: string, values: unknown[]): Promise<unknown> {
  const handle = invokeHandlers.get(channel);
  if (handle === undefined) throw new Error(`No handler registered for '${channel}'`);
  const senderFrame = { url: toAppUrl(page.url()), parent: null };
  return structuredClone(await handle({ senderFrame }, ...structuredClone(values)));
}

// ---- session ---------------------------------------------------------------------------------------------------

type RequestListener = (details: { url: string }, decide: (verdict: { cancel?: boolean }) => void) => void;
type PermissionHandler = (
  contents: { getURL: () => string },
  permission: string,
  decide: (ok: boolean) => void,
) => void;
type PermissionCheck = (contents: null, permission: string, origin: string) => boolean;

const rules: {
  request: RequestListener | null;
  permission: PermissionHandler | null;
  check: PermissionCheck | null;
} = {
  request: null,
  permission: null,
  check: null,
};
const settings = { proxy: null as unknown, spellChecker: true, privileges: [] as unknown[] };
const windowOptions: Record<string, unknown>[] = [];

export const protocol = {
  registerSchemesAsPrivileged: (privileges: unknown[]): void => {
    settings.privileges = privileges;
  },
};

export const session = {
  defaultSession: {
    protocol: { handle: (scheme: string, handle: ProtocolHandler) => setHandler(scheme, handle) },
    webRequest: {
      onBeforeRequest: (listener: RequestListener): void => {
        rules.request = listener;
      },
    },
    setPermissionRequestHandler: (handler: PermissionHandler): void => {
      rules.permission = handler;
    },
    setPermissionCheckHandler: (check: PermissionCheck): void => {
      rules.check = check;
    },
    setDevicePermissionHandler: (): void => undefined,
    setSpellCheckerEnabled: (isOn: boolean): void => {
      settings.spellChecker = isOn;
    },
    setProxy: (proxy: unknown): Promise<void> => {
      settings.proxy = proxy;
      return Promise.resolve();
    },
    on: (): void => undefined,
  },
};

export function sessionView(): SessionView {
  return { ...settings, windowOptions };
}

/** Whether both the request and the check of a permission are granted to a page. */
export async function askPermission(permission: string, url: string): Promise<boolean> {
  const { permission: handler, check } = rules;
  // Without handlers Electron grants nearly everything.
  if (handler === null || check === null) return true;
  const asked = await new Promise<boolean>((resolve) => handler({ getURL: () => url }, permission, resolve));
  return asked && check(null, permission, url);
}

// ---- windows ---------------------------------------------------------------------------------------------------

interface OpenDetails {
  readonly url: string;
}

class WebContents extends EventEmitter {
  openHandler: (details: OpenDetails) => { action: string } = () => ({ action: 'allow' });
  page: Page | null = null;

  getURL(): string {
    return this.page === null ? '' : toAppUrl(this.page.url());
  }

  send(channel: string, ...values: unknown[]): void {
    this.page
      ?.evaluate(([name, args]) => (globalThis as unknown as PageGlobals).fakeDeliver?.(name, args), [
        channel,
        structuredClone(values),
      ] as const)
      // The page navigates or is gone; Electron drops the message then.
      .catch(() => undefined);
  }

  setWindowOpenHandler(handler: (details: OpenDetails) => { action: string }): void {
    this.openHandler = handler;
  }

  setWebRTCIPHandlingPolicy(): void {}

  reload(): void {
    this.page?.reload().then(
      () => this.emit('did-navigate', {}, this.getURL()),
      (error: unknown) => console.error('reload:', error),
    );
  }
}

interface PageGlobals {
  fakeDeliver?: (channel: string, values: readonly unknown[]) => void;
}

interface WindowOptions {
  readonly width?: number;
  readonly height?: number;
  readonly webPreferences?: { readonly preload?: string; readonly additionalArguments?: readonly string[] };
}

export class BrowserWindow extends EventEmitter {
  static readonly all: Set<BrowserWindow> = new Set();
  readonly webContents = new WebContents();
  readonly #options: WindowOptions;
  #opening: Promise<Page> | null = null;
  #expected: string | null = null;
  #isDestroyed = false;

  constructor(options: WindowOptions = {}) {
    super();
    this.#options = options;
    windowOptions.push(structuredClone(options) as Record<string, unknown>);
    BrowserWindow.all.add(this);
    app.emit('web-contents-created', {}, this.webContents);
    app.emit('browser-window-created', {}, this);
  }

  async loadURL(url: string): Promise<void> {
    const page = await (this.#opening ??= this.#open());
    this.#expected = toPageUrl(url);
    await page.goto(this.#expected);
    this.emit('ready-to-show');
    this.webContents.emit('did-finish-load');
  }

  async #open(): Promise<Page> {
    if (context === null) throw new Error('a window before the app was ready');
    const { width = 800, height = 600, webPreferences = {} } = this.#options;
    const page = await context.newPage();
    await page.setViewportSize({ width, height });
    await page.exposeFunction('fakeInvoke', (channel: string, values: unknown[]) =>
      invoke(page, channel, values),
    );
    await page.exposeFunction(
      'fakeInput',
      (type: string) => void this.webContents.emit('input-event', {}, { type }),
    );
    await page.exposeFunction('fakeOpen', (url: string) => {
      const { action } = this.webContents.openHandler({ url: toAppUrl(url) });
      if (action !== 'deny') throw new Error(`a window for ${url} was not denied`);
    });
    await page.addInitScript({ content: initScript(webPreferences) });
    await page.route('**/*', (route) => this.#judge(route));
    page.once('close', () => this.#gone());
    this.webContents.page = page;
    return page;
  }

  /** Navigations of the page itself and all its requests pass the listeners that the app set. */
  async #judge(route: Route): Promise<void> {
    const request = route.request();
    const url = toAppUrl(request.url());
    const byApp = this.#expected === request.url();
    if (request.isNavigationRequest() && !byApp) {
      const event = preventable({ url });
      this.webContents.emit('will-navigate', event);
      if (event.defaultPrevented) {
        await route.abort('aborted');
        return;
      }
    }
    if (request.isNavigationRequest()) this.#expected = null;
    const isCancelled = await new Promise<boolean>((resolve) => {
      if (rules.request === null) resolve(false);
      else rules.request({ url }, ({ cancel = false }) => resolve(cancel));
    });
    await (isCancelled ? route.abort('blockedbyclient') : route.continue());
  }

  setMenuBarVisibility(): void {}

  isMinimized(): boolean {
    return false;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  restore(): void {}

  show(): void {}

  focus(): void {}

  destroy(): void {
    this.webContents.page?.close().catch(() => undefined);
    this.#gone();
  }

  #gone(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    BrowserWindow.all.delete(this);
    this.emit('closed');
    if (BrowserWindow.all.size > 0) return;
    // As in Electron: without a listener the app ends with its last window.
    if (!app.emit('window-all-closed')) app.quit();
  }
}

/** Runs before every page: the built preload on a stand-in for its `electron`, and what a page's doings cause in Electron. */
function initScript({
  preload,
  additionalArguments = [],
}: NonNullable<WindowOptions['webPreferences']>): string {
  const source = preload === undefined ? '' : readFileSync(preload, 'utf8');
  const process = { platform: globalThis.process.platform, argv: ['electron', ...additionalArguments] };
  return `(() => {
    const listeners = new Map();
    const { fakeInvoke, fakeInput, fakeOpen } = window;
    window.fakeDeliver = (channel, values) => (listeners.get(channel) ?? []).forEach((listen) => listen({}, ...values));
    const electron = {
      contextBridge: {
        exposeInMainWorld: (name, value) =>
          Object.defineProperty(window, name, { value: Object.freeze(value), enumerable: true }),
      },
      ipcRenderer: {
        invoke: (channel, ...values) => fakeInvoke(channel, values),
        on: (channel, listen) => listeners.set(channel, [...(listeners.get(channel) ?? []), listen]),
        off: (channel, listen) => listeners.set(channel, (listeners.get(channel) ?? []).filter((other) => other !== listen)),
      },
    };
    for (const type of ['mousedown', 'keydown']) {
      const name = type === 'mousedown' ? 'mouseDown' : 'keyDown';
      window.addEventListener(type, (event) => { if (event.isTrusted) void fakeInput(name); }, true);
    }
    window.open = (url) => { void fakeOpen(new URL(url, location.href).href); return null; };
    window.addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest('a[target=_blank]') : null;
      if (link === null) return;
      event.preventDefault();
      void fakeOpen(link.href);
    }, true);
    const module = { exports: {} };
    const require = (name) => {
      if (name === 'electron') return electron;
      throw new Error('a sandboxed preload cannot require ' + name);
    };
    (function (exports, require, module, process) { ${source}
    })(module.exports, require, module, ${JSON.stringify(process)});
  })()`;
}
