import type { Topic } from '../../../shared/contract/index.ts';
// By its file: the whole contract does not belong into the worker.
import { SseParser } from '../../../shared/contract/sse.ts';
import type { StreamEvent, StreamState } from './protocol.ts';

export interface EventReaderOptions {
  readonly token: string | null;
  readonly topics: readonly Topic[];
  readonly onState: (state: StreamState) => void;
  /** Events in the order in which they came, as many as one read brought. */
  readonly onEvents: (events: readonly StreamEvent[]) => void;
  readonly fetch?: typeof globalThis.fetch;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** The agent says something every 15 s, if only that it is there. */
const SILENCE_MS = 40_000;

/**
 * Reads the agent's event stream with fetch, because an EventSource cannot send a key. Comes back after a break with
 * the last id it saw, so nothing durable is missed. Runs in the page or in a worker.
 */
export class EventReader {
  readonly #options: EventReaderOptions;
  #topics: readonly Topic[];
  #lastId: string | null = null;
  #stopped = false;
  #lostAt: number | null = null;
  #attempt: AbortController | null = null;
  #endPause: (() => void) | null = null;

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#topics = options.topics;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#attempt?.abort();
    this.#endPause?.();
  }

  /** Ends the pause before the next try. */
  retry(): void {
    this.#endPause?.();
  }

  /** Other topics mean another stream; it goes on where this one was. */
  setTopics(topics: readonly Topic[]): void {
    if (topics.join() === this.#topics.join()) return;
    this.#topics = topics;
    this.#attempt?.abort();
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    this.#options.onState({ status: 'connecting', lostAt: null });
    while (!this.#stopped) {
      const topics = this.#topics;
      const outcome = await this.#read(topics);
      if (this.#stopped || outcome === 'refused') return;
      if (outcome === 'again' || topics !== this.#topics) {
        pause = FIRST_PAUSE_MS;
        continue;
      }
      if (outcome === 'was-open') pause = FIRST_PAUSE_MS;
      this.#lostAt ??= Date.now();
      this.#options.onState({ status: 'connecting', lostAt: this.#lostAt });
      await this.#wait(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One connection, until it ends for whatever reason. */
  async #read(topics: readonly Topic[]): Promise<'failed' | 'was-open' | 'refused' | 'again'> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    const state = { open: false, again: false };
    let silence = setTimeout(() => attempt.abort(), SILENCE_MS);
    try {
      const response = await this.#connect(topics, attempt.signal);
      if (response.status === 401) {
        this.#options.onState({ status: 'refused', ...(await refusalOf(response)) });
        return 'refused';
      }
      if (!response.ok || response.body === null) return 'failed';
      const parser = new SseParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(silence);
        silence = setTimeout(() => attempt.abort(), SILENCE_MS);
        this.#take(parser.push(decoder.decode(value, { stream: true })), state);
      }
    } catch (error) {
      // A break, an abort, an agent that is not there: all the same, the state says so and the loop tries again.
      if (!(error instanceof TypeError) && !(error instanceof DOMException)) throw error;
    } finally {
      clearTimeout(silence);
    }
    if (state.again) return 'again';
    return state.open ? 'was-open' : 'failed';
  }

  #connect(topics: readonly Topic[], signal: AbortSignal): Promise<Response> {
    const { token } = this.#options;
    const send = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
    return send(`/v1/events?topics=${topics.join(',')}`, {
      headers: {
        accept: 'text/event-stream',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }),
      },
      cache: 'no-store',
      signal,
    });
  }

  #take(
    frames: readonly { id: string | null; name: string; data: string }[],
    state: { open: boolean; again: boolean },
  ): void {
    const events: StreamEvent[] = [];
    for (const { id, name, data } of frames) {
      if (id !== null) this.#lastId = id;
      const parsed: unknown = JSON.parse(data);
      if (name === 'stream.open') {
        const { head_seq: headSeq, version } = parsed as { head_seq: number; version: string };
        const resumed = this.#lastId !== null;
        this.#lastId ??= String(headSeq);
        state.open = true;
        this.#lostAt = null;
        this.#options.onState({ status: 'open', resumed, version, headSeq });
        continue;
      }
      if (name === 'stream.reset') this.#lastId = String((parsed as { head_seq: number }).head_seq);
      if (name === 'stream.lagged') state.again = true;
      events.push({ name, data: parsed });
    }
    if (events.length > 0) this.#options.onEvents(events);
  }

  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = null;
  }
}

async function refusalOf(response: Response): Promise<{ message: string; hint: string }> {
  const body = (await response.json()) as { message?: string; hint?: string };
  return { message: body.message ?? '', hint: body.hint ?? '' };
}
