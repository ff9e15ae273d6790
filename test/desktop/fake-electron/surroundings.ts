import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setting } from './settings.ts';

/** What the desktop has around its window: dialogs, tray, keychain, and what else of the system it speaks to. */

// The functions of these two are the instrument's: there is nobody here to ask, and no file manager.
export const dialog = {};
export const shell = {};

interface MenuItem {
  readonly label?: string;
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

export class Tray extends EventEmitter {
  setImage(): void {}

  setToolTip(): void {}

  setContextMenu(): void {}

  destroy(): void {}
}

export const nativeImage = {
  createEmpty: () => ({ addRepresentation: () => undefined, setTemplateImage: () => undefined }),
};

export class Notification extends EventEmitter {
  readonly title: string;
  readonly body: string;

  constructor({ title, body }: { title: string; body: string }) {
    super();
    this.title = title;
    this.body = body;
  }

  static isSupported(): boolean {
    return true;
  }

  show(): void {}
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
