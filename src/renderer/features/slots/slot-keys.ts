import type { KeyboardEvent } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Slot } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { lettersEnabled } from '../../data/preferences.ts';
import { copyText } from '../../parts/Copy.tsx';
import { t } from '../../strings/text.ts';

/** What the letters of a slot open: the same as its buttons. Null where there is nothing to open. */
function letterAction(letter: string, slot: Slot, mayLoad: boolean): (() => void) | null {
  const holds = slot.assigned_model_id !== null;
  switch (letter) {
    case 'o':
      return () => navigate(`/slots/${slot.id}/logs`);
    case 'e':
      return () => navigate(`/slots/${slot.id}/config`);
    case 'l':
      return mayLoad ? () => openDialog({ kind: 'load', slotId: slot.id }) : null;
    case 'u':
      return mayLoad && holds ? () => openDialog({ kind: 'unload', slotId: slot.id }) : null;
    case 'r':
      return mayLoad && holds ? () => openDialog({ kind: 'restart', slotId: slot.id }) : null;
    case 'c':
      return () => copyAndSay(slot.id);
    case 'C':
      return () => copyAndSay(`modelops slots show ${slot.id}`);
    default:
      return null;
  }
}

function copyAndSay(text: string): void {
  void copyText(text).then(() => toastDone(t('palette.copied', { command: text })));
}

/** Arrows walk the strips, letters act on the one in focus. @returns whether the key was taken */
export function stripKey(event: KeyboardEvent<HTMLLIElement>, slot: Slot, mayLoad: boolean): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const strip = event.currentTarget;
  const walk: Partial<Record<string, Element | null>> = {
    ArrowDown: strip.nextElementSibling,
    ArrowUp: strip.previousElementSibling,
    ...(lettersEnabled() ? { j: strip.nextElementSibling, k: strip.previousElementSibling } : {}),
  };
  const other = walk[event.key];
  if (other !== undefined) {
    if (other instanceof HTMLElement) other.focus();
    return true;
  }
  if (event.key === 'Enter') {
    navigate(`/slots/${slot.id}`);
    return true;
  }
  const act = lettersEnabled() ? letterAction(event.key, slot, mayLoad) : null;
  act?.();
  return act !== null;
}
