import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';

/** What a person set for this browser. Nothing of it concerns the node. */
export interface Preferences {
  /** Single letters act on the row or object in focus. */
  readonly letters: boolean;
  readonly sidebar: 'open' | 'rail';
}

const STORED = 'modelops.preferences';
const DEFAULTS: Preferences = { letters: true, sidebar: 'open' };

function stored(): Preferences {
  const text = localStorage.getItem(STORED);
  if (text === null) return DEFAULTS;
  try {
    return { ...DEFAULTS, ...(JSON.parse(text) as Partial<Preferences>) };
  } catch {
    // Somebody else's or an older text: start over.
    return DEFAULTS;
  }
}

export const preferencesStore = createStore<Preferences>(() => stored());

preferencesStore.subscribe((preferences) => localStorage.setItem(STORED, JSON.stringify(preferences)));

export function usePreferences(): Preferences {
  return useStore(preferencesStore);
}

export function lettersEnabled(): boolean {
  return preferencesStore.getState().letters;
}
