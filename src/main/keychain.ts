import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import type { AgentWarning } from '../shared/desktop/bridge.ts';

/**
 * What the desktop keeps under the operating system's keychain: files in its user data directory that only this
 * account can open. Without a real keychain nothing is kept, and the app says so instead of pretending.
 */
export interface Keychain {
  readonly available: boolean;
  /** Stays in view as long as there is no keychain. */
  readonly warning: AgentWarning | null;
  read(name: string): Promise<Kept>;
  write(name: string, text: string): Promise<void>;
}

/** `unreadable`: the file is there, but the keychain does not open it, now or for ever. */
export type Kept =
  | { readonly state: 'kept'; readonly text: string }
  | { readonly state: 'absent' | 'unreadable' };

const SECRETS_KEY = 'secrets-key';
const KEY_BYTES = 32;

export async function openKeychain(
  safeStorage: SafeStorage,
  userData: string,
  platform: NodeJS.Platform,
): Promise<Keychain> {
  const warning = await missing(safeStorage, platform);
  const directory = join(userData, 'keychain');
  const fileOf = (name: string): string => join(directory, name);
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const sealed = await safeStorage.encryptStringAsync(text);
    const part = `${fileOf(name)}.${randomUUID()}.part`;
    try {
      await writeFile(part, sealed, { mode: 0o600, flush: true });
      await rename(part, fileOf(name));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  };
  return {
    available: warning === null,
    warning,
    read: async (name) => {
      if (warning !== null) return { state: 'absent' };
      const sealed = await readFile(fileOf(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (sealed === null) return { state: 'absent' };
      let opened: { readonly result: string; readonly shouldReEncrypt: boolean };
      try {
        opened = await safeStorage.decryptStringAsync(sealed);
      } catch (error) {
        console.error(`The keychain does not open ${name}:`, error);
        return { state: 'unreadable' };
      }
      // The system has a newer key; what it opened with the old one is good all the same.
      if (opened.shouldReEncrypt)
        await write(name, opened.result).catch((error: unknown) =>
          console.error(`${name} was not sealed again:`, error),
        );
      return { state: 'kept', text: opened.result };
    },
    write,
  };
}

/** Why there is no keychain; null when there is one. */
async function missing(safeStorage: SafeStorage, platform: NodeJS.Platform): Promise<AgentWarning | null> {
  const message = (what: string): string =>
    `${what}: the app uses the key file of the node, and the key of its secrets lies in a file that your account can read.`;
  // On Linux the fall-back of Electron encrypts with a password that everybody knows. That is no keychain.
  if (platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text') {
    return { code: 'no_keychain', message: message('This session has no keychain (basic_text)') };
  }
  if (await safeStorage.isAsyncEncryptionAvailable()) return null;
  return { code: 'no_keychain', message: message('The keychain of this system cannot be used') };
}

/**
 * The key that opens the secrets of this account's nodes, 32 random bytes in base64; made on first use.
 * @returns null without a keychain, or when it does not open the key that was kept. That one is never replaced: it may
 *   open again tomorrow, and a new one would open nothing.
 */
export async function secretsKey(keychain: Keychain): Promise<string | null> {
  if (!keychain.available) return null;
  const kept = await keychain.read(SECRETS_KEY);
  if (kept.state === 'kept') return kept.text;
  if (kept.state === 'unreadable') return null;
  const made = randomBytes(KEY_BYTES).toString('base64');
  await keychain.write(SECRETS_KEY, made);
  return made;
}
