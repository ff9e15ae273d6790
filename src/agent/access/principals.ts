import { AppError, type Principal } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import { toIso, toIsoOrNull, type Clock } from '../kernel/clock.ts';
import type { Database, UnitOfWork } from '../kernel/database/database.ts';
import { newId } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Keyring } from './keyring.ts';
import type { KeyStore } from './key-store.ts';
import type { PrincipalRow, PrincipalStore } from './principal-store.ts';
import { refusalToChange } from './rules.ts';

const NAMED_MODELS = 20;

interface NewPrincipal {
  readonly name: string;
  readonly display_name?: string | undefined;
  readonly kind: 'person' | 'service';
  readonly role: Role;
}

interface PrincipalPatch {
  readonly display_name?: string | undefined;
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
}

/** People and services: who keys belong to, and what they may at most. */
export class Principals {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #store: PrincipalStore;
  readonly #keys: KeyStore;
  readonly #keyring: Keyring;

  constructor(deps: {
    database: Database;
    journal: Journal;
    clock: Clock;
    people: PrincipalStore;
    keys: KeyStore;
    keyring: Keyring;
  }) {
    this.#database = deps.database;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#store = deps.people;
    this.#keys = deps.keys;
    this.#keyring = deps.keyring;
  }

  /** @throws {AppError} `not_found`, for an erased one as well. */
  get(id: string): Principal {
    this.#keyring.save();
    return toPrincipal(this.#row(id));
  }

  /** By name. */
  list(
    limit: number,
    afterName: string | null,
    filter: { q: string | null; role: Role | null },
  ): Principal[] {
    this.#keyring.save();
    return this.#store.list(limit, afterName, filter).map(toPrincipal);
  }

  /** @throws {AppError} `already_exists`. */
  async create(body: NewPrincipal, actorId: string | null): Promise<Principal> {
    const id = await this.#database.transact((unit) => this.insert(unit, body, actorId));
    return this.get(id);
  }

  /** Inside a transaction. @returns the id. @throws {AppError} `already_exists`. */
  insert(unit: UnitOfWork, body: NewPrincipal, actorId: string | null): string {
    const taken = this.#store.byName(body.name);
    if (taken !== undefined) {
      throw new AppError('already_exists', `There is a ${taken.kind} ${body.name} on this node already.`, {
        hint: 'Choose another name, or use the one that exists by its id.',
        details: { principal_id: taken.id },
      });
    }
    const id = newId();
    const { name, display_name: displayName = '', kind, role } = body;
    this.#store.insert({ id, name, display_name: displayName, kind, role, created_at: this.#clock.now() });
    this.#journal.append(unit, {
      actorId,
      action: 'principal.created',
      subject: `principal:${id}`,
      data: { kind, role },
    });
    return id;
  }

  /** Takes effect on the next request of its keys. @throws {AppError} `not_found`, `conflict`, `dependencies_unsatisfied`. */
  async patch(id: string, ifMatch: number, patch: PrincipalPatch, actorId: string): Promise<Principal> {
    await this.#database.transact((unit) => {
      const row = this.#row(id);
      assertRev('principal', row.rev, ifMatch);
      const refusal = refusalToChange(row, patch);
      if (refusal !== null) throw refusal;
      const next = {
        id,
        display_name: patch.display_name ?? row.display_name,
        role: patch.role ?? row.role,
        disabled_at: this.#disabledAt(row, patch.disabled),
      };
      this.#store.update(next);
      this.#journal.append(unit, {
        actorId,
        action: actionOf(row, next),
        subject: `principal:${id}`,
        data: {
          fields: Object.keys(patch).toSorted(),
          ...(next.role === row.role ? {} : { role: { from: row.role, to: next.role } }),
        },
      });
      unit.after(() => this.#keyring.reloadPrincipal(id));
    });
    return this.get(id);
  }

  /**
   * Ends all its keys and forgets its name; its id stays for the journal.
   * @throws {AppError} `not_found`; `dependencies_unsatisfied` while it owns models or credentials.
   */
  async erase(id: string, actorId: string): Promise<{ revokedKeys: number }> {
    return this.#database.transact((unit) => {
      const row = this.#row(id);
      const refusal = refusalToChange(row, { erased: true }) ?? this.#refusalForOwner(row);
      if (refusal !== null) throw refusal;
      const now = this.#clock.now();
      const keys = this.#keys.ofPrincipal(id);
      for (const key of keys) this.#keys.revoke(key.id, now);
      this.#store.erase(id, now);
      this.#journal.append(unit, {
        actorId,
        action: 'principal.erased',
        subject: `principal:${id}`,
        data: { revoked_keys: keys.map((key) => key.id) },
      });
      unit.after(() => {
        this.#keyring.reload(keys.map((key) => key.id));
        this.#keyring.reloadPrincipal(id);
      });
      return { revokedKeys: keys.filter((key) => key.kind !== 'session').length };
    });
  }

  #row(id: string): PrincipalRow {
    const row = this.#store.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no person or service ${id}.`);
    return row;
  }

  #disabledAt(row: PrincipalRow, disabled: boolean | undefined): number | null {
    if (disabled === undefined) return row.disabled_at;
    return disabled ? (row.disabled_at ?? this.#clock.now()) : null;
  }

  #refusalForOwner({ id, name }: PrincipalRow): AppError | null {
    const models = this.#store.ownedModels(id, NAMED_MODELS);
    const credentials = this.#store.ownedCredentials(id);
    if (models.length === 0 && credentials.length === 0) return null;
    const what = models.length > 0 ? 'models' : 'credentials of providers';
    return new AppError('dependencies_unsatisfied', `${name} still owns ${what}.`, {
      hint:
        models.length > 0
          ? 'Delete these models first. Disabling instead shuts its keys out at once.'
          : 'Revoke these credentials first. Disabling instead shuts its keys out at once.',
      details: { models, credentials },
    });
  }
}

function actionOf(before: PrincipalRow, after: { disabled_at: number | null }): string {
  if ((before.disabled_at === null) === (after.disabled_at === null)) return 'principal.changed';
  return after.disabled_at === null ? 'principal.enabled' : 'principal.disabled';
}

/** @throws {AppError} `conflict` when somebody changed it since it was read. */
export function assertRev(what: string, rev: number, ifMatch: number): void {
  if (rev === ifMatch) return;
  throw new AppError(
    'conflict',
    `The ${what} was changed since you read it (rev ${ifMatch}, now ${rev}). Your change was not made.`,
    { details: { rev } },
  );
}

function toPrincipal(row: PrincipalRow): Principal {
  return {
    id: row.id,
    rev: row.rev,
    kind: row.kind,
    name: row.name,
    display_name: row.display_name,
    role: row.role,
    groups: JSON.parse(row.groups) as Principal['groups'],
    key_count: row.key_count,
    created_at: toIso(row.created_at),
    last_seen_at: toIsoOrNull(row.last_seen_at),
    disabled_at: toIsoOrNull(row.disabled_at),
  };
}
