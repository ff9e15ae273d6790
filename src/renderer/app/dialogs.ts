import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';

/** The dialog that is open. Buttons, row menus, the palette and single letters all open the same one. */
export type Dialog =
  | { readonly kind: 'add-model' }
  | {
      readonly kind: 'model-action';
      readonly action: 'deactivate' | 'unregister' | 'delete';
      readonly modelId: string;
    }
  | { readonly kind: 'delete-family'; readonly name: string }
  | { readonly kind: 'replace-credential'; readonly modelId: string }
  | { readonly kind: 'load'; readonly modelId?: string; readonly slotId?: string }
  | { readonly kind: 'unload'; readonly slotId: string }
  | { readonly kind: 'restart'; readonly slotId: string }
  | { readonly kind: 'new-slot' }
  | { readonly kind: 'delete-slot'; readonly slotId: string }
  | { readonly kind: 'cancel-job'; readonly jobId: string }
  | { readonly kind: 'profile' }
  | { readonly kind: 'shortcuts' };

interface Opened {
  readonly dialog: Dialog | null;
}

export const dialogStore = createStore<Opened>(() => ({ dialog: null }));

export function openDialog(dialog: Dialog): void {
  dialogStore.setState({ dialog });
}

export function closeDialog(): void {
  dialogStore.setState({ dialog: null });
}

export function useDialog(): Dialog | null {
  return useStore(dialogStore, ({ dialog }) => dialog);
}
