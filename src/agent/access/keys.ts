import { createHash } from 'node:crypto';
import { AppError, type Key, type KeyScope } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Caller } from '../../server/context.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { newId, newToken } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import { expiryOf, scopesOf, toKey, type KeyKind, type KeyRow, type KeyStore } from './key-store.ts';

const SESSION_IDLE_MS = 12 * 3_600_000;
const CODE_LIFE_MS = 60_000;
const SAVE_LAST_USED_MS = 30_000;
const MAX_OPEN_CODES = 100;

interface Usable {
  readonly row: KeyRow;
  readonly scopes: readonly KeyScope[];
  lastUsedAt: number | null;
}

export interface NewKey {
  readonly kind: KeyKind;
  readonly name: string;
  readonly role: Role;
  readonly principalId: string;
  readonly createdBy: string | null;
  readonly expiresAt?: number | null;
  readonly idleMs?: number | null;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * Keys and sessions: who a bearer token is. The owner of the keys in memory; a key is looked up by the hash of 256
 * random bits, so the look-up tells nothing about the keys that are near.
 */
export class Keys {
  readonly #database: Database;
  readonly #store: KeyStore;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #usable = new Map<string, Usable>();
  readonly #codes = new Map<string, { principalId: string; role: Role; expiresAt: number }>();
  readonly #unsaved = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: { database: Database; store: KeyStore; journal: Journal; clock: Clock }) {
    this.#database = deps.database;
    this.#store = deps.store;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    for (const row of this.#store.usable()) this.#remember(row);
  }

  start(): void {
    this.#timer = setInterval(() => this.#saveLastUsed(), SAVE_LAST_USED_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#saveLastUsed();
  }

  /** @throws {AppError} `unauthenticated`, telling an expired key from an unknown one. */
  authenticate(token: string): Caller {
    const usable = this.#usable.get(hashOf(token).toString('base64'));
    if (usable === undefined)
      throw new AppError('unauthenticated', 'This key is not known here, or was revoked.');
    const { row } = usable;
    const now = this.#clock.now();
    const expiry = expiryOf(row, usable.lastUsedAt);
    if (expiry !== null && expiry <= now) {
      const kind = row.kind === 'session' ? 'session' : 'key';
      throw new AppError('unauthenticated', `This ${kind} has expired.`, {
        hint:
          kind === 'session' ? 'Make a new link with `modelops open`.' : 'Ask a superadmin for a new key.',
        details: { reason: 'expired' },
      });
    }
    usable.lastUsedAt = now;
    this.#unsaved.set(row.id, now);
    return {
      keyId: row.id,
      keyKind: row.kind,
      principalId: row.principal_id,
      principalName: row.principal_name,
      role: row.role,
      scopes: usable.scopes,
    };
  }

