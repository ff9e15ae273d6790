import { useState } from 'react';

interface Kept {
  readonly question: string;
  readonly ids: readonly string[];
}

/**
 * Rows that do not move while somebody points at them or works in them: what arrives between them waits and is counted;
 * it is taken in when they leave, or when they ask. What follows after the last row moves nothing and is taken at once.
 * @param ids the same array for the same answer
 * @param question the filter the rows answer; another one is shown at once
 */
export function useHeld(
  ids: readonly string[],
  question: string,
): { shown: readonly string[]; arrived: number; hold: (held: boolean) => void; apply: () => void } {
  const [held, setHeld] = useState(false);
  const [kept, setKept] = useState<Kept>({ question, ids });
  const keeps = held && kept.question === question && kept.ids.length > 0;
  const shown = keeps ? withTail(kept.ids, ids) : ids;
  if (kept.question !== question || kept.ids !== shown) setKept({ question, ids: shown });
  const known = new Set(shown);
  return {
    shown,
    arrived: keeps ? ids.filter((id) => !known.has(id)).length : 0,
    hold: setHeld,
    apply: () => setKept({ question, ids }),
  };
}

/** What was shown, and what came after its last row. The same array when nothing did. Pure. */
export function withTail(shown: readonly string[], now: readonly string[]): readonly string[] {
  const last = shown.at(-1);
  const at = last === undefined ? -1 : now.lastIndexOf(last);
  if (at === -1 || at === now.length - 1) return shown;
  const known = new Set(shown);
  const tail = now.slice(at + 1).filter((id) => !known.has(id));
  return tail.length === 0 ? shown : [...shown, ...tail];
}
