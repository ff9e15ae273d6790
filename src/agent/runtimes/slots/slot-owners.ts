import { AppError } from '../../../shared/contract/index.ts';
import type { SlotActor } from './slot-actor.ts';

/** The one owner of each slot, by its id. */
export class SlotOwners {
  readonly #actors = new Map<string, SlotActor>();

  /** @throws {AppError} `not_found`. */
  get(id: string): SlotActor {
    const actor = this.#actors.get(id);
    if (actor === undefined) throw new AppError('not_found', `There is no slot ${id}.`);
    return actor;
  }

  find(id: string): SlotActor | undefined {
    return this.#actors.get(id);
  }

  all(): SlotActor[] {
    return [...this.#actors.values()];
  }

  add(actor: SlotActor): void {
    this.#actors.set(actor.id, actor);
  }

  remove(id: string): void {
    this.#actors.delete(id);
  }
}
