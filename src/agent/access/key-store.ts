import { KEY_SCOPES, type Key, type KeyScope } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import { toIso, toIsoOrNull } from '../kernel/clock.ts';
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
  /** JSON array; null is all of them. */
  readonly scopes: string | null;
  readonly rate_limit_per_minute: number | null;
  readonly daily_token_budget: number | null;
  readonly replaced_by: string | null;
}

const SELECT = `SELECT api_keys.*, principals.name AS principal_name FROM api_keys JOIN principals ON principals.id = principal_id`;

/** The SQL of principals and keys. Keys are kept as SHA-256 of 256 random bits, never in the clear. */
export class KeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every key that is not revoked; few enough to keep in memory. */
  usable(): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(`${SELECT} WHERE revoked_at IS NULL AND disabled_at IS NULL`)
      .all({});
  }

  get(id: string): KeyRow | undefined {
    return this.#database.prepare<KeyRow>(`${SELECT} WHERE api_keys.id = :id`).get({ id });
  }

  nameTaken(name: string): boolean {
    return (
      this.#database
        .prepare("SELECT 1 FROM api_keys WHERE name = :name AND revoked_at IS NULL AND kind <> 'session'")
        .get({ name }) !== undefined
    );
  }

  /** Newest first, keyset by id (UUIDv7 orders by time). */
  list(limit: number, beforeId: string | null): KeyRow[] {
    return this.#database
      .prepare<KeyRow>(
        `${SELECT} WHERE :before IS NULL OR api_keys.id < :before ORDER BY api_keys.id DESC LIMIT :limit`,
      )
      .all({ before: beforeId, limit });
  }

  insert(row: Omit<KeyRow, 'principal_name' | 'last_used_at' | 'revoked_at' | 'replaced_by'>): void {
    this.#database
      .prepare(
        `INSERT INTO api_keys (id, principal_id, kind, name, role, hash, last4, created_at, created_by, expires_at, idle_ms, scopes,
           rate_limit_per_minute, daily_token_budget)
         VALUES (:id, :principal_id, :kind, :name, :role, :hash, :last4, :created_at, :created_by, :expires_at, :idle_ms, :scopes,
           :rate_limit_per_minute, :daily_token_budget)`,
      )
      .run({ ...row });
  }

  revoke(id: string, at: number): void {
    this.#database
      .prepare('UPDATE api_keys SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL')
      .run({ id, at });
  }

  saveLastUsed(used: ReadonlyMap<string, number>): void {
    const statement = this.#database.prepare('UPDATE api_keys SET last_used_at = :at WHERE id = :id');
    this.#database.transactLazily(() => {
      for (const [id, at] of used) statement.run({ id, at });
    });
  }

  insertPrincipal(row: {
    id: string;
    kind: 'person' | 'service' | 'system';
    name: string;
    role: Role;
    created_at: number;
  }): void {
    this.#database
      .prepare(
        'INSERT INTO principals (id, kind, name, role, created_at) VALUES (:id, :kind, :name, :role, :created_at)',
      )
      .run({ ...row });
  }

  principalByName(name: string): { id: string; role: Role } | undefined {
    return this.#database
      .prepare<{ id: string; role: Role }>('SELECT id, role FROM principals WHERE name = :name')
      .get({ name });
  }

  /** By id, else by name; an erased principal is not found. */
  principal(idOrName: string): { id: string; role: Role } | undefined {
    return this.#database
      .prepare<{ id: string; role: Role }>(
        `SELECT id, role FROM principals WHERE (id = :idOrName OR name = :idOrName) AND erased_at IS NULL
         ORDER BY id = :idOrName DESC LIMIT 1`,
      )
      .get({ idOrName });
  }
}

/** What a key may be used for. */
export function scopesOf(row: Pick<KeyRow, 'scopes'>): KeyScope[] {
  return row.scopes === null ? [...KEY_SCOPES] : (JSON.parse(row.scopes) as KeyScope[]);
}

export function toKey(row: KeyRow, lastUsedAt: number | null): Key {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    role: row.role,
    principal_id: row.principal_id,
    principal_name: row.principal_name,
    last4: row.last4,
    created_at: toIso(row.created_at),
    expires_at: toIsoOrNull(expiryOf(row, lastUsedAt)),
    last_used_at: toIsoOrNull(lastUsedAt),
    revoked_at: toIsoOrNull(row.revoked_at),
    scopes: scopesOf(row),
    rate_limit_per_minute: row.rate_limit_per_minute,
    daily_token_budget: row.daily_token_budget,
    today: { calls: 0, tokens: 0 },
    replaced_by: row.replaced_by,
  };
}

/** When a key ends: at its date, or when it was not used for its idle time, whichever is first. */
export function expiryOf(
  row: Pick<KeyRow, 'expires_at' | 'idle_ms' | 'created_at'>,
  lastUsedAt: number | null,
): number | null {
  const idleEnd = row.idle_ms === null ? null : (lastUsedAt ?? row.created_at) + row.idle_ms;
  if (row.expires_at === null) return idleEnd;
  return idleEnd === null ? row.expires_at : Math.min(row.expires_at, idleEnd);
}
