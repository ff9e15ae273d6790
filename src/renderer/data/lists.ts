import { useEffect, useState } from 'react';
import { queries, useQuery, type Query, type QueryState } from './queries.ts';

/** Rows of a keyset list, as many pages as somebody scrolled to. */
export interface List<T> {
  readonly rows: readonly T[];
  /** Where the next page begins; null at the end. */
  readonly next: string | null;
}

/** How many pages of a list somebody scrolled through. */
const wantedPages = new Map<string, number>();

/** A list that is read page by page, the wanted ones one after the other. */
export function listQuery<T>(
  key: string,
  about: readonly string[],
  readPage: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<List<T>>,
): Query<List<T>> {
  return {
    key,
    about,
    read: async (signal) => {
      const rows: T[] = [];
      let next: string | null = null;
      for (let page = 0; page < (wantedPages.get(key) ?? 1); page += 1) {
        const answer: List<T> = await readPage(next === null ? {} : { cursor: next }, signal);
        rows.push(...answer.rows);
        ({ next } = answer);
        if (next === null) break;
      }
      return { rows, next };
    },
  };
}

/** Asks for one page more of a list. */
export function moreOf<T>({ key }: Query<List<T>>): void {
  const { data, fetching } = queries.get<List<T>>(key);
  if (fetching || data === undefined || data.next === null) return;
  wantedPages.set(key, (wantedPages.get(key) ?? 1) + 1);
  queries.refresh(key);
}

/** An answer that stays on the screen until the answer to the next question is there. */
export function useKept<T>(query: Query<T> | null): QueryState<T> & { refresh: () => void } {
  const state = useQuery(query);
  const [kept, setKept] = useState(state.data);
  if (state.data !== undefined && state.data !== kept) setKept(state.data);
  return { ...state, data: state.data ?? kept };
}

const POLL_MS = 15_000;

/** Reads an answer again while somebody looks: figures whose changes nothing tells. */
export function usePolled(key: string | null): void {
  useEffect(() => {
    if (key === null) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') queries.refresh(key);
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [key]);
}
