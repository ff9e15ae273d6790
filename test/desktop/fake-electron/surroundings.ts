import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setting, tell, type MenuView, type TrayView } from './control.ts';

/** What the desktop has around its window: dialogs, tray, keychain, and what else of the system it speaks to. */

// ---- dialogs ---------------------------------------------------------------------------------------------------

interface Question {
  readonly message: string;
  readonly detail?: string;
  readonly buttons?: readonly string[];
}

const answers: number[] = [];
const waiting: ((response: number) => void)[] = [];
let chosen: readonly string[] = [];

/** Not part of Electron: what a person would press. */
export function answerQuestion(response: number): void {
  const next = waiting.shift();
  if (next === undefined) answers.push(response);
  else next(response);
}

export function chooseFiles(paths: readonly string[]): void {
  chosen = paths;
}

export const dialog = {
  // A window may come before the options.
  showMessageBox: async (...values: unknown[]): Promise<{ response: number; checkboxChecked: boolean }> => {
    const { message, detail = '', buttons = [] } = values.at(-1) as Question;
    tell({ event: 'question', message, detail, buttons });
    const ready = answers.shift();
    const response = ready ?? (await new Promise<number>((resolve) => void waiting.push(resolve)));
    return { response, checkboxChecked: false };
  },
  showOpenDialog: (): Promise<{ canceled: boolean; filePaths: readonly string[] }> =>
    Promise.resolve({ canceled: chosen.length === 0, filePaths: chosen }),
  showErrorBox: (title: string, content: string): void => {
    console.error(`${title}: ${content}`);
    tell({ event: 'error-box', title, content });
  },
};

export const shell = {
  openExternal: (url: string): Promise<void> => {
    tell({ event: 'opened-external', url });
    return Promise.resolve();
  },
  showItemInFolder: (path: string): void => tell({ event: 'revealed', path }),
};

// ---- menus and tray --------------------------------------------------------------------------------------------

interface MenuItem {
  readonly label?: string;
  readonly role?: string;
  readonly type?: string;
  readonly enabled?: boolean;
  readonly click?: () => void;
  readonly submenu?: readonly MenuItem[];
}

export class Menu {
  readonly items: readonly MenuItem[];

  constructor(items: readonly MenuItem[]) {
    this.items = items;
  }

  static buildFromTemplate(template: readonly MenuItem[]): Menu {
    return new Menu(template);
  }

  static setApplicationMenu(): void {}
}

let tray: { tooltip: string; items: readonly MenuItem[] } | null = null;

function viewOf(items: readonly MenuItem[]): MenuView[] {
  return items
    .filter((item) => item.type !== 'separator')
    .map(({ label = '', enabled = true, submenu = [] }) => ({ label, enabled, submenu: viewOf(submenu) }));
}

export function trayView(): TrayView {
  return { tooltip: tray?.tooltip ?? '', items: viewOf(tray?.items ?? []) };
}

/** Follows labels, each the beginning of an item's, and clicks the last. */
export function clickTray(labels: readonly string[]): void {
  let items = tray?.items ?? [];
  let found: MenuItem | undefined;
  for (const label of labels) {
    found = items.find((item) => item.label?.startsWith(label));
    if (found === undefined) throw new Error(`The tray has no ${label}: ${JSON.stringify(viewOf(items))}`);
    items = found.submenu ?? [];
  }
  if (found?.click === undefined || found.enabled === false)
    throw new Error(`${labels.join(' > ')} does nothing`);
  found.click();
}

export class Tray extends EventEmitter {
  #tooltip = '';

  setImage(): void {}

  setToolTip(text: string): void {
    this.#tooltip = text;
  }

  setContextMenu(menu: Menu): void {
    tray = { tooltip: this.#tooltip, items: menu.items };
    tell({ event: 'tray', view: trayView() });
  }

  destroy(): void {
    tray = null;
  }
}

export const nativeImage = {
  createEmpty: () => ({ addRepresentation: () => undefined, setTemplateImage: () => undefined }),
};

export class Notification extends EventEmitter {
  readonly #options: { title: string; body: string };

  constructor(options: { title: string; body: string }) {
    super();
    this.#options = options;
  }

  static isSupported(): boolean {
    return true;
  }

  show(): void {
    const { title, body } = this.#options;
    tell({ event: 'notification', title, body });
  }
}

export const nativeTheme: EventEmitter & { shouldUseDarkColors: boolean } = Object.assign(
  new EventEmitter(),
  {
    shouldUseDarkColors: true,
  },
);
export const powerMonitor = new EventEmitter();

// ---- keychain --------------------------------------------------------------------------------------------------

/** The keychain of a session: its name is its password. `basic_text` and `none` are sessions without one. */
const keychain = (): string => setting('keychain');
const sealKey = (): Buffer => createHash('sha256').update(keychain()).digest();

export const safeStorage = {
  getSelectedStorageBackend: (): string => (keychain() === 'basic_text' ? 'basic_text' : 'gnome_libsecret'),
  // Electron's own fall-back encrypts too, with a password that everybody knows.
  isAsyncEncryptionAvailable: (): Promise<boolean> => Promise.resolve(keychain() !== 'none'),
  encryptStringAsync: (text: string): Promise<Buffer> => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', sealKey(), nonce);
    return Promise.resolve(Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]));
  },
  decryptStringAsync: async (sealed: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> => {
    const decipher = createDecipheriv('aes-256-gcm', sealKey(), sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(-16));
    const result = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString();
    return Promise.resolve({ result, shouldReEncrypt: false });
  },
};