  /** @throws {AppError} `already_exists` when a usable key has the name. */
  async create(key: NewKey): Promise<{ token: string; key: Key }> {
    const token = newToken(key.kind === 'session' ? 'mos' : 'mok');
    const id = newId();
    const row = {
      id,
      principal_id: key.principalId,
      kind: key.kind,
      name: key.name,
      role: key.role,
      hash: hashOf(token),
      last4: token.slice(-4),
      created_at: this.#clock.now(),
      created_by: key.createdBy,
      expires_at: key.expiresAt ?? null,
      idle_ms: key.idleMs ?? null,
      scopes: null,
      rate_limit_per_minute: null,
      daily_token_budget: null,
    };
    await this.#database.transact((unit) => {
      if (key.kind !== 'session' && this.#store.nameTaken(key.name)) {
        throw new AppError('already_exists', `A key with the name ${key.name} exists already.`, {
          hint: 'Choose another name, or revoke that key first.',
        });
      }
      this.#store.insert(row);
      this.#journal.append(unit, {
        actorId: key.createdBy,
        action: 'key.created',
        subject: `key:${id}`,
        data: { kind: key.kind, role: key.role },
      });
    });
    const stored = this.#store.get(id)!;
    this.#remember(stored);
    return { token, key: toKey(stored, null) };
  }

  /** @throws {AppError} `not_found`, `dependencies_unsatisfied` for the last way in. */
  async revoke(id: string, actorId: string | null): Promise<Key> {
    const row = this.#store.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no key ${id}.`);
    if (row.kind === 'admin' && row.revoked_at === null) {
      throw new AppError(
        'dependencies_unsatisfied',
        'The admin token of this node cannot be revoked; it is the way back in.',
        {
          hint: 'Delete the file admin-token and restart the agent to replace it.',
        },
      );
    }
    if (row.revoked_at === null) {
      await this.#database.transact((unit) => {
        this.#store.revoke(id, this.#clock.now());
        this.#journal.append(unit, { actorId, action: 'key.revoked', subject: `key:${id}` });
      });
      this.#usable.delete(row.hash.toString('base64'));
    }
    return toKey(this.#store.get(id)!, row.last_used_at);
  }

  get(id: string): Key {
    const row = this.#store.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no key ${id}.`);
    return toKey(row, this.#lastUsed(row));
  }

  list(limit: number, beforeId: string | null): Key[] {
    return this.#store.list(limit, beforeId).map((row) => toKey(row, this.#lastUsed(row)));
  }

  /** A one-time code for signing a browser in. It gives the role of whoever made it, for 60 seconds. */
  createCode(caller: Caller): { code: string; expiresAt: number } {
    const now = this.#clock.now();
    for (const [hash, code] of this.#codes) if (code.expiresAt <= now) this.#codes.delete(hash);
    if (this.#codes.size >= MAX_OPEN_CODES)
      throw new AppError('rate_limited', 'Too many sign-in links are open.', {
        details: { retry_after_seconds: 60 },
      });
    const code = newToken('moc');
    const expiresAt = now + CODE_LIFE_MS;
    this.#codes.set(hashOf(code).toString('base64'), {
      principalId: caller.principalId,
      role: caller.role,
      expiresAt,
    });
    return { code, expiresAt };
  }

  /** @throws {AppError} `unauthenticated` when the code is unknown, used or too old. */
  async createSession(code: string): Promise<{ token: string; key: Key }> {
    const hash = hashOf(code).toString('base64');
    const found = this.#codes.get(hash);
    this.#codes.delete(hash);
    if (found === undefined) {
      throw new AppError('unauthenticated', 'This sign-in link is not known here, or was used already.', {
        hint: 'Make a new one with `modelops open`.',
      });
    }
    if (found.expiresAt <= this.#clock.now()) {
      throw new AppError('unauthenticated', 'This sign-in link is older than 60 seconds.', {
        hint: 'Make a new one with `modelops open`.',
        details: { reason: 'expired' },
      });
    }
    return this.create({
      kind: 'session',
      name: 'browser',
      role: found.role,
      principalId: found.principalId,
      createdBy: found.principalId,
      idleMs: SESSION_IDLE_MS,
    });
  }

  /** Whether a token opens the node as superadmin; used at start to judge the file `admin-token`. */
  isAdminToken(token: string): boolean {
    return this.#usable.get(hashOf(token).toString('base64'))?.row.kind === 'admin';
  }

  /** Replaces the admin token. The old one ends in the same transaction. */
  async replaceAdminToken(principalId: string): Promise<string> {
    const old = [...this.#usable.values()].filter((usable) => usable.row.kind === 'admin');
    await this.#database.transact(() => {
      for (const { row } of old) this.#store.revoke(row.id, this.#clock.now());
    });
    for (const { row } of old) this.#usable.delete(row.hash.toString('base64'));
    const { token } = await this.create({
      kind: 'admin',
      name: 'admin-token',
      role: 'superadmin',
      principalId,
      createdBy: null,
    });
    return token;
  }

  #remember(row: KeyRow): void {
    this.#usable.set(row.hash.toString('base64'), {
      row,
      scopes: scopesOf(row),
      lastUsedAt: row.last_used_at,
    });
  }

  #lastUsed(row: KeyRow): number | null {
    return this.#unsaved.get(row.id) ?? row.last_used_at;
  }

  #saveLastUsed(): void {
    if (this.#unsaved.size === 0) return;
    const used = new Map(this.#unsaved);
    this.#unsaved.clear();
    this.#store.saveLastUsed(used);
  }
}
