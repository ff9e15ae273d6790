import type { Slot } from '../../../shared/contract/index.ts';
import type { Actor, FactsReader, LoadedSlot, SlotFacts } from '../../catalog/index.ts';
import type { RuntimeDriver } from '../drivers/driver.ts';
import type { MetricsMap } from '../metrics/engine-figures.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import { Adoption } from './adoption.ts';
import type { SlotEndpoint } from './endpoint.ts';
import type { LogQuery, SlotLog } from './attempt-view.ts';
import { SlotActor } from './slot-actor.ts';
import type { SlotActorDeps } from './slot-deps.ts';
import { SlotOwners } from './slot-owners.ts';
import type { CallerFacts } from './slot-effects.ts';
import { SlotPreview, type PreviewRequest } from './slot-preview.ts';
import { SlotWishes, type NewSlot, type SlotPatch } from './slot-wishes.ts';

export interface SlotsDeps extends SlotActorDeps {
  readonly specs: SpecRegistry;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly callers: CallerFacts;
  readonly facts: Pick<FactsReader, 'isValidatedOn'>;
}

/** How long the gateway waits for the first look at the slots after a start. */
const FIRST_LOOK_MS = 2000;

/** The slots of the node: writes wishes, wakes their owners, and answers who serves what. */
export class Slots implements SlotFacts {
  readonly #deps: SlotsDeps;
  readonly #owners = new SlotOwners();
  readonly #wishes: SlotWishes;
  readonly #adoption: Adoption;
  readonly #preview: SlotPreview;
  #firstLook: Promise<void> = Promise.resolve();

  constructor(deps: SlotsDeps) {
    this.#deps = deps;
    this.#wishes = new SlotWishes(deps, this.#owners);
    this.#adoption = new Adoption(deps, this.#owners);
    this.#preview = new SlotPreview(deps, this.#owners);
  }

  /**
   * Makes the owners (before it returns), then gives them what still runs from before and lets them work. Does not
   * wait for them: the gateway does, for its first calls.
   */
  start(signal: AbortSignal): void {
    for (const row of this.#deps.store.all()) this.#owners.add(new SlotActor(row, this.#deps));
    const looked = this.#takeUp(signal).then(() =>
      Promise.all(this.#owners.all().map((actor) => actor.observedOnce)),
    );
    const longEnough = new Promise<void>((resolve) => setTimeout(resolve, FIRST_LOOK_MS).unref());
    this.#firstLook = Promise.race([looked.then(() => undefined), longEnough]);
  }

  async #takeUp(signal: AbortSignal): Promise<void> {
    for (const driver of this.#deps.drivers.values()) {
      driver.onAvailabilityChange(() => void this.#adoption.engineChanged(driver));
      await this.#adoption.adoptRunning(driver, signal);
    }
    for (const actor of this.#owners.all()) actor.wake();
  }

  /** Containers stay; child runtimes end with their driver. */
  async close(): Promise<void> {
    await Promise.all(this.#owners.all().map((actor) => actor.close()));
  }

  /** Resolves once every wanted slot was looked at after the start, or after two seconds. */
  observedOnce(): Promise<void> {
    return this.#firstLook;
  }

  /** What slots held at some time since `from`; marks in the course of a GPU. */
  gpuLoads(from: number): { slotId: string; modelId: string; loadedAt: number; endedAt: number | null }[] {
    return this.#deps.store.loadsSince(from);
  }

  /** Which GPUs each slot names, and the containers that its engines run in; read at every tick of the telemetry. */
  gpuUses(): {
    readonly slotId: string;
    readonly gpuIds: readonly string[];
    readonly containers: string[];
  }[] {
    return this.#deps.store.all().map(({ id, gpu_ids: gpuIds }) => ({
      slotId: id,
      gpuIds,
      containers: this.#owners.find(id)?.containerIds ?? [],
    }));
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  list(): Slot[] {
    return this.#owners
      .all()
      .map((actor) => actor.view())
      .toSorted((a, b) => a.id.localeCompare(b.id));
  }

  get(id: string): Slot {
    return this.#owners.get(id).view();
  }

  /** @throws {AppError} `not_found`. */
  async logs(id: string, query: LogQuery): Promise<SlotLog> {
    return this.#owners.get(id).logs(query);
  }

  /** @throws {AppError} `not_found`. */
  containerOf(id: string): { containerId: string | null; isContainer: boolean } {
    const { containerId } = this.#owners.get(id);
    const spec = this.#deps.specs.find(this.#deps.store.get(id).runtime_spec);
    return { containerId, isContainer: containerId !== null || spec?.driver === 'docker' };
  }

  /** What an action would do now, in sentences. @throws {AppError} `not_found`. */
  effects(id: string, request: PreviewRequest, signal: AbortSignal): ReturnType<SlotPreview['effects']> {
    return this.#preview.effects(id, request, signal);
  }

  assignedTo(modelId: string): readonly string[] {
    return this.#deps.store.assignedTo(modelId);
  }

  loadedIn(modelId: string): readonly LoadedSlot[] {
    return this.#owners
      .all()
      .filter(({ endpoint }) => endpoint?.modelId === modelId)
      .map((actor) => ({
        slot_id: actor.id,
        runtime_identity: actor.observed.identity,
        since: actor.observed.since,
      }));
  }

  loadedModelIds(): ReadonlySet<string> {
    return new Set(
      this.#owners.all().flatMap(({ endpoint }) => (endpoint === null ? [] : [endpoint.modelId])),
    );
  }

  /** Where a model is served now; the emptiest first. */
  endpoints(modelId: string): SlotEndpoint[] {
    return this.#owners
      .all()
      .flatMap(({ endpoint }) => (endpoint?.modelId === modelId ? [endpoint] : []))
      .toSorted((a, b) => a.inFlight - b.inFlight);
  }

  endpointOf(slotId: string): SlotEndpoint | null {
    return this.#owners.find(slotId)?.endpoint ?? null;
  }

  /** An image was pulled or imported. */
  imageCame(): void {
    for (const actor of this.#owners.all()) actor.imageCame();
  }

  /** What serves now, and how its spec names the figures of its engine. */
  serving(): { endpoint: SlotEndpoint; map: MetricsMap }[] {
    const { store, specs } = this.#deps;
    return this.#owners.all().flatMap(({ id, endpoint }) => {
      const spec = endpoint === null ? undefined : specs.find(store.find(id)?.runtime_spec ?? '');
      return endpoint === null || spec === undefined ? [] : [{ endpoint, map: spec.metrics }];
    });
  }

