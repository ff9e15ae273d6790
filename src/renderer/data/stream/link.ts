import type { Topic } from '../../../shared/contract/index.ts';
import { StreamKeeper, type Page } from './keeper.ts';
import type { KeeperMessage, PageMessage } from './protocol.ts';

/** The page's line to whoever keeps the event stream: the shared worker, or a keeper of its own where there is none. */
export class StreamLink {
  readonly #listeners = new Set<(message: KeeperMessage) => void>();
  #send: (message: PageMessage) => void;
  #attached: { token: string | null; topics: readonly Topic[] } | null = null;

  constructor(makeWorker: (() => SharedWorker) | null) {
    this.#send = this.#connectWorker(makeWorker) ?? this.#keepHere();
    // A page in the back/forward cache or a closed tab holds nothing.
    globalThis.addEventListener('pagehide', () => this.#send({ type: 'detach' }));
    globalThis.addEventListener('pageshow', (event) => {
      if (event.persisted && this.#attached !== null) this.#send({ type: 'attach', ...this.#attached });
    });
  }

  listen(listener: (message: KeeperMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for the stream of a key; again with other topics to change them. */
  attach(token: string | null, topics: readonly Topic[]): void {
    this.#attached = { token, topics };
    this.#send({ type: 'attach', token, topics });
  }

  retry(): void {
    this.#send({ type: 'retry' });
  }

  signOut(token: string): void {
    this.#attached = null;
    this.#send({ type: 'sign-out', token });
  }

  /** The session key of another tab, or null when no tab has one. */
  askSession(timeoutMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      const finish = (token: string | null): void => {
        clearTimeout(timer);
        stop();
        resolve(token);
      };
      const stop = this.listen((message) => {
        if (message.type === 'session') finish(message.token);
      });
      const timer = setTimeout(() => finish(null), timeoutMs);
      this.#send({ type: 'ask-session' });
    });
  }

  #hear(message: KeeperMessage): void {
    for (const listener of this.#listeners) listener(message);
  }

  #connectWorker(makeWorker: (() => SharedWorker) | null): ((message: PageMessage) => void) | null {
    if (makeWorker === null) return null;
    try {
      const worker = makeWorker();
      worker.port.addEventListener('message', ({ data }: MessageEvent<KeeperMessage>) => this.#hear(data));
      worker.port.start();
      // Some places have the class and refuse to run it.
      worker.addEventListener('error', () => this.#fallBack());
      return (message) => worker.port.postMessage(message);
    } catch (error) {
      if (error instanceof DOMException || error instanceof ReferenceError) return null;
      throw error;
    }
  }

  #fallBack(): void {
    this.#send = this.#keepHere();
    if (this.#attached !== null) this.#send({ type: 'attach', ...this.#attached });
  }

  #keepHere(): (message: PageMessage) => void {
    const keeper = new StreamKeeper();
    const page: Page = { send: (message) => this.#hear(message) };
    keeper.connect(page);
    return (message) => keeper.receive(page, message);
  }
}

/** The shared worker's file stands in the bundle under its own name. */
export function sharedWorkerOrNull(): (() => SharedWorker) | null {
  if (typeof SharedWorker === 'undefined') return null;
  return () =>
    new SharedWorker(new URL('./shared-worker.ts', import.meta.url), {
      type: 'module',
      name: 'modelops-events',
    });
}
