import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError, KEY_SCOPES, type KeyScope } from '../../shared/contract/index.ts';
import type { Caller } from '../../server/context.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyRow, KeyStore } from './key-store.ts';
import type { PrincipalStore } from './principal-store.ts';
import { expiryOf, lowerRole, usedAt } from './rules.ts';

const SAVE_SEEN_MS = 30_000;
/** How long an ended session is told apart from a key nobody knows. */
const REMEMBER_SESSION_MS = 7 * 86_400_000;

interface Entry {
  readonly row: KeyRow;
  readonly scopes: readonly KeyScope[];
  lastUsedAt: number | null;
  expiredAt: number | null;
  /** Made when somebody holds something open with this key. */
  end: AbortController | null;
}

interface PrincipalState {
  readonly role: Role;
  readonly disabled: boolean;
}

export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** What a key may be used for. */
export function scopesOf(row: Pick<KeyRow, 'scopes'>): KeyScope[] {
  return row.scopes === null ? [...KEY_SCOPES] : (JSON.parse(row.scopes) as KeyScope[]);
}

/**
 * The keys that are not revoked, in memory: who a bearer token is. Use cases write the rows and then have them read
 * again here, so what is in memory is what was committed, whatever order two of them end in.
 */
export class Keyring {
  readonly #keys: KeyStore;
  readonly #people: PrincipalStore;
  readonly #clock: Clock;
  readonly #byHash = new Map<string, Entry>();
  readonly #byId = new Map<string, Entry>();
  readonly #principals = new Map<string, PrincipalState>();
  readonly #used = new Map<string, number>();
  readonly #expired = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: { keys: KeyStore; people: PrincipalStore; clock: Clock }) {
    this.#keys = deps.keys;
    this.#people = deps.people;
    this.#clock = deps.clock;
    for (const row of this.#keys.usable(this.#clock.now() - REMEMBER_SESSION_MS)) this.#remember(row);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#seeEnds();
      this.save();
    }, SAVE_SEEN_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.save();
  }

  /** @throws {AppError} `unauthenticated`; the details give the reason where the key is known. */
  authenticate(token: string): Caller {
    const entry = this.#find(token);
    if (entry === undefined)
      throw new AppError('unauthenticated', 'This key is not known here, or was revoked.');
    const { row } = entry;
    const now = this.#clock.now();
    if (this.#isExpired(entry, now)) throw expired(row);
    const principal = this.#principals.get(row.principal_id);
    if (principal === undefined || principal.disabled) {
      throw new AppError('unauthenticated', 'Whoever this key belongs to is disabled on this node.', {
        hint: 'Ask a superadmin to enable the person or service again.',
        details: { reason: 'principal_disabled' },
      });
    }
    entry.lastUsedAt = usedAt(entry.lastUsedAt ?? row.created_at, now);
    this.#used.set(row.id, entry.lastUsedAt);
    return {
      keyId: row.id,
      keyKind: row.kind,
      principalId: row.principal_id,
      principalName: row.principal_name,
      role: lowerRole(row.role, principal.role),
      scopes: entry.scopes,
    };
  }

  /** Whether a token is the node's own; asked at start to judge the file `admin-token`. */
  isAdminToken(token: string): boolean {
    return this.#find(token)?.row.kind === 'admin';
  }

  /** A usable key as it is now; undefined for a revoked one. */
  row(id: string): KeyRow | undefined {
    return this.#byId.get(id)?.row;
  }

  lastUsedAt(row: Pick<KeyRow, 'id' | 'last_used_at'>): number | null {
    const entry = this.#byId.get(row.id);
    return entry === undefined ? row.last_used_at : entry.lastUsedAt;
  }

  /** Aborted when the key can no longer be used as it was: revoked, expired, or its principal changed. For what stays open. */
  whileValid(id: string): AbortSignal {
    const entry = this.#byId.get(id);
    if (entry === undefined) return AbortSignal.abort();
    entry.end ??= new AbortController();
    return entry.end.signal;
  }

  /** Reads keys again after a change of theirs. */
  reload(ids: readonly string[]): void {
    for (const id of ids) {
      this.#expired.delete(id);
      const known = this.#byId.get(id);
      if (known !== undefined) this.#forget(known);
      const row = this.#keys.get(id);
      if (row === undefined || row.revoked_at !== null) continue;
      const entry = this.#remember(row);
      entry.lastUsedAt = known?.lastUsedAt ?? row.last_used_at;
    }
  }

  /** Reads a principal again after a change of it; what it holds open ends, and comes back with its new rights. */
  reloadPrincipal(id: string): void {
    this.#principals.delete(id);
    const row = this.#people.state(id);
    if (row !== undefined) this.#principals.set(id, { role: row.role, disabled: row.disabled_at !== null });
    for (const entry of this.#byId.values()) {
      if (entry.row.principal_id !== id || entry.end === null) continue;
      entry.end.abort();
      entry.end = null;
    }
  }

  /** Writes what was seen of keys since the last time. Lost with the last half minute before a crash. */
  save(): void {
    if (this.#used.size === 0 && this.#expired.size === 0) return;
    this.#keys.saveSeen(this.#used, this.#expired);
    this.#used.clear();
    this.#expired.clear();
  }

  /**
   * The look-up compares SHA-256 digests of 256 random bits: how long it takes tells at most how far a digest agrees, and
   * nobody can choose a token by its digest. The digest that was found is compared once more in constant time, so that
   * nothing depends on how the map or the database compares.
   */
  #find(token: string): Entry | undefined {
    const hash = hashOf(token);
    const entry = this.#byHash.get(hash.toString('base64'));
    return entry !== undefined && timingSafeEqual(entry.row.hash, hash) ? entry : undefined;
  }

  /** An end that was seen once stays, whatever the clock says later. */
  #isExpired(entry: Entry, now: number): boolean {
    if (entry.expiredAt !== null) return true;
    const end = expiryOf(entry.row, entry.lastUsedAt);
    if (end === null || end > now) return false;
    entry.expiredAt = now;
    this.#expired.set(entry.row.id, now);
    entry.end?.abort();
    return true;
  }

  #seeEnds(): void {
    const now = this.#clock.now();
    for (const entry of this.#byId.values()) {
      if (!this.#isExpired(entry, now)) {
        if (entry.lastUsedAt !== null && entry.row.idle_ms !== null && entry.lastUsedAt > now)
          this.#believe(entry, entry.lastUsedAt, now);
      } else if (
        entry.row.kind === 'session' &&
        entry.expiredAt !== null &&
        entry.expiredAt < now - REMEMBER_SESSION_MS
      )
        this.#forget(entry);
    }
  }

  /** A session last used years ahead would never end. */
  #believe(entry: Entry, lastUsedAt: number, now: number): void {
    const believed = usedAt(lastUsedAt, now);
    if (believed === lastUsedAt) return;
    entry.lastUsedAt = believed;
    this.#used.set(entry.row.id, believed);
  }

  #remember(row: KeyRow): Entry {
    const entry: Entry = {
      row,
      scopes: scopesOf(row),
      lastUsedAt: row.last_used_at,
      expiredAt: row.expired_at,
      end: null,
    };
    this.#byHash.set(row.hash.toString('base64'), entry);
    this.#byId.set(row.id, entry);
    if (!this.#principals.has(row.principal_id)) this.reloadPrincipal(row.principal_id);
    return entry;
  }

  #forget(entry: Entry): void {
    entry.end?.abort();
    this.#byHash.delete(entry.row.hash.toString('base64'));
    this.#byId.delete(entry.row.id);
  }
}

function expired({ kind }: KeyRow): AppError {
  const what = kind === 'session' ? 'session' : 'key';
  return new AppError('unauthenticated', `This ${what} has expired.`, {
    hint: what === 'session' ? 'Make a new link with `modelops open`.' : 'Ask a superadmin for a new key.',
    details: { reason: 'expired' },
  });
}
