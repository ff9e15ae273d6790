import type { ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { CREDENTIAL_GLYPHS, credentialState } from './words.ts';

/** How a credential stands: its provider took it, did not, was not asked, or it was revoked. */
export function CredentialMark({ credential }: { readonly credential: Credential }): ReactNode {
  const state = credentialState(credential);
  return (
    <StateMark axis="check" state={CREDENTIAL_GLYPHS[state]} size={12} plain={state !== 'fails'}>
      {t(`credentials.state.${state}`)}
    </StateMark>
  );
}
