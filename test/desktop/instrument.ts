import type { Command, CommandMessage, Happening, MenuView, ProcessMessage, TrayView } from './control.ts';

/**
 * Runs in the desktop's process before the desktop, on the real Electron as on the stand-in: tells the test what the app
 * does to its surroundings, answers its questions, and does what a person or the system would. Nothing is imported at
 * run time, so that it also runs where only plain JavaScript does.
 */

interface MenuItemLike {
  readonly label?: string;
  readonly type?: string;
  readonly enabled?: boolean;
  readonly click?: (() => void) | undefined;
  readonly submenu?: MenuLike | readonly MenuItemLike[] | undefined;
}
interface MenuLike {
  readonly items: readonly MenuItemLike[];
}
interface Question {
  readonly message: string;
  readonly detail?: string;
  readonly buttons?: readonly string[];
}
interface NavigationEvent {
  readonly url: string;
  readonly defaultPrevented: boolean;
}
interface Emitter {
  on(event: string, listener: (...values: never[]) => void): unknown;
  emit(event: string, ...values: unknown[]): boolean;
}
type Handler = (request: Request) => Response | Promise<Response>;
type RequestListener = (
  details: { readonly url: string },
  decide: (verdict: { cancel?: boolean }) => void,
) => void;

/** The parts of the module that the instrument touches. */
export interface ElectronLike {
  readonly app: Emitter & { whenReady(): Promise<void>; quit(): void };
  readonly dialog: object;
  readonly shell: object;
  readonly Tray: { readonly prototype: object };
  readonly Notification: { readonly prototype: object };
  readonly BrowserWindow: { readonly prototype: object };
  readonly session: {
    readonly defaultSession: { readonly protocol: object; readonly webRequest: object };
  };
}

export interface InstrumentOptions {
  readonly pageOrigin: string;
  /** What only the stand-in knows. */
  readonly more?: (command: Command) => unknown;
}

export function instrument(electron: ElectronLike, { pageOrigin, more }: InstrumentOptions): void {
  const tell = (happening: Happening): void => {
    const message: ProcessMessage = { happening };
    process.send?.(message);
  };
  const { app, dialog, shell, Tray, Notification, BrowserWindow } = electron;

  const answers: number[] = [];
  const waiting: ((response: number) => void)[] = [];
  let chosen: readonly string[] = [];
  Object.assign(dialog, {
    // A window may come before the options.
    showMessageBox: async (...values: unknown[]) => {
      const { message, detail = '', buttons = [] } = values.at(-1) as Question;
      tell({ event: 'question', message, detail, buttons });
      const response =
        answers.shift() ?? (await new Promise<number>((resolve) => void waiting.push(resolve)));
      return { response, checkboxChecked: false };
    },
    showOpenDialog: () => Promise.resolve({ canceled: chosen.length === 0, filePaths: chosen }),
    showErrorBox: (title: string, content: string) => tell({ event: 'error-box', title, content }),
  });
  Object.assign(shell, {
    openExternal: (url: string) => {
      tell({ event: 'opened-external', url });
      return Promise.resolve();
    },
    showItemInFolder: (path: string) => tell({ event: 'revealed', path }),
  });

  let tooltip = '';
  let menu: readonly MenuItemLike[] = [];
  const trayView = (): TrayView => ({ tooltip, items: viewOf(menu) });
  after(Tray.prototype, 'setToolTip', (text) => {
    tooltip = text as string;
  });
  after(Tray.prototype, 'setContextMenu', (shown) => {
    menu = itemsOf(shown as MenuLike);
    tell({ event: 'tray', view: trayView() });
  });
  after(Notification.prototype, 'show', function (this: { title: string; body: string }) {
    tell({ event: 'notification', title: this.title, body: this.body });
  });
  for (const did of ['show', 'focus', 'restore'] as const)
    after(BrowserWindow.prototype, did, () => tell({ event: 'window', did }));
  app.on('browser-window-created', (_event: unknown, window: Emitter) => {
    window.on('closed', () => tell({ event: 'window', did: 'closed' }));
  });
  app.on('web-contents-created', (_event: unknown, contents: Emitter) => {
    after(contents, 'send', (...values) => tell({ event: 'told-page', message: JSON.stringify(values) }));
    contents.on('will-navigate', (event: NavigationEvent) => {
      // The app's own listener comes after this one.
      setImmediate(() => event.defaultPrevented && tell({ event: 'navigation-denied', url: event.url }));
    });
  });

  const obey = (command: Command): unknown => {
    switch (command.op) {
      case 'quit':
        return app.quit();
      case 'answer': {
        const next = waiting.shift();
        return next === undefined ? void answers.push(command.response) : next(command.response);
      }
      case 'choose':
        chosen = command.paths;
        return null;
      case 'tray':
        return trayView();
      case 'click-tray':
        return click(menu, command.labels);
      case 'open-url':
        return app.emit('open-url', { preventDefault: () => undefined }, command.url);
      default:
        return more?.(command);
    }
  };
  process.on('message', ({ id, command }: CommandMessage) => {
    Promise.resolve()
      .then(() => obey(command))
      .then(
        (result) => process.send?.({ id, result: result ?? null }),
        (error: unknown) => process.send?.({ id, problem: String(error) }),
      );
  });
  // A test that died must not leave us behind.
  process.on('disconnect', () => process.exit(1));

  app
    .whenReady()
    .then(() => {
      watchSession(electron, tell);
      tell({ event: 'ready', pageOrigin });
    })
    .catch((error: unknown) => console.error('instrument:', error));
}

