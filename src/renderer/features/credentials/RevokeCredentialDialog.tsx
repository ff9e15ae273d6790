import type { ReactNode } from 'react';
import type { Credential } from '../../../shared/contract/index.ts';
import { toastDone } from '../../app/toasts.ts';
import { credentialEffectsQuery, revokeCredential } from '../../data/credentials.ts';
import { useQuery } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Effects } from '../../parts/Effects.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { useModelsOf } from './use-models.ts';

/** Revoke a credential: which active models become inactive, by name. */
export function RevokeCredentialDialog({
  credential,
  onClose,
}: {
  readonly credential: Credential;
  readonly onClose: () => void;
}): ReactNode {
  const effects = useQuery(credentialEffectsQuery(credential.id));
  const active = useModelsOf(credential.id)?.filter((model) => model.lifecycle_state === 'active');
  const name = credential.display_name;
  return (
    <Confirm
      title={t('credentials.revokeTitle', { name, last4: credential.api_key_last4 })}
      keep={t('credentials.revokeKeep')}
      verb={t('credentials.revokeVerb', { count: active?.length ?? 0 })}
      busyVerb={t('credentials.revoking')}
      destroys
      reason={effects.data === undefined || active === undefined ? t('modelDialog.effectsPending') : null}
      onClose={onClose}
      onConfirm={async () => {
        const { affected_model_count: count } = await revokeCredential(credential.id);
        toastDone(t('credentials.revoked', { name, count }));
      }}
    >
      <Effects of={effects} />
      {active !== undefined && active.length > 0 && (
        <p>{t('credentials.revokeNames', { names: active.map(modelTitle).join(', ') })}</p>
      )}
    </Confirm>
  );
}
