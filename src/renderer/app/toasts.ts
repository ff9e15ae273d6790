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
}

const SUCCESS_MS = 4000;
const MOST = 4;
let lastId = 0;

const toastStore = createStore<{ readonly toasts: readonly Toast[] }>(() => ({ toasts: [] }));

/** A success: said politely, gone after four seconds. */
export function toastDone(sentence: string, link: Toast['link'] = null): void {
  const id = add({ tone: 'done', sentence, hint: null, link, error: null });
  setTimeout(() => dismissToast(id), SUCCESS_MS);
}

/** A refusal: stays until somebody has read it. */
export function toastError(error: AppError, link: Toast['link'] = null): void {
  add({ tone: 'error', sentence: error.message, hint: error.hint, link, error });
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