  /** Runtimes that would go on when the agent stops, and those that would end. */
  stillRunning(): string[] {
    return this.#owners
      .all()
      .filter((actor) => actor.runs)
      .map((actor) => actor.id);
  }

  // ---- wishes ------------------------------------------------------------------------------------------------------

  /** @throws {AppError} `already_exists`, `invalid_argument`, `unsupported_format`. */
  create(slot: NewSlot, actor: Actor): Promise<Slot> {
    return this.#wishes.create(slot, actor);
  }

  /** @throws {AppError} `conflict`, `invalid_argument`. */
  patch(id: string, changes: SlotPatch, actor: Actor, ifMatch: number | null): Promise<Slot> {
    return this.#wishes.patch(id, changes, actor, ifMatch);
  }

  /** @throws {AppError} `dependencies_unsatisfied` while it holds or wants a model. */
  delete(id: string, actor: Actor): Promise<void> {
    return this.#wishes.delete(id, actor);
  }

  /** @throws {AppError} the guards of `assign`, and what the engine says: `image_missing`, `runtime_unavailable`, ... */
  load(id: string, modelId: string, actor: Actor, override = false): Promise<Slot> {
    return this.#wishes.load(id, modelId, actor, override);
  }

  /** @param cut requests that are running are not waited for */
  unload(id: string, actor: Actor | null, cut = false): Promise<Slot> {
    return this.#wishes.unload(id, actor, cut);
  }

  /** @throws {AppError} `model_not_loaded` when the slot wants nothing. */
  restart(id: string, actor: Actor, override = false): Promise<Slot> {
    return this.#wishes.restart(id, actor, override);
  }

  /** Empties every slot and waits until nothing runs, or the signal says that it is enough. For `stop --slots`. */
  async emptyAll(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (): void => {
      const owners = this.#owners.all();
      if (owners.every((owner) => owner.observed.loadState === 'empty')) resolve();
    };
    const stop = this.#deps.hub.listen(settle, settle);
    signal.addEventListener('abort', () => resolve(), { once: true });
    try {
      for (const { id } of this.#deps.store.all()) await this.unload(id, null);
      settle();
      await promise;
    } finally {
      stop();
    }
  }
}
