import { useEffect } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { desktop } from '../data/desktop.ts';
import { lettersEnabled } from '../data/preferences.ts';
import { dialogStore, openDialog } from './dialogs.ts';
import { PLACES } from './places.ts';
import { focusNextRegion } from './regions.ts';
import { foldSidebar, layerStore, toggleLayer } from './layers.ts';

const CHORD_MS = 1200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest('input, textarea, select, [role="combobox"]') !== null)
  );
}

/** Layers and chords: with a modifier, so they work while somebody types. @returns whether the key was taken */
function withModifier(event: KeyboardEvent): boolean {
  const bare = !event.altKey && !event.shiftKey;
  if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && bare) {
    toggleLayer('palette');
    return true;
  }
  if (isCovered()) return false;
  if (event.altKey && event.code === 'KeyJ') {
    toggleLayer('jobs');
    return true;
  }
  // In a browser it is the browser's.
  if (desktop !== null && event.key === 'F6' && !event.ctrlKey && !event.metaKey && !event.altKey) {
    focusNextRegion(event.shiftKey);
    return true;
  }
  if (event.ctrlKey && event.key === '\\') {
    foldSidebar();
    return true;
  }
  return false;
}

function isCovered(): boolean {
  return dialogStore.getState().dialog !== null || layerStore.getState().palette;
}

/** Single keys. @returns whether the key was taken */
function single(event: KeyboardEvent): boolean {
  if (event.key === '?') {
    openDialog({ kind: 'shortcuts' });
    return true;
  }
  if (event.key !== '/') return false;
  const filter = document.querySelector<HTMLInputElement>('[data-filter]');
  filter?.focus();
  filter?.select();
  return filter !== null;
}

/** Chords and keys that work everywhere. Those of lists, logs and objects live with them. */
export function useGlobalKeys(): void {
  useEffect(() => {
    let chordUntil = 0;
    const chord = (event: KeyboardEvent): boolean => {
      const place = PLACES.find((one) => one.chord === event.key.toLowerCase());
      if (place !== undefined) navigate(place.path);
      return place !== undefined;
    };
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented) return;
      if (withModifier(event)) {
        event.preventDefault();
        return;
      }
      if (isCovered() || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const inChord = performance.now() < chordUntil;
      chordUntil = 0;
      if (inChord ? chord(event) : single(event)) event.preventDefault();
      else if (event.key === 'g' && lettersEnabled()) chordUntil = performance.now() + CHORD_MS;
    };
    // After the lists and logs, which stop what they take.
    globalThis.addEventListener('keydown', onKeyDown);
    return () => globalThis.removeEventListener('keydown', onKeyDown);
  }, []);
}
