import { AppError, type Credential, type Probe, type ProviderSlug } from '../../shared/contract/index.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Secrets } from '../kernel/secrets.ts';
import {
  rangesOf,
  toCredential,
  type CredentialRow,
  type CredentialStore,
  type CredentialSummary,
} from './credential-store.ts';
import type { Viewer } from './visibility.ts';

/** Who uses a credential: what access asks of the catalogue, which lies above it. Composition fills it. */
export interface CredentialUse {
  /** Managed models that use it, in any state but deleted. */
  modelsOf(credentialId: string): readonly string[];
  /** Inside the transaction of a revocation: what used it ends. @returns the models that were concerned. */
  revoked(unit: UnitOfWork, credentialId: string, actorId: string): readonly string[];
  /** Inside the transaction of a change: what was proved with the old secret holds no longer. */
  changed(unit: UnitOfWork, credentialId: string, actorId: string): void;
}

/** What providers say about addresses, as access needs it; the adapters know. */
export interface AddressRules {
  /** The base address as it is kept. @throws {AppError} `invalid_argument`. */
  baseUrl(provider: ProviderSlug, given: string | undefined): string;
  /** @throws {AppError} `invalid_argument` for what is no private CIDR range. */
  assertRanges(ranges: readonly string[]): void;
}

/** Whom to call at a provider, and as whom. */
export interface Account {
  readonly credentialId: string;
  readonly provider: ProviderSlug;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly allowedRanges: readonly string[];
}

export interface NewCredential {
  readonly provider: ProviderSlug;
  readonly display_name: string;
  readonly credential_scope: 'personal' | 'platform';
  readonly api_base_url?: string | undefined;
  readonly api_key: string;
  readonly allowed_ranges?: readonly string[] | undefined;
}

export interface CredentialPatch {
  readonly display_name?: string | undefined;
  readonly api_key?: string | undefined;
  readonly api_base_url?: string | undefined;
  readonly allowed_ranges?: readonly string[] | undefined;
}

interface Deps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly store: CredentialStore;
  readonly secrets: Secrets;
  readonly use: CredentialUse;
  readonly addresses: AddressRules;
}

/**
 * Credentials of providers. The secret lies encrypted in `Secrets`, leaves only as an `Account` for one call, and is
 * erased when the credential is revoked. A person sees his own, a superadmin all of them.
 */
