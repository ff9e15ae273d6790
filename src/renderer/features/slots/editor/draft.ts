import { useCallback, useState } from 'react';
import type { Slot } from '../../../../shared/contract/index.ts';
import { textsOf, type Texts } from './settings.ts';

/** What somebody wants of a slot and has not saved. It outlives a reload and leaving the page, in this tab. */

export interface Draft {
  readonly texts: Texts;
  readonly modelId: string | null;
  readonly gpuIds: readonly string[];
}

interface Kept extends Draft {
  /** The revision of the slot that it was begun on. */
  readonly rev: number;
}

const keyOf = (slotId: string): string => `modelops.slot-draft.${slotId}`;

/** A slot as it is, in the shape of a draft. Pure. */
export function draftOfSlot(slot: Slot): Draft {
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

/** The draft of a slot: its own state while nothing is changed, then what was typed, on the revision it began on. */
export function useDraft(slot: Slot): {
  readonly draft: Draft;
  readonly stored: Draft;
  readonly changes: readonly string[];
  readonly rev: number;
  readonly change: (more: Partial<Draft>) => void;
  readonly discard: () => void;
  readonly rebase: () => void;
} {
  const [kept, setKept] = useState<Kept | null>(() => read(slot.id));
  const stored = draftOfSlot(slot);
  const draft = kept ?? stored;
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
    changes: changesOf(draft, stored),
    rev: kept?.rev ?? slot.rev,
    change: (more) => {
      const next = { rev: kept?.rev ?? slot.rev, ...draft, ...more };
      keep(changesOf(next, stored).length === 0 ? null : next);
    },
    discard: () => keep(null),
    /** After somebody else changed the slot: mine again, on top of that. */
    rebase: () => keep({ ...draft, rev: slot.rev }),
  };
}
