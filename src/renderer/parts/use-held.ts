import { useState } from 'react';

interface Kept {
  readonly question: string;
  readonly ids: readonly string[];
}

/**
 * Rows that do not move while somebody points at them or works in them: what arrives waits and is counted; it is taken
 * in when they leave, or when they ask.
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
  if (!keeps && (kept.question !== question || kept.ids !== ids)) setKept({ question, ids });
  const shown = keeps ? kept.ids : ids;
  const known = new Set(shown);
  return {
    shown,
    arrived: keeps ? ids.filter((id) => !known.has(id)).length : 0,
    hold: setHeld,
    apply: () => setKept({ question, ids }),
  };
}