export class Credentials {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** @throws {AppError} `forbidden`, `already_exists`, `secrets_locked`, `invalid_argument`. */
  async create(wanted: NewCredential, caller: Viewer): Promise<Credential> {
    const { database, journal, store, secrets, addresses } = this.#deps;
    if (wanted.credential_scope === 'platform' && caller.role !== 'superadmin') {
      throw new AppError('forbidden', 'Only a superadmin keeps credentials of the platform.', {
        hint: 'Keep it as a personal credential, or ask a superadmin.',
      });
    }
    const ranges = this.#allowedRanges(wanted.allowed_ranges, caller) ?? [];
    const baseUrl = addresses.baseUrl(wanted.provider, wanted.api_base_url);
    const apiKey = usableKey(wanted.api_key);
    const id = newId();
    await database.transact((unit) => {
      this.#assertNameFree(caller.principalId, wanted.provider, wanted.display_name);
      store.insert({
        id,
        provider: wanted.provider,
        display_name: wanted.display_name,
        credential_scope: wanted.credential_scope,
        owner_user_id: caller.principalId,
        api_base_url: baseUrl,
        api_key_last4: lastCharacters(apiKey),
        allowed_ranges: JSON.stringify(ranges),
      });
      secrets.put(secretName(id), apiKey);
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'credential.created',
        subject: `credential:${id}`,
        data: { provider: wanted.provider, credential_scope: wanted.credential_scope },
      });
    });
    return this.get(id, caller);
  }

  /** @throws {AppError} `not_found`, for one the caller may not see as well. */
  visible(id: string, caller: Viewer): CredentialRow {
    const row = this.#deps.store.find(id);
    if (row === undefined || !maySee(row, caller))
      throw new AppError('not_found', `There is no credential ${id}.`);
    return row;
  }

  /** As it is shown to a caller. @throws {AppError} `not_found`. */
  get(id: string, caller: Viewer): Credential {
    return toCredential(this.visible(id, caller));
  }

  /** A credential whoever asks, for the rules and views of models; null when there is none. */
  summary(id: string): CredentialSummary | null {
    return this.#deps.store.summary(id) ?? null;
  }

  list(
    caller: Viewer,
    filter: { provider: ProviderSlug | null; revoked: boolean },
    beforeId: string | null,
    limit: number,
  ): Credential[] {
    const ownerId = caller.role === 'superadmin' ? null : caller.principalId;
    return this.#deps.store.list({ ...filter, ownerId }, beforeId, limit).map(toCredential);
  }

  /**
   * Changes the name, or what is sent to whom. A new secret or address makes stale what was validated with the old one.
   * @throws {AppError} `not_found`, `conflict`, `credential_unavailable`, `already_exists`, `forbidden`, `secrets_locked`.
   */
  async patch(id: string, patch: CredentialPatch, ifMatch: number, caller: Viewer): Promise<Credential> {
    const { database, journal, store, secrets, use, addresses } = this.#deps;
    const ranges = this.#allowedRanges(patch.allowed_ranges, caller);
    const apiKey = patch.api_key === undefined ? undefined : usableKey(patch.api_key);
    await database.transact((unit) => {
      const row = this.visible(id, caller);
      if (row.rev !== ifMatch) {
        throw new AppError(
          'conflict',
          `The credential was changed since you read it (rev ${ifMatch}, now ${row.rev}). Your change was not made.`,
          { details: { rev: row.rev } },
        );
      }
      assertInUse(row);
      if (patch.display_name !== undefined && patch.display_name !== row.display_name)
        this.#assertNameFree(row.owner_user_id, row.provider, patch.display_name);
      const baseUrl =
        patch.api_base_url === undefined
          ? row.api_base_url
          : addresses.baseUrl(row.provider, patch.api_base_url);
      const moved = baseUrl !== row.api_base_url;
      const changed = apiKey !== undefined || moved;
      // Private addresses were opened for the old address; whoever may not open them does not take them along.
      const kept = moved && caller.role !== 'superadmin' ? [] : undefined;
      const newRanges = ranges ?? kept;
      store.update(id, {
        ...(patch.display_name === undefined ? {} : { display_name: patch.display_name }),
        ...(newRanges === undefined ? {} : { allowed_ranges: JSON.stringify(newRanges) }),
        ...(apiKey === undefined ? {} : { api_key_last4: lastCharacters(apiKey) }),
        ...(changed ? { api_base_url: baseUrl, version: row.version + 1 } : {}),
      });
      if (apiKey !== undefined) secrets.put(secretName(id), apiKey);
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'credential.changed',
        subject: `credential:${id}`,
        data: { fields: Object.keys(patch).toSorted(), version: row.version + (changed ? 1 : 0) },
      });
      if (changed) use.changed(unit, id, caller.principalId);
    });
    return this.get(id, caller);
  }

  /**
   * Ends a credential: its secret is erased, what used it ends, in one transaction.
   * @throws {AppError} `not_found`, `credential_unavailable` when it is revoked already.
   */
  async revoke(id: string, caller: Viewer): Promise<{ credential: Credential; models: readonly string[] }> {
    const { database, journal, store, secrets, use, clock } = this.#deps;
    const models = await database.transact((unit) => {
      const row = this.visible(id, caller);
      assertInUse(row);
      // The version counts as well, so that no test made with it can be taken as a validation later.
      store.update(id, { revoked_at: clock.now(), version: row.version + 1 });
      secrets.remove(secretName(id));
      const concerned = use.revoked(unit, id, caller.principalId);
      journal.append(unit, {
        actorId: caller.principalId,
        action: 'credential.revoked',
        subject: `credential:${id}`,
        data: { model_ids: [...concerned] },
      });
      return concerned;
    });
    return { credential: this.get(id, caller), models };
  }

  /** Managed models that use it. */
  modelsOf(id: string): readonly string[] {
    return this.#deps.use.modelsOf(id);
  }

  /**
   * What a call needs. The caller's right to use it was asked when the model was made.
   * @throws {AppError} `credential_unavailable`, `secrets_locked`.
   */
  account(id: string): Account {
    const row = this.#deps.store.find(id);
    const apiKey =
      row === undefined || row.revoked_at !== null ? null : this.#deps.secrets.get(secretName(id));
    if (row === undefined || apiKey === null) {
      throw new AppError('credential_unavailable', 'The credential is revoked or was never here.', {
        details: { credential_id: id },
      });
    }
    return {
      credentialId: id,
      provider: row.provider,
      baseUrl: row.api_base_url,
      apiKey,
      allowedRanges: rangesOf(row),
    };
  }

  /** An account out of a request, for asking a provider before anything is kept. @throws {AppError} `forbidden`. */
  unkeptAccount(
    wanted: Pick<NewCredential, 'provider' | 'api_base_url' | 'api_key' | 'allowed_ranges'>,
    caller: Viewer,
  ): Account {
    return {
      credentialId: '',
      provider: wanted.provider,
      baseUrl: this.#deps.addresses.baseUrl(wanted.provider, wanted.api_base_url),
      apiKey: usableKey(wanted.api_key),
      allowedRanges: this.#allowedRanges(wanted.allowed_ranges, caller) ?? [],
    };
  }

  saveProbe(id: string, probe: Probe): void {
    this.#deps.store.saveProbe(id, probe);
  }

  /** A call found out that the provider does not take it; its page says so without anybody probing. */
  reportRefused(id: string, statusCode: number): void {
    if (id === '') return;
    this.saveProbe(id, {
      ok: false,
      status_code: statusCode,
      message: `The provider refused the credential (${statusCode}).`,
      latency_ms: null,
      model_count: null,
      at: toIso(this.#deps.clock.now()),
    });
  }

  /** @throws {AppError} `forbidden`: private ranges are opened by a superadmin only. */
  #allowedRanges(ranges: readonly string[] | undefined, caller: Viewer): readonly string[] | undefined {
    if (ranges === undefined) return undefined;
    if (ranges.length > 0 && caller.role !== 'superadmin') {
      throw new AppError('forbidden', 'Only a superadmin opens private addresses to a credential.', {
        hint: 'Leave allowed_ranges out, or ask a superadmin to set them.',
        details: { fields: ['allowed_ranges'] },
      });
    }
    this.#deps.addresses.assertRanges(ranges);
    return ranges;
  }

  #assertNameFree(ownerId: string, provider: ProviderSlug, displayName: string): void {
    if (this.#deps.store.named(ownerId, provider, displayName) === undefined) return;
    throw new AppError('already_exists', `A credential for ${provider} has this name already.`, {
      hint: 'Choose another name, or revoke that credential first.',
      details: { fields: ['display_name'] },
    });
  }
}

