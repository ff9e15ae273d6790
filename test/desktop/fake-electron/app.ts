import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, rmSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { setting } from './settings.ts';

/** An event that a listener may hold back, as Electron's are. */
export interface PreventableEvent {
  readonly defaultPrevented: boolean;
  preventDefault(): void;
}

export function preventable<T extends object>(details: T): T & PreventableEvent {
  let isPrevented = false;
  return Object.defineProperties(details, {
    defaultPrevented: { get: () => isPrevented },
    preventDefault: {
      value: () => {
        isPrevented = true;
      },
    },
  }) as T & PreventableEvent;
}

/**
 * `app`: the life of the process, and the lock that lets one process an account run. As in Electron, the lock belongs
 * to the user data directory, and a second process hands its arguments to the first.
 */
class App extends EventEmitter {
  readonly isPackaged: boolean = false;
  readonly #ready = Promise.withResolvers<void>();
  #inbox: FSWatcher | null = null;
  #closeWindows: () => void = () => undefined;

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Not part of Electron: called when the stand-in's browser is there. */
  becomeReady(closeWindows: () => void): void {
    this.#closeWindows = closeWindows;
    this.#ready.resolve();
    this.emit('ready');
  }

  enableSandbox(): void {}

  setAsDefaultProtocolClient(): boolean {
    return true;
  }

  getVersion(): string {
    const manifest = readFileSync(join(setting('root'), 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  }

  getAppPath(): string {
    return setting('root');
  }

  getPath(name: string): string {
    return name === 'userData' ? setting('userData') : join(setting('userData'), name);
  }

  requestSingleInstanceLock(): boolean {
    const directory = join(setting('userData'), 'instance');
    mkdirSync(directory, { recursive: true });
    const lock = join(directory, 'lock');
    if (holderOf(lock) !== null) {
      writeFileSync(join(directory, `${randomUUID()}.json`), JSON.stringify(process.argv));
      return false;
    }
    writeFileSync(lock, String(process.pid));
    this.#inbox = watch(directory, (_kind, name) => {
      if (name === null || !name.endsWith('.json')) return;
      const path = join(directory, name);
      const argv = readOnce(path);
      if (argv === null) return;
      rmSync(path, { force: true });
      this.emit('second-instance', {}, argv, setting('root'));
    });
    this.#inbox.unref();
    process.once('exit', () => rmSync(lock, { force: true }));
    return true;
  }

  quit(): void {
    const event = preventable({});
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    this.#closeWindows();
    this.emit('will-quit', preventable({}));
    this.exit(0);
  }

  exit(code: number = 0): void {
    this.emit('quit', {}, code);
    process.exit(code);
  }
}

function holderOf(lock: string): number | null {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch {
    // No lock, or one of a process that was killed.
    return null;
  }
}

/** A message is written in one go, but its file is seen before it is full. */
function readOnce(path: string): string[] | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as string[];
  } catch {
    return null;
  }
}

export const app = new App();
