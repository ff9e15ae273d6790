import type { KeyboardEvent } from 'react';
import { lettersEnabled } from '../data/preferences.ts';

/** What the keys of a list do with the row in focus. */
export interface TableKeys {
  readonly count: number;
  /** Rows a page key moves by. */
  readonly page: number;
  moveTo(index: number): void;
  /** Null where rows cannot be selected. */
  readonly select: {
    toggle(index: number): void;
    extend(from: number, to: number): void;
    all(): void;
    /** @returns whether there was a selection */
    clear(): boolean;
  } | null;
  open(index: number): void;
  /** @returns whether the row can be folded that way */
  fold(index: number, open: boolean): boolean;
  peek(index: number): boolean;
  menu(index: number): boolean;
  copy(index: number, form: 'id' | 'cli'): boolean;
  letter(letter: string, index: number): boolean;
}

/** Takes a key of a list. @returns whether it was one of its keys */
export function takeTableKey(event: KeyboardEvent, index: number, keys: TableKeys): boolean {
  const modified = event.altKey || event.ctrlKey || event.metaKey;
  if (modified) return takeModified(event, keys);
  return takeMove(event, index, keys) || takeNamed(event, index, keys) || takeLetter(event, index, keys);
}

function takeModified(event: KeyboardEvent, { select }: TableKeys): boolean {
  if (event.altKey || event.key.toLowerCase() !== 'a' || select === null) return false;
  select.all();
  return true;
}

function takeMove(event: KeyboardEvent, index: number, keys: TableKeys): boolean {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: keys.page, PageUp: -keys.page }[event.key];
  const letter = lettersEnabled() ? { j: 1, k: -1 }[event.key] : undefined;
  const by = step ?? letter;
  if (by === undefined) return false;
  const target = Math.max(0, Math.min(keys.count - 1, index + by));
  if (event.shiftKey && step !== undefined) keys.select?.extend(index, target);
  keys.moveTo(target);
  return true;
}

function takeNamed(event: KeyboardEvent, index: number, keys: TableKeys): boolean {
  switch (event.key) {
    case 'Home':
      keys.moveTo(0);
      return true;
    case 'End':
      keys.moveTo(keys.count - 1);
      return true;
    case 'Enter':
      keys.open(index);
      return true;
    case ' ':
      return keys.peek(index);
    case 'ArrowRight':
      return keys.fold(index, true);
    case 'ArrowLeft':
      return keys.fold(index, false);
    case 'Escape':
      return keys.select?.clear() ?? false;
    case 'ContextMenu':
      return keys.menu(index);
    default:
      return false;
  }
}

function takeLetter(event: KeyboardEvent, index: number, keys: TableKeys): boolean {
  if (!lettersEnabled()) return false;
  switch (event.key) {
    case 'x':
      keys.select?.toggle(index);
      return keys.select !== null;
    case '.':
      return keys.menu(index);
    case 'c':
      return keys.copy(index, 'id');
    case 'C':
      return keys.copy(index, 'cli');
    default:
      return keys.letter(event.key.toLowerCase(), index);
  }
}
