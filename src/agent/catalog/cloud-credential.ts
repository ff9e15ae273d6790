import { AppError, canonicalRemote, GLOBAL_MODEL_ID_PREFIX } from '../../shared/contract/index.ts';
import { maySee, type Credentials, type CredentialSummary, type Viewer } from '../access/index.ts';
import { sha256Hex } from '../kernel/ids.ts';
import type { ModelRow } from './model-row.ts';

/** The `global_model_id` of a model that a provider runs: its name there and the address (contract.md). Pure. */
export function remoteContentId(providerModelId: string, baseUrl: string): string {
  return GLOBAL_MODEL_ID_PREFIX + sha256Hex(canonicalRemote(providerModelId, baseUrl));
}

/**
 * The credential that a model of this owner may be called with: one of the platform for a platform model, the owner's
 * own one for a user's model, for the same provider.
 * @throws {AppError} `not_found` (also: invisible), `credential_unavailable`, `forbidden`, `invalid_argument`.
 */
export function credentialFor(
  credentials: Credentials,
  id: string,
  model: Pick<ModelRow, 'provider' | 'owner_type' | 'owner_user_id'>,
  caller: Viewer,
): CredentialSummary {
  const credential = credentials.summary(id);
  if (credential === null || !maySee(credential, caller))
    throw new AppError('not_found', `There is no credential ${id}.`, {
      details: { fields: ['credential_id'] },
    });
  if (credential.revoked_at !== null) {
    throw new AppError('credential_unavailable', 'This credential is revoked.', {
      hint: 'Choose one that is active.',
      details: { credential_id: id, fields: ['credential_id'] },
    });
  }
  if (credential.provider !== model.provider) {
    throw new AppError(
      'invalid_argument',
      `The credential is for ${credential.provider}, the model is at ${model.provider}.`,
      {
        hint: 'Choose a credential of the same provider.',
        details: {
          fields: ['credential_id'],
          credential_provider: credential.provider,
          model_provider: model.provider,
        },
      },
    );
  }
  assertOwnersFit(credential, model);
  return credential;
}

function assertOwnersFit(
  credential: CredentialSummary,
  model: Pick<ModelRow, 'owner_type' | 'owner_user_id'>,
): void {
  const scope = model.owner_type === 'platform' ? 'platform' : 'personal';
  if (credential.credential_scope !== scope) {
    throw new AppError(
      'invalid_argument',
      scope === 'platform'
        ? 'A model of the platform needs a credential of the platform.'
        : "A person's model needs a personal credential; credentials of the platform are for its own models.",
      { details: { fields: ['credential_id', 'owner_type'], credential_scope: credential.credential_scope } },
    );
  }
  if (scope === 'personal' && credential.owner_user_id !== model.owner_user_id) {
    throw new AppError('forbidden', 'A personal credential is used by models of its owner only.', {
      hint: 'Use a credential of your own.',
      details: { fields: ['credential_id'] },
    });
  }
}
