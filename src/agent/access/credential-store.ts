import type { Credential, Probe, ProviderSlug } from '../../shared/contract/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { Database, Statement } from '../kernel/database/database.ts';

export interface CredentialRow {
  readonly id: string;
  readonly rev: number;
  readonly provider: ProviderSlug;
  readonly display_name: string;
  readonly credential_scope: 'personal' | 'platform';
  readonly owner_user_id: string;
  readonly owner_name: string;
  readonly api_base_url: string;
  readonly api_key_last4: string;
  /** JSON array of CIDR ranges. */
  readonly allowed_ranges: string;
  readonly version: number;
  /** JSON of a Probe, or null. */
  readonly last_probe: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly revoked_at: number | null;
  readonly model_count: number;
}

/** What a model page and the rules ask of a credential; read once for many models. */
export type CredentialSummary = Pick<
  CredentialRow,
  | 'id'
  | 'provider'
  | 'display_name'
  | 'credential_scope'
  | 'owner_user_id'
  | 'api_base_url'
  | 'api_key_last4'
  | 'version'
  | 'revoked_at'
>;

export interface CredentialChanges {
  readonly display_name?: string;
  readonly api_base_url?: string;
  readonly api_key_last4?: string;
  readonly allowed_ranges?: string;
  readonly version?: number;
  readonly revoked_at?: number;
}

const SELECT = `SELECT credentials.*, principals.name AS owner_name,
  (SELECT COUNT(*) FROM models WHERE credential_id = credentials.id AND lifecycle_state <> 'deleted') AS model_count
  FROM credentials JOIN principals ON principals.id = owner_user_id`;

/** The SQL of provider credentials. The secrets themselves lie in `Secrets`. */
export class CredentialStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #byId: Statement<CredentialRow>;
  readonly #summary: Statement<CredentialSummary>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#byId = database.prepare<CredentialRow>(`${SELECT} WHERE credentials.id = :id`);
    this.#summary = database.prepare<CredentialSummary>(
      `SELECT id, provider, display_name, credential_scope, owner_user_id, api_base_url, api_key_last4, version, revoked_at
       FROM credentials WHERE id = :id`,
    );
  }

  find(id: string): CredentialRow | undefined {
    return this.#byId.get({ id });
  }

  /** Without what has to be counted. */
  summary(id: string): CredentialSummary | undefined {
    return this.#summary.get({ id });
  }

  /** Newest first, keyset by id (UUIDv7 orders by time). `ownerId` null is everybody's. */
  list(
    filter: { ownerId: string | null; provider: ProviderSlug | null; revoked: boolean },
    beforeId: string | null,
    limit: number,
  ): CredentialRow[] {
    return this.#database
      .prepare<CredentialRow>(
        `${SELECT} WHERE (:ownerId IS NULL OR (owner_user_id = :ownerId AND credential_scope = 'personal'))
           AND (:provider IS NULL OR provider = :provider) AND (:revoked = 1 OR revoked_at IS NULL)
           AND (:before IS NULL OR credentials.id < :before) ORDER BY credentials.id DESC LIMIT :limit`,
      )
      .all({ ...filter, revoked: filter.revoked ? 1 : 0, before: beforeId, limit });
  }

  /** The credential in use that has this name already, if there is one. */
  named(ownerId: string, provider: ProviderSlug, displayName: string): { id: string } | undefined {
    return this.#database
      .prepare<{ id: string }>(
        `SELECT id FROM credentials WHERE owner_user_id = :ownerId AND provider = :provider AND display_name = :displayName
           AND revoked_at IS NULL`,
      )
      .get({ ownerId, provider, displayName });
  }

  insert(
    row: Pick<
      CredentialRow,
      | 'id'
      | 'provider'
      | 'display_name'
      | 'credential_scope'
      | 'owner_user_id'
      | 'api_base_url'
      | 'api_key_last4'
      | 'allowed_ranges'
    >,
  ): void {
    this.#database
      .prepare(
        `INSERT INTO credentials (id, provider, display_name, credential_scope, owner_user_id, api_base_url, api_key_last4,
           allowed_ranges, created_by, created_at, updated_at)
         VALUES (:id, :provider, :display_name, :credential_scope, :owner_user_id, :api_base_url, :api_key_last4,
           :allowed_ranges, :owner_user_id, :now, :now)`,
      )
      .run({ ...row, now: this.#clock.now() });
  }

  update(id: string, changes: CredentialChanges): void {
    const sets = [...Object.keys(changes).map((column) => `${column} = :${column}`), 'rev = rev + 1'];
    this.#database
      .prepare(`UPDATE credentials SET ${sets.join(', ')}, updated_at = :now WHERE id = :id`)
      .run({ ...changes, id, now: this.#clock.now() });
  }

  /** What the provider said last. An observation: it changes no rev, and may be lost with the last second. */
  saveProbe(id: string, probe: Probe): void {
    this.#database.transactLazily(() =>
      this.#database
        .prepare('UPDATE credentials SET last_probe = :probe WHERE id = :id')
        .run({ id, probe: JSON.stringify(probe) }),
    );
  }
}

export function toCredential(row: CredentialRow): Credential {
  return {
    id: row.id,
    rev: row.rev,
    provider: row.provider,
    display_name: row.display_name,
    credential_scope: row.credential_scope,
    owner_user_id: row.owner_user_id,
    owner_name: row.owner_name,
    api_base_url: row.api_base_url,
    api_key_last4: row.api_key_last4,
    allowed_ranges: rangesOf(row),
    is_active: row.revoked_at === null,
    version: row.version,
    model_count: row.model_count,
    last_probe: row.last_probe === null ? null : (JSON.parse(row.last_probe) as Probe),
    created_at: toIso(row.created_at),
    updated_at: toIso(row.updated_at),
    revoked_at: toIsoOrNull(row.revoked_at),
  };
}

export function rangesOf(row: Pick<CredentialRow, 'allowed_ranges'>): string[] {
  return JSON.parse(row.allowed_ranges) as string[];
}
