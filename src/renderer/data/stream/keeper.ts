import type { Topic } from '../../../shared/contract/index.ts';
import { EventReader } from './event-reader.ts';
import type { KeeperMessage, PageMessage, StreamState } from './protocol.ts';

/** One page as the keeper sees it. */
export interface Page {
  send(message: KeeperMessage): void;
}

interface Attached {
  readonly token: string | null;
  readonly topics: readonly Topic[];
}

interface Stream {
  readonly reader: EventReader;
  state: StreamState;
  heardAt: number;
}

/**
 * Holds the event stream for all pages of this browser: one for each key in use, which is one. A browser has six
 * connections to an agent; a stream a tab would use them up.
 */
export class StreamKeeper {
  readonly #pages = new Map<Page, Attached | null>();
  readonly #streams = new Map<string | null, Stream>();

  connect(page: Page): void {
    this.#pages.set(page, null);
  }

  receive(page: Page, message: PageMessage): void {
    switch (message.type) {
      case 'attach':
        this.#attach(page, message);
        break;
      case 'detach':
        this.#pages.delete(page);
        this.#settle();
        break;
      case 'ask-session':
        page.send({ type: 'session', token: this.#sessionToken() });
        break;
      case 'sign-out':
        this.#signOut(page, message.token);
        break;
      case 'retry':
        for (const { reader } of this.#streams.values()) reader.retry();
        break;
    }
  }

  /** The key of a page that is signed in, for a new tab of the same person. It lives in memory only. */
  #sessionToken(): string | null {
    for (const attached of this.#pages.values())
      if (attached?.token != null && this.#streams.get(attached.token)?.state.status === 'open')
        return attached.token;
    return null;
  }

  #attach(page: Page, { token, topics }: Attached): void {
    this.#pages.set(page, { token, topics });
    this.#settle();
    const stream = this.#streams.get(token);
    if (stream !== undefined) page.send({ type: 'state', state: stream.state, heardAt: stream.heardAt });
  }

  #signOut(from: Page, token: string): void {
    for (const [page, attached] of this.#pages) {
      if (attached?.token !== token) continue;
      this.#pages.set(page, null);
      if (page !== from)
        page.send({
          type: 'state',
          state: { status: 'refused', message: '', hint: '' },
          heardAt: Date.now(),
        });
    }
    this.#settle();
  }

  /** Streams for the keys in use, with the topics that their pages ask for; no others. */
  #settle(): void {
    const wanted = new Map<string | null, Set<Topic>>();
    for (const attached of this.#pages.values()) {
      if (attached === null) continue;
      const topics = wanted.get(attached.token) ?? new Set();
      for (const topic of attached.topics) topics.add(topic);
      wanted.set(attached.token, topics);
    }
    for (const [token, { reader }] of this.#streams) {
      if (wanted.has(token)) continue;
      reader.stop();
      this.#streams.delete(token);
    }
    for (const [token, topics] of wanted) {
      const list = [...topics].toSorted();
      const stream = this.#streams.get(token);
      if (stream === undefined) this.#open(token, list);
      else stream.reader.setTopics(list);
    }
  }

  #open(token: string | null, topics: readonly Topic[]): void {
    const reader = new EventReader({
      token,
      topics,
      onState: (state) => {
        const stream = this.#streams.get(token);
        if (stream?.reader !== reader) return;
        stream.state = state;
        if (state.status === 'open') stream.heardAt = Date.now();
        this.#tell(token, { type: 'state', state, heardAt: stream.heardAt });
        // A page that attaches again after signing in has to find a fresh stream, not the refused one.
        if (state.status === 'refused') this.#streams.delete(token);
      },
      onEvents: (events) => {
        const stream = this.#streams.get(token);
        if (stream?.reader !== reader) return;
        stream.heardAt = Date.now();
        this.#tell(token, { type: 'events', events, heardAt: stream.heardAt });
      },
    });
    this.#streams.set(token, {
      reader,
      state: { status: 'connecting', lostAt: null },
      heardAt: Date.now(),
    });
    reader.start();
  }

  #tell(token: string | null, message: KeeperMessage): void {
    for (const [page, attached] of this.#pages) if (attached?.token === token) page.send(message);
  }
}
