import { useCallback, useState } from 'react';
import type { Slot } from '../../../../shared/contract/index.ts';
import { textsOf, type Texts } from './settings.ts';

/** What somebody wants of a slot and has not saved. It outlives a reload and leaving the page, in this tab. */

export interface Draft {
  readonly texts: Texts;
  readonly modelId: string | null;
  readonly gpuIds: readonly string[];
}

interface Kept {
  /** Only what was changed, over what the slot was then: the rest follows the slot. */
  readonly mine: Draft;
  readonly base: Draft;
  /** The revision of the slot that it was begun on. */
  readonly rev: number;
}

const keyOf = (slotId: string): string => `modelops.slot-draft.${slotId}`;

/** A slot as it is, in the shape of a draft. Pure. */
function draftOfSlot(slot: Slot): Draft {
  return { texts: textsOf(slot.config), modelId: slot.assigned_model_id, gpuIds: slot.gpu_ids };
}

/** What differs, by the names of settings, `model` and `gpu_ids`. Pure. */
export function changesOf(draft: Draft, stored: Draft): readonly string[] {
  const keys = new Set([...Object.keys(draft.texts), ...Object.keys(stored.texts)]);
  const changed = [...keys].filter(
    (key) => (draft.texts[key] ?? '').trim() !== (stored.texts[key] ?? '').trim(),
  );
  if (draft.modelId !== stored.modelId) changed.unshift('model');
  if (draft.gpuIds.toSorted().join() !== stored.gpuIds.toSorted().join()) changed.push('gpu_ids');
  return changed;
}

/** What was changed in `mine` since `base`, made to `now`; what was not changed is as it is now. Pure. */
export function merged(mine: Draft, base: Draft, now: Draft): Draft {
  const texts: Record<string, string> = { ...now.texts };
  const changed = changesOf(mine, base);
  for (const key of changed) {
    if (key === 'model' || key === 'gpu_ids') continue;
    const text = mine.texts[key] ?? '';
    if (text === '') delete texts[key];
    else texts[key] = text;
  }
  return {
    texts,
    modelId: changed.includes('model') ? mine.modelId : now.modelId,
    gpuIds: changed.includes('gpu_ids') ? mine.gpuIds : now.gpuIds,
  };
}

function read(slotId: string): Kept | null {
  try {
    const text = sessionStorage.getItem(keyOf(slotId));
    return text === null ? null : (JSON.parse(text) as Kept);
  } catch {
    // Storage may be refused, and what is in it may be of an older version: then there is no draft.
    return null;
  }
}

function write(slotId: string, kept: Kept | null): void {
  try {
    if (kept === null) sessionStorage.removeItem(keyOf(slotId));
    else sessionStorage.setItem(keyOf(slotId), JSON.stringify(kept));
  } catch {
    // Without storage a draft lasts as long as the page.
  }
}

/** The draft of a slot: its own state while nothing is changed, then what was changed, over the slot as it is now. */
export function useDraft(slot: Slot): {
  readonly draft: Draft;
  readonly stored: Draft;
  /** What the slot was when the draft was begun. */
  readonly base: Draft;
  readonly changes: readonly string[];
  readonly rev: number;
  readonly change: (more: Partial<Draft>) => void;
  readonly discard: () => void;
  readonly rebase: () => void;
} {
  const [kept, setKept] = useState<Kept | null>(() => read(slot.id));
  const stored = draftOfSlot(slot);
  const base = kept?.base ?? stored;
  const draft = kept === null ? stored : merged(kept.mine, kept.base, stored);
  const keep = useCallback(
    (next: Kept | null) => {
      setKept(next);
      write(slot.id, next);
    },
    [slot.id],
  );
  return {
    draft,
    stored,
    base,
    changes: changesOf(draft, stored),
    rev: kept?.rev ?? slot.rev,
    change: (more) => {
      const mine = merged({ ...draft, ...more }, stored, base);
      keep(changesOf(mine, base).length === 0 ? null : { mine, base, rev: kept?.rev ?? slot.rev });
    },
    discard: () => keep(null),
    /** After somebody else changed the slot: mine again, on top of that. */
    rebase: () => keep({ mine: draft, base: stored, rev: slot.rev }),
  };
}
