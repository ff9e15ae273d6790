import { AppError, type Key, type KeyScope } from '../../shared/contract/index.ts';
import { roleCovers, type Role } from '../../shared/lifecycle/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import { newId, newToken } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import { keyEffects, type KeyEffect } from './key-effects.ts';
import { hashOf, scopesOf, type Keyring } from './keyring.ts';
import type { KeyChanges, KeyKind, KeyRow, KeyStore, NewKeyRow } from './key-store.ts';
import type { Verdict, Limits } from './limits.ts';
import type { PrincipalStore } from './principal-store.ts';
import type { Principals } from './principals.ts';
import { assertFuture, expiryOf } from './rules.ts';

/** What keys have spent; the gateway knows. */
export interface KeyUsage {
  /** Of the current UTC day, with what is not written yet. */
  today(keyId: string): { readonly calls: number; readonly tokens: number };
}

export interface NewKey {
  readonly kind: 'api' | 'desktop';
  readonly name: string;
  readonly principalId?: string | undefined;
  readonly role?: Role | undefined;
  readonly scopes?: readonly KeyScope[] | undefined;
  readonly expiresAt?: number | undefined;
  readonly perMinute?: number | null | undefined;
  readonly dailyTokens?: number | null | undefined;
}

export interface MadeKey {
  readonly token: string;
  readonly key: Key;
}

interface KeysDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly keys: KeyStore;
  readonly people: PrincipalStore;
  readonly principals: Principals;
  readonly keyring: Keyring;
  readonly limits: Limits;
  readonly usage: KeyUsage;
}

const PREFIX: Record<KeyKind, string> = { admin: 'mok', api: 'mok', desktop: 'mok', session: 'mos' };

/** Makes, changes and ends keys. Who calls with one is the keyring's to say. */
export class Keys {
  readonly #deps: KeysDeps;

  constructor(deps: KeysDeps) {
    this.#deps = deps;
  }

  /** @throws {AppError} `not_found`. */
  get(id: string): Key {
    return this.#toKey(this.#row(id));
  }

  /** Newest first. */
  list(limit: number, beforeId: string | null, principalId: string | null): Key[] {
    return this.#deps.keys.list(limit, beforeId, principalId).map((row) => this.#toKey(row));
  }

