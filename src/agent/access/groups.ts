import { AppError, type Group } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database/database.ts';
import { newId } from '../kernel/ids.ts';
import type { Journal } from '../kernel/journal.ts';
import type { GroupRow, GroupStore } from './group-store.ts';
import type { PrincipalStore } from './principal-store.ts';
import { assertRev } from './principals.ts';

/** Groups of people and services, through which models are seen. */
export class Groups {
  readonly #database: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #store: GroupStore;
  readonly #people: PrincipalStore;

  constructor(deps: {
    database: Database;
    journal: Journal;
    clock: Clock;
    groups: GroupStore;
    people: PrincipalStore;
  }) {
    this.#database = deps.database;
    this.#journal = deps.journal;
    this.#clock = deps.clock;
    this.#store = deps.groups;
    this.#people = deps.people;
  }

  /** @throws {AppError} `not_found`. */
  get(id: string): Group {
    return toGroup(this.#row(id));
  }

  /** By name. */
  list(limit: number, afterName: string | null, q: string | null): Group[] {
    return this.#store.list(limit, afterName, q).map(toGroup);
  }

  /** @throws {AppError} `already_exists`. */
  async create(
    { name, description = '' }: { name: string; description?: string | undefined },
    actorId: string,
  ): Promise<Group> {
    const id = newId();
    await this.#database.transact((unit) => {
      this.#assertFree(name, id);
      this.#store.insert({ id, name, description, created_at: this.#clock.now() });
      this.#journal.append(unit, { actorId, action: 'group.created', subject: `group:${id}` });
    });
    return this.get(id);
  }

  /** @throws {AppError} `not_found`, `conflict`, `already_exists`. */
  async patch(
    id: string,
    ifMatch: number,
    patch: { name?: string | undefined; description?: string | undefined },
    actorId: string,
  ): Promise<Group> {
    await this.#database.transact((unit) => {
      const row = this.#row(id);
      assertRev('group', row.rev, ifMatch);
      const { name = row.name, description = row.description } = patch;
      this.#assertFree(name, id);
      this.#store.update({ id, name, description });
      this.#journal.append(unit, {
        actorId,
        action: 'group.changed',
        subject: `group:${id}`,
        data: { fields: Object.keys(patch).toSorted() },
      });
    });
    return this.get(id);
  }

  /** Models assigned to it are no longer seen through it. @throws {AppError} `not_found`. */
  async delete(id: string, actorId: string): Promise<void> {
    await this.#database.transact((unit) => {
      const group = this.get(id);
      this.#store.delete(id);
      this.#journal.append(unit, {
        actorId,
        action: 'group.deleted',
        subject: `group:${id}`,
        data: { members: group.members.length, models: group.model_count },
      });
    });
  }

  /** Does nothing where it is so already. @throws {AppError} `not_found` for the group or the principal. */
  async setMember(id: string, principalId: string, member: boolean, actorId: string): Promise<Group> {
    await this.#database.transact((unit) => {
      this.#row(id);
      if (this.#people.get(principalId) === undefined)
        throw new AppError('not_found', `There is no person or service ${principalId}.`);
      const changed = member
        ? this.#store.addMember(id, principalId)
        : this.#store.removeMember(id, principalId);
      if (!changed) return;
      this.#journal.append(unit, {
        actorId,
        action: member ? 'group.member_added' : 'group.member_removed',
        subject: `group:${id}`,
        data: { principal_id: principalId },
      });
    });
    return this.get(id);
  }

  #row(id: string): GroupRow {
    const row = this.#store.get(id);
    if (row === undefined) throw new AppError('not_found', `There is no group ${id}.`);
    return row;
  }

  #assertFree(name: string, id: string): void {
    if (!this.#store.nameTaken(name, id)) return;
    throw new AppError('already_exists', `There is a group ${name} already.`, {
      hint: 'Choose another name.',
      details: { fields: ['name'] },
    });
  }
}

function toGroup(row: GroupRow): Group {
  return {
    id: row.id,
    rev: row.rev,
    name: row.name,
    description: row.description,
    members: JSON.parse(row.members) as Group['members'],
    model_count: row.model_count,
    created_at: toIso(row.created_at),
  };
}
