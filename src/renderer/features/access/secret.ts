import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { Key } from '../../../shared/contract/index.ts';
import { sessionStore } from '../../data/session.ts';

/** A key that was made and is on the screen for the only time. */
export interface Secret {
  readonly token: string;
  readonly key: Key;
  /** The key whose place it takes. */
  readonly replaced: Key | null;
  /** The page it was made on; leaving it is asked about. */
  readonly from: string;
}

const secretStore = createStore<{ readonly secret: Secret | null }>(() => ({ secret: null }));

// Whoever signs in next must not see it.
sessionStore.subscribe(({ state }) => {
  if (state === 'signed-out') forgetSecret();
});

/** Shows a new key instead of the page until somebody says that it is copied. */
export function showSecret(made: Omit<Secret, 'from'>): void {
  secretStore.setState({ secret: { ...made, from: location.pathname + location.search } });
}

export function forgetSecret(): void {
  secretStore.setState({ secret: null });
}

export function isSecretShown(): boolean {
  return secretStore.getState().secret !== null;
}

export function useSecret(): Secret | null {
  return useStore(secretStore, ({ secret }) => secret);
}
