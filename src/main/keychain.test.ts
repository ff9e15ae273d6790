import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { openKeychain, secretsKey } from './keychain.ts';

/** A keychain of the operating system: what it seals opens with the same password only. */
function systemKeychain(password: string, backend = 'gnome_libsecret', shouldReEncrypt = false): SafeStorage {
  const mark = `${password}:`;
  return {
    getSelectedStorageBackend: () => backend,
    isAsyncEncryptionAvailable: () => Promise.resolve(password !== ''),
    encryptStringAsync: (text: string) =>
      Promise.resolve(Buffer.from(mark + Buffer.from(text).toString('hex'))),
    decryptStringAsync: (sealed: Buffer) => {
      const text = sealed.toString();
      if (!text.startsWith(mark)) return Promise.reject(new Error('not with this password'));
      return Promise.resolve({
        result: Buffer.from(text.slice(mark.length), 'hex').toString(),
        shouldReEncrypt,
      });
    },
  } as unknown as SafeStorage;
}

describe('the keychain', () => {
  it('keeps one key of 32 random bytes, sealed, for this account only', async () => {
    await using directory = await temporaryDirectory();
    const keychain = await openKeychain(systemKeychain('a'), directory.path, 'linux');
    const key = await secretsKey(keychain);
    expect(Buffer.from(key!, 'base64')).toHaveLength(32);
    expect(await secretsKey(keychain)).toBe(key);
    const folder = join(directory.path, 'keychain');
    expect(await readdir(folder)).toEqual(['secrets-key']);
    expect(await readFile(join(folder, 'secrets-key'), 'utf8')).not.toContain(key);
    expect((await stat(join(folder, 'secrets-key'))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('never replaces a key that it does not open', async () => {
    await using directory = await temporaryDirectory();
    const key = await secretsKey(await openKeychain(systemKeychain('a'), directory.path, 'linux'));
    const other = await openKeychain(systemKeychain('b'), directory.path, 'linux');
    expect(await other.read('secrets-key')).toEqual({ state: 'unreadable' });
    expect(await secretsKey(other)).toBeNull();
    expect(await secretsKey(await openKeychain(systemKeychain('a'), directory.path, 'linux'))).toBe(key);
  });

  it('seals again what the system wants sealed again, and gives it also when that fails', async () => {
    await using directory = await temporaryDirectory();
    const key = await secretsKey(await openKeychain(systemKeychain('a'), directory.path, 'linux'));
    const file = join(directory.path, 'keychain', 'secrets-key');
    const { ino } = await stat(file);
    const rotating = systemKeychain('a', 'gnome_libsecret', true);
    expect(await secretsKey(await openKeychain(rotating, directory.path, 'linux'))).toBe(key);
    expect((await stat(file)).ino).not.toBe(ino);

    rotating.encryptStringAsync = () => Promise.reject(new Error('the keychain is busy'));
    expect(await secretsKey(await openKeychain(rotating, directory.path, 'linux'))).toBe(key);
  });

  it.each([
    ['basic_text on Linux', systemKeychain('peanuts', 'basic_text'), 'linux', false],
    ['one that cannot be used', systemKeychain(''), 'darwin', false],
    ['what Linux calls basic_text, elsewhere', systemKeychain('a', 'basic_text'), 'win32', true],
  ] as const)('%s', async (_what, system, platform, isAvailable) => {
    await using directory = await temporaryDirectory();
    const keychain = await openKeychain(system, directory.path, platform);
    expect(keychain.available).toBe(isAvailable);
    expect(keychain.warning?.code).toBe(isAvailable ? undefined : 'no_keychain');
    expect(await secretsKey(keychain)).toEqual(isAvailable ? expect.any(String) : null);
    if (isAvailable) return;
    await writeFile(join(directory.path, 'x'), '');
    expect(await readdir(directory.path)).toEqual(['x']);
  });
});
