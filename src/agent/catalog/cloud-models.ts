import { AppError, type ADD_CLOUD_MODEL } from '../../shared/contract/index.ts';
import type { z } from 'zod';
import { INITIAL_STATE } from '../../shared/lifecycle/index.ts';
import type { Credentials, CredentialUse, Viewer } from '../access/index.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import type { Journal } from '../kernel/journal.ts';
import { assertCategory } from './category.ts';
import { credentialFor, remoteContentId } from './cloud-credential.ts';
import type { ModelLifecycle } from './lifecycle.ts';
import type { ModelRow } from './model-row.ts';
import type { ModelStore } from './model-store.ts';
import { nameTaken, nextFreeId, type VersionStore } from './version-store.ts';

export type CloudRequest = z.output<(typeof ADD_CLOUD_MODEL)['body']>;

type Owner = Pick<ModelRow, 'owner_type' | 'owner_user_id' | 'visibility_scope'>;

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly models: ModelStore;
  readonly versions: VersionStore;
  readonly lifecycle: ModelLifecycle;
  readonly credentials: Credentials;
}

/** Models that a provider runs: how they come into the catalogue, and what their credentials do to them. */
export class CloudModels implements CredentialUse {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Takes a model of a provider under management; it starts registered. The same name, content and owner again is a
   * success that changes nothing.
   * @throws {AppError} `forbidden`, `not_found`, `credential_unavailable`, `invalid_argument`, `already_exists`.
   */
  async add(request: CloudRequest, caller: Viewer): Promise<{ modelId: string; alreadyPresent: boolean }> {
    assertCategory(request.task_key, request.category);
    const { database, journal, models, versions, credentials } = this.#deps;
    return database.transact((unit) => {
      const owner = this.#ownerOf(request, caller);
      const credential = credentialFor(
        credentials,
        request.credential_id,
        { ...owner, provider: request.provider },
        caller,
      );
      const contentId = remoteContentId(request.provider_model_id, credential.api_base_url);
      const present = models.findByContent(request.name, contentId);
      if (present !== undefined) {
        if (present.owner_user_id !== owner.owner_user_id) throw nameTaken(request.name);
        return { modelId: present.id, alreadyPresent: true };
      }
      const family = versions.ensureFamily(request.name, request.task_key, owner.owner_user_id);
      const version =
        versions.byContent(family.id, contentId) ??
        versions.publish(family, {
          contentId,
          label: null,
          facts: null,
          source: 'provider',
          sourceId: request.provider_model_id,
          sizeBytes: 0,
          files: [],
        });
      const id =
        request.id ?? nextFreeId(request.name, version.seq, (candidate) => models.idTaken(candidate));
      if (models.idTaken(id)) throw this.#idTaken(request.name, id);
      models.insert({
        id,
        version_id: version.id,
        name: request.name,
        seq: version.seq,
        task_key: request.task_key,
        provider: request.provider,
        lifecycle_state: INITIAL_STATE.cloud,
        artifact_status: 'absent',
        is_sample: 0,
        description: request.description ?? '',
        cloud: {
          ...owner,
          hosting: 'cloud',
          credential_id: credential.id,
          provider_model_id: request.provider_model_id,
        },
      });
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'model.created',
        subject: `model:${id}`,
        data: {
          content_id: contentId,
          seq: version.seq,
          source: 'provider',
          credential_id: credential.id,
          owner_type: owner.owner_type,
        },
      });
      return { modelId: id, alreadyPresent: false };
    });
  }

  /** Which managed models a viewer sees stand for models of a provider, by their names there. */
  managedIds(
    providerModelIds: readonly string[],
    baseUrl: string,
    viewer: Viewer,
  ): (providerModelId: string) => string[] {
    const contentIds = providerModelIds.map((id) => remoteContentId(id, baseUrl));
    const found = this.#deps.models.idsByContent(contentIds, viewer);
    return (providerModelId) => found.get(remoteContentId(providerModelId, baseUrl)) ?? [];
  }

  modelsOf(credentialId: string): string[] {
    return this.#deps.models.idsOfCredential(credentialId);
  }

  revoked(unit: UnitOfWork, credentialId: string, actorId: string): string[] {
    return this.#makeStale(unit, credentialId, 'credential_revoked', actorId);
  }

  changed(unit: UnitOfWork, credentialId: string, actorId: string): void {
    this.#makeStale(unit, credentialId, 'credential_changed', actorId);
  }

  #makeStale(unit: UnitOfWork, credentialId: string, reason: string, actorId: string): string[] {
    const { models, lifecycle } = this.#deps;
    const ids = models.idsOfCredential(credentialId);
    for (const id of ids) lifecycle.markStale(unit, models.get(id), reason, actorId);
    return ids;
  }

  /** Said in the request, else it follows from whose credential it is. @throws {AppError} `forbidden`. */
  #ownerOf(request: CloudRequest, caller: Viewer): Owner {
    const { credentials } = this.#deps;
    const scope = credentials.summary(request.credential_id)?.credential_scope;
    const byDefault = caller.role === 'superadmin' && scope === 'platform' ? 'platform' : 'user';
    if ((request.owner_type ?? byDefault) === 'user')
      return { owner_type: 'user', owner_user_id: caller.principalId, visibility_scope: 'private' };
    if (caller.role !== 'superadmin') {
      throw new AppError('forbidden', 'Only a superadmin adds models of the platform.', {
        hint: 'Leave owner_type out; the model is your own then.',
        details: { fields: ['owner_type'] },
      });
    }
    return { owner_type: 'platform', owner_user_id: null, visibility_scope: 'platform' };
  }

  #idTaken(name: string, id: string): AppError {
    const free = nextFreeId(name, 1, (candidate) => this.#deps.models.idTaken(candidate));
    return new AppError('already_exists', `The id ${id} is taken.`, {
      hint: `Use ${free}, or leave the id out.`,
      details: { id, next_free_id: free },
    });
  }
}