/** Platform credentials are the superadmins'; a personal one is its owner's, and superadmins look after it. */
export function maySee(
  row: Pick<CredentialRow, 'credential_scope' | 'owner_user_id'>,
  caller: Viewer,
): boolean {
  if (caller.role === 'superadmin') return true;
  return row.credential_scope === 'personal' && row.owner_user_id === caller.principalId;
}

function assertInUse(row: CredentialRow): void {
  if (row.revoked_at === null) return;
  throw new AppError('credential_unavailable', 'This credential is revoked; its secret is gone.', {
    hint: 'Keep a new credential, and give it to the models that should go on.',
    details: { credential_id: row.id },
  });
}

/** What is shown of a key: its last four characters; of one shorter than 12 at most a quarter. Pure. */
function lastCharacters(apiKey: string): string {
  const shown = apiKey.length < 12 ? Math.floor(apiKey.length / 4) : 4;
  return shown === 0 ? '' : apiKey.slice(-shown);
}

/** Without the line break of whoever pasted it. It goes into a header, so nothing else may break a line. */
function usableKey(given: string): string {
  const key = given.trim();
  if (key !== '' && /^[\x21-\x7e]+$/.test(key)) return key;
  throw new AppError('invalid_argument', 'The key is empty, or has characters that no provider gives out.', {
    hint: 'Copy it again; it is one word without spaces.',
    details: { fields: ['api_key'] },
  });
}

function secretName(id: string): string {
  return `credential:${id}`;
}
