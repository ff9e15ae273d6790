import type { Logger } from '../../kernel/logger.ts';
import type { RunningRuntime, RuntimeDriver } from '../drivers/driver.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import type { SlotOwners } from './slot-owners.ts';
import type { SlotRow, SlotStore } from './slot-store.ts';

const LIST_MS = 10_000;

/** Brings together what runs and the slots it runs for: after a start of the agent, and when an engine came back. */
export class Adoption {
  readonly #deps: { readonly store: SlotStore; readonly specs: SpecRegistry; readonly log: Logger };
  readonly #owners: SlotOwners;

  constructor(deps: { store: SlotStore; specs: SpecRegistry; log: Logger }, owners: SlotOwners) {
    this.#deps = deps;
    this.#owners = owners;
  }

  /** An engine came or went: what runs there is taken over before anybody starts something new. */
  async engineChanged(driver: RuntimeDriver): Promise<void> {
    await this.adoptRunning(driver, AbortSignal.timeout(LIST_MS));
    for (const row of this.#rowsOf(driver)) this.#owners.find(row.id)?.engineCameBack();
  }

  /** A slot may have been given another kind of runtime while its container still ran. */
  #mayHaveLeft(driver: RuntimeDriver): boolean {
    const { store, specs } = this.#deps;
    return store.openSpecs().some((id) => (specs.find(id)?.driver ?? driver.kind) === driver.kind);
  }

  #rowsOf(driver: RuntimeDriver): SlotRow[] {
    return this.#deps.store
      .all()
      .filter((row) => this.#deps.specs.find(row.runtime_spec)?.driver === driver.kind);
  }

  /** Gives every slot what runs for it; what runs for a deleted slot is stopped. */
  async adoptRunning(driver: RuntimeDriver, signal: AbortSignal): Promise<void> {
    const { log } = this.#deps;
    // A node that has no slot for it does not need to know the engine.
    if (this.#rowsOf(driver).length === 0 && !this.#mayHaveLeft(driver)) return;
    let running: RunningRuntime[];
    try {
      running = await driver.findRunning(signal);
    } catch (error) {
      log.warn(
        { err: error, driver: driver.kind },
        'what still runs could not be listed; looked for again when the engine answers',
      );
      return;
    }
    const found = Map.groupBy(running, (runtime) => runtime.slotId);
    for (const row of this.#rowsOf(driver)) if (!found.has(row.id)) found.set(row.id, []);
    for (const [slotId, runtimes] of found) {
      const owner = this.#owners.find(slotId);
      if (owner !== undefined) owner.adopt(runtimes);
      else await this.#stopOrphans(slotId, runtimes);
    }
  }

  async #stopOrphans(slotId: string, runtimes: readonly RunningRuntime[]): Promise<void> {
    for (const runtime of runtimes) {
      this.#deps.log.warn(
        { slot_id: slotId, container: runtime.containerId },
        'a runtime of a deleted slot is stopped',
      );
      await runtime.stop(1000);
    }
  }
}
