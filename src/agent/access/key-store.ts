import type { Key, KeyScope } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Database } from '../kernel/database/database.ts';

export type KeyKind = Key['kind'];

export interface KeyRow {
  readonly id: string;
  readonly principal_id: string;
  readonly principal_name: string;
  readonly kind: KeyKind;
  readonly name: string;
  readonly role: Role;
  readonly hash: Buffer;
  readonly last4: string;
  readonly created_at: number;
  readonly created_by: string | null;
  readonly expires_at: number | null;
  readonly idle_ms: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly expired_at: number | null;
  /** JSON array; null is all of them. */
  readonly scopes: string | null;
  readonly rate_limit_per_minute: number | null;
  readonly daily_token_budget: number | null;
  readonly replaced_by: string | null;
  readonly limits_of: string | null;
  readonly opened_by: string | null;
}

export type NewKeyRow = Omit<
  KeyRow,
  'principal_name' | 'last_used_at' | 'revoked_at' | 'expired_at' | 'replaced_by'
>;

/** What a superadmin changes of a key. */
export interface KeyChanges {
  readonly scopes?: readonly KeyScope[] | undefined;
  readonly expires_at?: number | null | undefined;
  readonly rate_limit_per_minute?: number | null | undefined;
  readonly daily_token_budget?: number | null | undefined;
}

const SELECT = `SELECT api_keys.*, principals.name AS principal_name FROM api_keys JOIN principals ON principals.id = principal_id`;

/** The SQL of keys. They are kept as SHA-256 of 256 random bits, never in the clear. */
export class KeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every key that is not revoked, less the sessions that ended before `endedBefore`; few enough to keep in memory. */
  usable(endedBefore: number): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(
        `${SELECT} WHERE revoked_at IS NULL AND (api_keys.kind <> 'session' OR expired_at IS NULL OR expired_at > :endedBefore)`,
      )
      .all({ endedBefore });
  }

  get(id: string): KeyRow | undefined {
    return this.#database.prepare<KeyRow>(`${SELECT} WHERE api_keys.id = :id`).get({ id });
  }

  nameTaken(name: string): boolean {
    return (
      this.#database
        .prepare(
          `SELECT 1 FROM api_keys WHERE name = :name AND revoked_at IS NULL AND replaced_by IS NULL AND kind <> 'session'`,
        )
        .get({ name }) !== undefined
    );
  }

  /** Newest first, keyset by id (UUIDv7 orders by time). */
  list(limit: number, beforeId: string | null, principalId: string | null): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(
        `${SELECT} WHERE (:before IS NULL OR api_keys.id < :before) AND (:principal IS NULL OR principal_id = :principal)
         ORDER BY api_keys.id DESC LIMIT :limit`,
      )
      .all({ before: beforeId, limit, principal: principalId });
  }

  ofPrincipal(principalId: string): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(`${SELECT} WHERE principal_id = :principalId AND revoked_at IS NULL`)
      .all({ principalId });
  }

  /** Sessions that were opened with a key and are not revoked. */
  openedBy(id: string): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(`${SELECT} WHERE opened_by = :id AND revoked_at IS NULL`)
      .all({ id });
  }

  /** Ids of the keys that share limits with a key, itself first; `root` is its `limits_of`, or else its own id. */
  sharing(root: string): string[] {
    return this.#database
      .prepare<{ id: string }>('SELECT id FROM api_keys WHERE id = :root OR limits_of = :root ORDER BY id')
      .all({ root })
      .map((row) => row.id);
  }

  insert(row: NewKeyRow): void {
    this.#database
      .prepare(
        `INSERT INTO api_keys (id, principal_id, kind, name, role, hash, last4, created_at, created_by, expires_at, idle_ms, scopes,
           rate_limit_per_minute, daily_token_budget, limits_of, opened_by)
         VALUES (:id, :principal_id, :kind, :name, :role, :hash, :last4, :created_at, :created_by, :expires_at, :idle_ms, :scopes,
           :rate_limit_per_minute, :daily_token_budget, :limits_of, :opened_by)`,
      )
      .run({ ...row });
  }

  /** Scopes and end of one key. A new end is a new life: an expiry that was seen before is forgotten. */
  setRights(id: string, changes: KeyChanges): void {
    if (changes.scopes !== undefined)
      this.#database
        .prepare('UPDATE api_keys SET scopes = :scopes WHERE id = :id')
        .run({ id, scopes: JSON.stringify(changes.scopes) });
    if (changes.expires_at === undefined) return;
    this.#database
      .prepare('UPDATE api_keys SET expires_at = :at, expired_at = NULL WHERE id = :id')
      .run({ id, at: changes.expires_at });
    // Sessions that have ended stay so: signing in again is easy.
    this.#database
      .prepare('UPDATE api_keys SET expires_at = :at WHERE opened_by = :id AND expired_at IS NULL')
      .run({ id, at: changes.expires_at });
  }

  /** Limits belong to all keys that share them. */
  setLimits(root: string, changes: KeyChanges): void {
    if (changes.rate_limit_per_minute !== undefined)
      this.#database
        .prepare(
          'UPDATE api_keys SET rate_limit_per_minute = :value WHERE (id = :root OR limits_of = :root) AND revoked_at IS NULL',
        )
        .run({ root, value: changes.rate_limit_per_minute });
    if (changes.daily_token_budget !== undefined)
      this.#database
        .prepare(
          'UPDATE api_keys SET daily_token_budget = :value WHERE (id = :root OR limits_of = :root) AND revoked_at IS NULL',
        )
        .run({ root, value: changes.daily_token_budget });
  }

  /** The key that takes the place of another, which ends at `endsAt`, with the sessions opened with it. */
  replace(id: string, by: string, endsAt: number): void {
    this.#database
      .prepare('UPDATE api_keys SET replaced_by = :by, expires_at = :endsAt WHERE id = :id')
      .run({ id, by, endsAt });
    this.#database
      .prepare('UPDATE api_keys SET expires_at = :endsAt WHERE opened_by = :id AND revoked_at IS NULL')
      .run({ id, endsAt });
  }

  revoke(id: string, at: number): void {
    this.#database
      .prepare('UPDATE api_keys SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL')
      .run({ id, at });
  }

  /** What happened to keys since the last time: uses, and ends that were seen. */
  saveSeen(used: ReadonlyMap<string, number>, expired: ReadonlyMap<string, number>): void {
    const use = this.#database.prepare('UPDATE api_keys SET last_used_at = :at WHERE id = :id');
    const end = this.#database.prepare('UPDATE api_keys SET expired_at = :at WHERE id = :id');
    this.#database.transactLazily(() => {
      for (const [id, at] of used) use.run({ id, at });
      for (const [id, at] of expired) end.run({ id, at });
    });
  }
}
