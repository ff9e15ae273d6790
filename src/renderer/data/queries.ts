import { useSyncExternalStore } from 'react';
import type { AppError } from '../../shared/contract/index.ts';
import { asAppError, isAbort } from './api.ts';

/**
 * Answers of the agent by key, read again when something they are about changes. What is on the screen stays until the
 * new answer is there; an error leaves the last good answer in place.
 */
export interface QueryState<T> {
  readonly data: T | undefined;
  readonly error: AppError | null;
  readonly fetching: boolean;
  /** When the answer came, milliseconds. */
  readonly at: number | null;
}

export interface Query<T> {
  readonly key: string;
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** What the answer is about: `model:alpha-v1`, `slot:*`, `*`. A change of any of them reads it again. */
  readonly about: readonly string[];
}

interface Entry {
  query: Query<unknown>;
  state: QueryState<unknown>;
  stale: boolean;
  readonly watchers: Set<() => void>;
  running: AbortController | null;
  timer: ReturnType<typeof setTimeout> | null;
  tookMs: number;
  forget: ReturnType<typeof setTimeout> | null;
}

const NOTHING: QueryState<never> = { data: undefined, error: null, fetching: false, at: null };
/** Several changes in a row are one reading. */
const SETTLE_MS = 60;
const FORGET_MS = 5 * 60_000;

class QueryCache {
  readonly #entries = new Map<string, Entry>();
  readonly #subscribers = new Map<string, (watcher: () => void) => () => void>();

  /** Keeps an answer fresh while somebody looks at it. @returns what ends it. */
  watch<T>(query: Query<T>, watcher: () => void): () => void {
    const entry = this.#entry(query);
    entry.watchers.add(watcher);
    if (entry.forget !== null) clearTimeout(entry.forget);
    entry.forget = null;
    if (entry.stale && entry.running === null) void this.#read(entry);
    return () => {
      entry.watchers.delete(watcher);
      if (entry.watchers.size > 0) return;
      entry.forget = setTimeout(() => {
        entry.running?.abort();
        this.#entries.delete(query.key);
        this.#subscribers.delete(query.key);
      }, FORGET_MS);
    };
  }

  /** `watch` as one function a question: a query is known by its key, a new object with the same key asks the same. */
  subscriberOf<T>(query: Query<T>): (watcher: () => void) => () => void {
    let subscriber = this.#subscribers.get(query.key);
    if (subscriber === undefined) {
      subscriber = (watcher) => this.watch(query, watcher);
      this.#subscribers.set(query.key, subscriber);
    }
    return subscriber;
  }

  get<T>(key: string): QueryState<T> {
    return (this.#entries.get(key)?.state as QueryState<T> | undefined) ?? NOTHING;
  }

  /** The answer at hand if it is fresh, else a new one. @throws {AppError} the refusal. */
  async fetch<T>(query: Query<T>): Promise<T> {
    const entry = this.#entry(query);
    if (!entry.stale && entry.state.data !== undefined) return entry.state.data as T;
    const data = await query.read(new AbortController().signal);
    this.put(query, data);
    return data;
  }

  /** Puts an answer in that came another way, such as with a change. */
  put<T>(query: Query<T>, data: T): void {
    const entry = this.#entry(query);
    entry.running?.abort();
    entry.running = null;
    entry.stale = false;
    this.#set(entry, { data, error: null, fetching: false, at: Date.now() });
  }

  /** Something changed. Answers nobody looks at are read when somebody does. */
  invalidate(subjects: ReadonlySet<string>): void {
    for (const entry of this.#entries.values()) {
      if (!entry.query.about.some((pattern) => touches(pattern, subjects))) continue;
      this.#mark(entry);
    }
  }

  /** Reads one answer again now. */
  refresh(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#mark(entry);
  }

  clear(): void {
    for (const entry of this.#entries.values()) {
      entry.running?.abort();
      if (entry.timer !== null) clearTimeout(entry.timer);
      if (entry.forget !== null) clearTimeout(entry.forget);
    }
    this.#entries.clear();
    this.#subscribers.clear();
  }

  #mark(entry: Entry): void {
    entry.stale = true;
    if (entry.watchers.size === 0 || entry.timer !== null) return;
    // A list that takes long to read is read less often.
    entry.timer = setTimeout(
      () => {
        entry.timer = null;
        if (entry.running === null) void this.#read(entry);
      },
      Math.max(SETTLE_MS, entry.tookMs * 4),
    );
  }

  #entry<T>(query: Query<T>): Entry {
    let entry = this.#entries.get(query.key);
    if (entry === undefined) {
      entry = {
        query,
        state: NOTHING,
        stale: true,
        watchers: new Set(),
        running: null,
        timer: null,
        tookMs: 0,
        forget: null,
      };
      this.#entries.set(query.key, entry);
    }
    entry.query = query;
    return entry;
  }

  async #read(entry: Entry): Promise<void> {
    const running = new AbortController();
    entry.running = running;
    entry.stale = false;
    this.#set(entry, { ...entry.state, fetching: true });
    const started = performance.now();
    try {
      const data = await entry.query.read(running.signal);
      if (entry.running !== running) return;
      entry.tookMs = performance.now() - started;
      this.#set(entry, { data, error: null, fetching: false, at: Date.now() });
    } catch (error) {
      if (entry.running !== running || isAbort(error)) return;
      this.#set(entry, { ...entry.state, error: asAppError(error), fetching: false });
    }
    entry.running = null;
    // Something changed while it was being read.
    if (entry.stale) this.#mark(entry);
  }

  #set(entry: Entry, state: QueryState<unknown>): void {
    entry.state = state;
    for (const watcher of entry.watchers) watcher();
  }
}

function touches(pattern: string, subjects: ReadonlySet<string>): boolean {
  if (subjects.has('*') || subjects.has(pattern)) return true;
  if (!pattern.endsWith('*')) return false;
  const prefix = pattern.slice(0, -1);
  for (const subject of subjects) if (subject.startsWith(prefix)) return true;
  return false;
}

/** The answers of this page. */
export const queries = new QueryCache();

const nobody = (): (() => void) => nothing;

/** An answer of the agent, kept fresh while the component is there. Null asks for nothing. */
export function useQuery<T>(query: Query<T> | null): QueryState<T> & { refresh: () => void } {
  const key = query?.key ?? '';
  const state = useSyncExternalStore(query === null ? nobody : queries.subscriberOf(query), () =>
    queries.get<T>(key),
  );
  return { ...state, refresh: () => queries.refresh(key) };
}

function nothing(): void {
  // No question, nothing to stop.
}
