import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';

/** The columns a person chose for a list, by its name; a list without an entry shows what fits. Kept in this browser. */
type Chosen = Readonly<Record<string, readonly string[]>>;

const STORED = 'modelops.columns';

function stored(): Chosen {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '{}') as Chosen;
  } catch {
    // Somebody else's or an older text: start over.
    return {};
  }
}

const columnStore = createStore<{ readonly chosen: Chosen }>(() => ({ chosen: stored() }));

columnStore.subscribe(({ chosen }) => localStorage.setItem(STORED, JSON.stringify(chosen)));

/** The ids that were chosen; null for what fits. */
export function useChosenColumns(list: string): readonly string[] | null {
  return useStore(columnStore, ({ chosen }) => chosen[list] ?? null);
}

/** @param columns null goes back to what fits */
export function chooseColumns(list: string, columns: readonly string[] | null): void {
  columnStore.setState(({ chosen: { [list]: _before, ...others } }) => ({
    chosen: columns === null ? others : { ...others, [list]: columns },
  }));
}
