import type { EventData, EventName, Topic } from '../../shared/contract/index.ts';
import type { Journal, JournalRecord } from './journal.ts';

/** Events that are worth something only now. Durable ones come from the journal. */
type TransientName = Exclude<EventName, 'journal' | `stream.${string}`>;

export interface TransientEvent<N extends TransientName = TransientName> {
  readonly name: N;
  readonly topic: Topic;
  readonly data: EventData<N>;
}

/** Where the agent's parts tell what happens and the event streams listen. */
export class EventHub {
  readonly #journal: Journal;
  readonly #listeners = new Set<(event: TransientEvent) => void>();
  readonly #readers = new Map<Topic, number>();
  readonly #onAudience = new Set<(topic: Topic, hasReaders: boolean) => void>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  publish<N extends TransientName>(topic: Topic, name: N, data: EventData<N>): void {
    for (const listener of this.#listeners) listener({ name, topic, data });
  }

  /** Whether anybody would hear it; spares making what nobody reads. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether somebody reads this topic; what is sampled only for readers asks for it. */
  hasReaders(topic: Topic): boolean {
    return (this.#readers.get(topic) ?? 0) > 0;
  }

  /** Tells when a topic gets its first reader and when it loses its last. */
  onAudience(listener: (topic: Topic, hasReaders: boolean) => void): () => void {
    this.#onAudience.add(listener);
    return () => this.#onAudience.delete(listener);
  }

  /** Durable events only; for parts of the agent that keep something in memory. */
  onJournal(listener: (record: JournalRecord) => void): () => void {
    return this.#journal.listen(listener);
  }

  /** @param topics what the listener is here for; it hears the others too, but nothing is sampled for it */
  listen(
    onTransient: (event: TransientEvent) => void,
    onJournal: (record: JournalRecord) => void,
    topics: Iterable<Topic> = [],
  ): () => void {
    const read = [...topics];
    this.#listeners.add(onTransient);
    const stop = this.#journal.listen(onJournal);
    for (const topic of read) this.#count(topic, 1);
    let listening = true;
    return () => {
      if (!listening) return;
      listening = false;
      this.#listeners.delete(onTransient);
      stop();
      for (const topic of read) this.#count(topic, -1);
    };
  }

  #count(topic: Topic, change: 1 | -1): void {
    const before = this.#readers.get(topic) ?? 0;
    const now = before + change;
    this.#readers.set(topic, now);
    if (before > 0 === now > 0) return;
    for (const listener of this.#onAudience) listener(topic, now > 0);
  }
}
