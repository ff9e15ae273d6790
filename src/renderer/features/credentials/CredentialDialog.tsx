import type { ReactNode } from 'react';
import type { CredentialAsk } from '../../app/dialogs.ts';
import { credentialQuery } from '../../data/credentials.ts';
import { useQuery } from '../../data/queries.ts';
import { AddCredentialDialog } from './AddCredentialDialog.tsx';
import { EditCredentialDialog } from './EditCredentialDialog.tsx';
import { ReplaceSecretDialog } from './ReplaceSecretDialog.tsx';
import { RevokeCredentialDialog } from './RevokeCredentialDialog.tsx';

/** The dialogs about credentials. */
export default function CredentialDialog({
  ask,
  id,
  onClose,
}: {
  readonly ask: CredentialAsk;
  readonly id: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const { data: credential } = useQuery(id === null ? null : credentialQuery(id));
  if (ask === 'add') return <AddCredentialDialog onClose={onClose} />;
  if (credential === undefined) return null;
  const About = {
    edit: EditCredentialDialog,
    replace: ReplaceSecretDialog,
    revoke: RevokeCredentialDialog,
  }[ask];
  return <About credential={credential} onClose={onClose} />;
}
