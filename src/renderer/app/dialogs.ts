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
  | { readonly kind: 'benchmark'; readonly slotId: string }
  | { readonly kind: 'new-slot'; readonly proposal?: SlotProposal }
  | { readonly kind: 'delete-slot'; readonly slotId: string }
  | { readonly kind: 'cancel-job'; readonly jobId: string }
  | { readonly kind: 'switch-profile'; readonly to: 'online' | 'offline' }
  | { readonly kind: 'access'; readonly ask: AccessAsk; readonly id: string | null }
  | { readonly kind: 'credential'; readonly ask: CredentialAsk; readonly id: string | null }
  | { readonly kind: 'images'; readonly ask: ImagesAsk; readonly reference: string | null }
  | { readonly kind: 'shortcuts' };

/** What a new slot begins with. */
export interface SlotProposal {
  readonly runtime_spec: string;
  readonly gpu_ids: readonly string[];
}

/** Dialogs about people, groups and keys. `id` is of the object; of a new key, that of its owner. */
export type AccessAsk =
  | 'add-principal'
  | 'edit-principal'
  | 'disable-principal'
  | 'remove-principal'
  | 'add-group'
  | 'edit-group'
  | 'delete-group'
  | 'new-key'
  | 'edit-key'
  | 'rotate-key'
  | 'revoke-key';

/** `reference` is that of the image it is about; null where a person names it. */
export type ImagesAsk = 'pull' | 'import' | 'export' | 'prune';

export type CredentialAsk = 'add' | 'edit' | 'replace' | 'revoke';

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
