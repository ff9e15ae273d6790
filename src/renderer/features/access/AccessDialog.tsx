import type { ReactNode } from 'react';
import type { AccessAsk } from '../../app/dialogs.ts';
import { AddGroupDialog, DeleteGroupDialog, EditGroupDialog } from './GroupDialogs.tsx';
import { EditKeyDialog, NewKeyDialog, RevokeKeyDialog, RotateKeyDialog } from './KeyDialogs.tsx';
import {
  AddPrincipalDialog,
  DisablePrincipalDialog,
  EditPrincipalDialog,
  RemovePrincipalDialog,
} from './PrincipalDialogs.tsx';

/** The dialogs about people, groups and keys. */
export default function AccessDialog({
  ask,
  id,
  onClose,
}: {
  readonly ask: AccessAsk;
  readonly id: string | null;
  readonly onClose: () => void;
}): ReactNode {
  if (ask === 'add-principal') return <AddPrincipalDialog onClose={onClose} />;
  if (ask === 'add-group') return <AddGroupDialog onClose={onClose} />;
  if (ask === 'new-key') return <NewKeyDialog ownerId={id} onClose={onClose} />;
  if (id === null) return null;
  const About = {
    'edit-principal': EditPrincipalDialog,
    'disable-principal': DisablePrincipalDialog,
    'remove-principal': RemovePrincipalDialog,
    'edit-group': EditGroupDialog,
    'delete-group': DeleteGroupDialog,
    'edit-key': EditKeyDialog,
    'rotate-key': RotateKeyDialog,
    'revoke-key': RevokeKeyDialog,
  }[ask];
  return <About id={id} onClose={onClose} />;
}
