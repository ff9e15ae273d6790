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

  /** Durable events only; for parts of the agent that keep something in memory. */
  onJournal(listener: (record: JournalRecord) => void): () => void {
    return this.#journal.listen(listener);
  }

  listen(
    onTransient: (event: TransientEvent) => void,
    onJournal: (record: JournalRecord) => void,
  ): () => void {
    this.#listeners.add(onTransient);
    const stop = this.#journal.listen(onJournal);
    return () => {
      this.#listeners.delete(onTransient);
      stop();
    };
  }
}
