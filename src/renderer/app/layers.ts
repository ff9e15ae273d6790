import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { preferencesStore } from '../data/preferences.ts';

/** What floats over or beside the page besides dialogs. */
export interface Layers {
  readonly palette: boolean;
  readonly jobs: boolean;
  /** Online or offline, over the status bar. */
  readonly profile: boolean;
  /** The sidebar as an overlay on narrow windows; on wide ones it folds to the rail instead. */
  readonly sidebar: boolean;
}

export const layerStore = createStore<Layers>(() => ({
  palette: false,
  jobs: false,
  profile: false,
  sidebar: false,
}));

export function toggleLayer(layer: keyof Layers): void {
  layerStore.setState((layers) => ({ [layer]: !layers[layer] }));
}

export function closeLayer(layer: keyof Layers): void {
  layerStore.setState({ [layer]: false });
}

export function useLayer(layer: keyof Layers): boolean {
  return useStore(layerStore, (layers) => layers[layer]);
}

export const NARROW = '(width < 800px)';

/** On narrow windows the sidebar lies over the page; on wide ones it folds to the rail and stays so. */
export function foldSidebar(): void {
  if (globalThis.matchMedia(NARROW).matches) toggleLayer('sidebar');
  else preferencesStore.setState(({ sidebar }) => ({ sidebar: sidebar === 'open' ? 'rail' : 'open' }));
}