/** Requests that the app denies its page, and those that it serves. */
function watchSession({ session }: ElectronLike, tell: (happening: Happening) => void): void {
  const { protocol, webRequest } = session.defaultSession;
  wrapArgument<Handler>(protocol, 'handle', 1, (handler) => (request) => {
    const { pathname, search } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    tell({ event: 'page-request', method: request.method, url: pathname + search, headers });
    return handler(request);
  });
  wrapArgument<RequestListener>(
    webRequest,
    'onBeforeRequest',
    0,
    (listener) => (details, decide) =>
      listener(details, (verdict) => {
        if (verdict.cancel === true) tell({ event: 'request-denied', url: details.url });
        decide(verdict);
      }),
  );
}

type Methods = Record<string, (...values: unknown[]) => unknown>;

/** Calls `listen` after a method. */
function after(target: object, name: string, listen: (...values: unknown[]) => void): void {
  const methods = target as Methods;
  const original = methods[name];
  methods[name] = function (this: unknown, ...values: unknown[]): unknown {
    const result = original?.apply(this, values);
    listen.apply(this, values);
    return result;
  };
}

/** Puts something around the function that a method is given. */
function wrapArgument<T>(target: object, name: string, index: number, wrap: (given: T) => T): void {
  const methods = target as Methods;
  const original = methods[name];
  methods[name] = function (this: unknown, ...values: unknown[]): unknown {
    return original?.apply(this, values.with(index, wrap(values[index] as T)));
  };
}

function itemsOf(menu: MenuItemLike['submenu']): readonly MenuItemLike[] {
  if (menu === undefined || menu === null) return [];
  return 'items' in menu ? menu.items : menu;
}

function viewOf(items: readonly MenuItemLike[]): MenuView[] {
  return items
    .filter((item) => item.type !== 'separator')
    .map(({ label = '', enabled = true, submenu }) => ({
      label,
      enabled,
      submenu: viewOf(itemsOf(submenu)),
    }));
}

/** Follows labels, each the beginning of an item's, and clicks the last. */
function click(menu: readonly MenuItemLike[], labels: readonly string[]): void {
  let items = menu;
  let found: MenuItemLike | undefined;
  for (const label of labels) {
    found = items.find((item) => item.label?.startsWith(label));
    if (found === undefined) throw new Error(`The tray has no ${label}: ${JSON.stringify(viewOf(items))}`);
    items = itemsOf(found.submenu);
  }
  if (found?.click === undefined || found.enabled === false)
    throw new Error(`${labels.join(' > ')} does nothing`);
  found.click();
}
