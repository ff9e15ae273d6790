import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { AppError } from '../../shared/contract/index.ts';

/** Receipts for things without a place of their own. The truth about what runs is in the jobs tray. */
export interface Toast {
  readonly id: number;
  readonly tone: 'done' | 'error';
  readonly sentence: string;
  readonly hint: string | null;
  /** Where it leads. */
  readonly link: { readonly label: string; readonly to: string } | null;
  readonly error: AppError | null;
  /** Takes it back, while the toast is there. */
  readonly undo: (() => void) | null;
}

const SUCCESS_MS = 4000;
const UNDO_MS = 10_000;
const MOST = 4;
let lastId = 0;

const toastStore = createStore<{ readonly toasts: readonly Toast[] }>(() => ({ toasts: [] }));

/** A success: said politely, gone after four seconds. */
export function toastDone(sentence: string, link: Toast['link'] = null): void {
  const id = add({ tone: 'done', sentence, hint: null, link, error: null, undo: null });
  setTimeout(() => dismissToast(id), SUCCESS_MS);
}

/** A change that can be taken back for ten seconds, which is a change of its own. */
export function toastUndo(sentence: string, undo: () => void): void {
  const id = add({ tone: 'done', sentence, hint: null, link: null, error: null, undo });
  setTimeout(() => dismissToast(id), UNDO_MS);
}

/** Takes the newest change back that still can be. @returns whether there was one */
export function undoNewest(): boolean {
  const toast = toastStore.getState().toasts.findLast(({ undo }) => undo !== null);
  if (toast === undefined) return false;
  dismissToast(toast.id);
  toast.undo?.();
  return true;
}

/** A refusal: stays until somebody has read it. */
export function toastError(error: AppError, link: Toast['link'] = null): void {
  add({ tone: 'error', sentence: error.message, hint: error.hint, link, error, undo: null });
}

export function dismissToast(id: number): void {
  toastStore.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}

function add(toast: Omit<Toast, 'id'>): number {
  lastId += 1;
  const id = lastId;
  toastStore.setState(({ toasts }) => ({ toasts: [...toasts, { ...toast, id }].slice(-MOST) }));
  return id;
}

export function useToasts(): readonly Toast[] {
  return useStore(toastStore, ({ toasts }) => toasts);
}