  /**
   * A key of a principal, or with a service of its own that bears its name.
   * @throws {AppError} `already_exists` for the name of a key in use or of a person; `not_found`; `invalid_argument` for
   * a role above the principal's and an end in the past; `dependencies_unsatisfied` for a disabled principal.
   */
  async create(body: NewKey, maker: { principalId: string }): Promise<MadeKey> {
    const { database, keys, clock } = this.#deps;
    const now = clock.now();
    if (body.expiresAt !== undefined) assertFuture('expires_at', body.expiresAt, now);
    return this.#made(
      await database.transact((unit) => {
        if (keys.nameTaken(body.name)) {
          throw new AppError('already_exists', `A key with the name ${body.name} exists already.`, {
            hint: 'Choose another name, or revoke that key first.',
            details: { fields: ['name'] },
          });
        }
        const principal = this.#principalFor(unit, body, maker);
        const role = body.role ?? (body.principalId === undefined ? 'user' : principal.role);
        assertWithin(role, principal);
        return this.insert(unit, {
          ...blankKey(body.kind, body.name, now),
          principal_id: principal.id,
          role,
          created_by: maker.principalId,
          expires_at: body.expiresAt ?? null,
          scopes: body.scopes === undefined ? null : JSON.stringify(body.scopes),
          rate_limit_per_minute: body.perMinute ?? null,
          daily_token_budget: body.dailyTokens ?? null,
        });
      }),
    );
  }

  /** Inside a transaction: writes a key with a new token. The keyring knows it when the transaction is durable. */
  insert(unit: UnitOfWork, row: Omit<NewKeyRow, 'id' | 'hash' | 'last4'>): { id: string; token: string } {
    const { keys, journal, keyring } = this.#deps;
    const token = newToken(PREFIX[row.kind]);
    const id = newId();
    keys.insert({ ...row, id, hash: hashOf(token), last4: token.slice(-4) });
    journal.append(unit, {
      actorId: row.created_by,
      action: 'key.created',
      subject: `key:${id}`,
      data: { kind: row.kind, role: row.role, principal_id: row.principal_id },
    });
    unit.after(() => keyring.reload([id]));
    return { id, token };
  }

  /** @throws {AppError} `not_found`; `dependencies_unsatisfied` for a key that cannot be changed; `invalid_argument`. */
  async patch(id: string, changes: KeyChanges, actorId: string): Promise<Key> {
    const { database, keys, journal, clock, keyring } = this.#deps;
    const end = changes.expires_at;
    if (end !== undefined && end !== null) assertFuture('expires_at', end, clock.now());
    await database.transact((unit) => {
      const row = this.#changeable(id, 'changed');
      const root = row.limits_of ?? row.id;
      keys.setRights(id, changes);
      keys.setLimits(root, changes);
      journal.append(unit, {
        actorId,
        action: 'key.changed',
        subject: `key:${id}`,
        data: { fields: Object.keys(changes).toSorted() },
      });
      const touched = [...keys.sharing(root), id, ...keys.openedBy(id).map((session) => session.id)];
      unit.after(() => keyring.reload(touched));
    });
    return this.get(id);
  }

  /**
   * The next key of the same principal, name, scopes and limits, with a life as long as this one's was meant to be. This
   * one goes on for the overlap; until then, and for the rest of the day, the two count as one towards the limits.
   * @throws {AppError} `not_found`, `dependencies_unsatisfied`.
   */
  async rotate(
    id: string,
    overlapMs: number,
    actorId: string,
  ): Promise<MadeKey & { readonly replaced: Key }> {
    const { database, keys, journal, clock, keyring } = this.#deps;
    const made = await database.transact((unit) => {
      const row = this.#changeable(id, 'rotated');
      if (row.replaced_by !== null)
        throw new AppError('dependencies_unsatisfied', `${row.name} was rotated already.`, {
          hint: 'Rotate the key that took its place.',
          details: { replaced_by: row.replaced_by },
        });
      const now = clock.now();
      const nextId = newId();
      const token = newToken(PREFIX[row.kind]);
      const endsAt = Math.min(row.expires_at ?? Number.MAX_SAFE_INTEGER, now + overlapMs);
      // The old key leaves the index of names first; its reference to the new one is checked at the commit.
      keys.replace(id, nextId, endsAt);
      const sessions = keys.openedBy(id).map((session) => session.id);
      keys.insert({
        ...blankKey(row.kind, row.name, now),
        id: nextId,
        hash: hashOf(token),
        last4: token.slice(-4),
        principal_id: row.principal_id,
        role: row.role,
        created_by: actorId,
        expires_at: row.expires_at === null ? null : now + (row.expires_at - row.created_at),
        scopes: row.scopes,
        rate_limit_per_minute: row.rate_limit_per_minute,
        daily_token_budget: row.daily_token_budget,
        limits_of: row.limits_of ?? row.id,
      });
      journal.append(unit, {
        actorId,
        action: 'key.rotated',
        subject: `key:${id}`,
        data: { replaced_by: nextId, ends_at: toIso(endsAt) },
      });
      journal.append(unit, {
        actorId,
        action: 'key.created',
        subject: `key:${nextId}`,
        data: { kind: row.kind, role: row.role, principal_id: row.principal_id, replaces: id },
      });
      unit.after(() => keyring.reload([id, nextId, ...sessions]));
      return { id: nextId, token };
    });
    return { ...this.#made(made), replaced: this.get(id) };
  }

  /** Ends a key and the sessions opened with it. @throws {AppError} `not_found`, `dependencies_unsatisfied` for the last way in. */
  async revoke(id: string, actorId: string | null): Promise<Key> {
    await this.#deps.database.transact((unit) => {
      const row = this.#row(id);
      if (row.revoked_at !== null) return;
      if (row.kind === 'admin') throw adminKeyStays('revoked');
      this.end(unit, row, actorId);
    });
    return this.get(id);
  }

  /** Inside a transaction: revokes a key with the sessions opened with it. */
  end(unit: UnitOfWork, row: KeyRow, actorId: string | null): void {
    const { keys, journal, clock, keyring } = this.#deps;
    const sessions = keys.openedBy(row.id);
    for (const { id } of [row, ...sessions]) {
      keys.revoke(id, clock.now());
      journal.append(unit, { actorId, action: 'key.revoked', subject: `key:${id}` });
    }
    unit.after(() => keyring.reload([row.id, ...sessions.map((session) => session.id)]));
  }

  /** What revoking or rotating a key would do now, in sentences. @throws {AppError} `not_found`. */
  effects(id: string, action: 'revoke' | 'rotate'): KeyEffect[] {
    const { keys, keyring, usage, clock } = this.#deps;
    const row = this.#row(id);
    return keyEffects(action, {
      kind: row.kind,
      lastUsedAt: keyring.lastUsedAt(row),
      callsToday: usage.today(id).calls,
      sessions: keys.openedBy(id).filter((session) => session.expired_at === null).length,
      hasLimits: row.rate_limit_per_minute !== null || row.daily_token_budget !== null,
      revoked: row.revoked_at !== null,
      now: clock.now(),
    });
  }

  /** Counts a call to the gateway against the limits of its key. @param spends whether it costs tokens. */
  admit(keyId: string, spends: boolean): Verdict {
    const { keyring, limits } = this.#deps;
    const row = keyring.row(keyId);
    const { rate_limit_per_minute: perMinute = null, daily_token_budget: dailyTokens = null } = row ?? {};
    const root = row?.limits_of ?? keyId;
    return limits.admit(root, { perMinute, dailyTokens }, spends ? () => this.#today(root).tokens : null);
  }

  #made({ id, token }: { id: string; token: string }): MadeKey {
    return { token, key: this.get(id) };
  }

  #row(id: string): KeyRow {
    const row = this.#deps.keys.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no key ${id}.`);
    return row;
  }

  /** @throws {AppError} `not_found`; `dependencies_unsatisfied` with what to do instead. */
  #changeable(id: string, what: 'changed' | 'rotated'): KeyRow {
    const row = this.#row(id);
    if (row.revoked_at !== null)
      throw new AppError('dependencies_unsatisfied', `${row.name} was revoked and cannot be ${what}.`, {
        hint: 'Make a new key.',
      });
    if (row.kind === 'admin') throw adminKeyStays(what);
    if (row.kind === 'session')
      throw new AppError('dependencies_unsatisfied', `A session cannot be ${what}.`, {
        hint: 'Sign out or revoke it, and sign in again.',
      });
    if (row.kind === 'desktop' && what === 'rotated')
      throw new AppError('dependencies_unsatisfied', 'The key of the desktop app cannot be rotated.', {
        hint: 'Revoke it: the app makes itself a new one the next time it connects.',
      });
    return row;
  }

  /** Whose key it will be. Only the desktop's belongs to whoever makes it. */
  #principalFor(
    unit: UnitOfWork,
    body: NewKey,
    maker: { principalId: string },
  ): { id: string; role: Role; name: string } {
    const { people, principals } = this.#deps;
    const chosen = body.principalId ?? (body.kind === 'desktop' ? maker.principalId : undefined);
    const found = chosen === undefined ? people.byName(body.name) : people.get(chosen);
    if (chosen !== undefined && found === undefined)
      throw new AppError('not_found', `There is no person or service ${chosen}.`);
    if (found === undefined) {
      const role = body.role ?? 'user';
      const id = principals.insert(unit, { name: body.name, kind: 'service', role }, maker.principalId);
      return { id, role, name: body.name };
    }
    if (chosen === undefined && found.kind !== 'service')
      throw new AppError('already_exists', `${body.name} is the name of a ${found.kind} on this node.`, {
        hint: 'Choose another name for the key, or say with principal_id that the key is theirs.',
        details: { fields: ['name'], principal_id: found.id },
      });
    if (found.disabled_at !== null)
      throw new AppError(
        'dependencies_unsatisfied',
        `${found.name} is disabled; a key would not be let in.`,
        {
          hint: 'Enable the person or service first.',
          details: { principal_id: found.id },
        },
      );
    return found;
  }

  #toKey(row: KeyRow): Key {
    const lastUsedAt = this.#deps.keyring.lastUsedAt(row);
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
      today: this.#today(row.limits_of ?? row.id),
      replaced_by: row.replaced_by,
    };
  }

  /** Of all keys that share limits. */
  #today(root: string): { calls: number; tokens: number } {
    const sum = { calls: 0, tokens: 0 };
    for (const id of this.#deps.keys.sharing(root)) {
      const { calls, tokens } = this.#deps.usage.today(id);
      sum.calls += calls;
      sum.tokens += tokens;
    }
    return sum;
  }
}

/** A row in which nothing is special yet. */
export function blankKey(kind: KeyKind, name: string, now: number) {
  return {
    kind,
    name,
    created_at: now,
    expires_at: null,
    idle_ms: null,
    scopes: null,
    rate_limit_per_minute: null,
    daily_token_budget: null,
    limits_of: null,
    opened_by: null,
  } as const;
}

function assertWithin(role: Role, principal: { name: string; role: Role }): void {
  if (roleCovers(principal.role, role)) return;
  throw new AppError(
    'invalid_argument',
    `role: ${principal.name} has the role ${principal.role}; a key cannot have more.`,
    {
      hint: 'Give the key that role or a lower one, or raise the role of its principal first.',
      details: { fields: ['role'], principal_role: principal.role },
    },
  );
}

function adminKeyStays(what: 'changed' | 'rotated' | 'revoked'): AppError {
  return new AppError(
    'dependencies_unsatisfied',
    `The admin token of this node cannot be ${what}; it is the way back in.`,
    { hint: 'Delete the file admin-token and restart the agent to replace it.' },
  );
}
