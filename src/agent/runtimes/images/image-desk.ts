import { AppError, type Image } from '../../../shared/contract/index.ts';
import type { DockerImages, EngineImage } from '../../adapters/docker/index.ts';
import type { Actor, ModelStore } from '../../catalog/index.ts';
import type { Database } from '../../kernel/database/database.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Launcher } from '../slots/launcher.ts';
import type { SlotStore } from '../slots/slot-store.ts';
import type { SpecRegistry } from '../specs/spec-registry.ts';
import { listImages, prunable, whyKept, type ImageFacts } from './needs.ts';
import { familiar, names } from './references.ts';

export interface ImageDeskDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly engine: DockerImages;
  readonly store: SlotStore;
  readonly specs: SpecRegistry;
  readonly launcher: Pick<Launcher, 'effectiveOrNull'>;
  readonly models: ModelStore;
  /** An image came: slots that waited for one look again. */
  readonly onArrived: () => void;
}

export interface BroughtImage {
  readonly reference: string;
  readonly image_id: string;
  /** What stood behind the reference before, when it was another. */
  readonly changed_from: string | null;
}

type Verb = 'pulled' | 'imported' | 'exported';

/** What images there are, who needs them, and the record of what stands behind each name. */
export class ImageDesk {
  readonly #deps: ImageDeskDeps;

  constructor(deps: ImageDeskDeps) {
    this.#deps = deps;
  }

  /** @throws {AppError} `runtime_unavailable` when the engine cannot be asked. */
  async list(all: boolean, signal: AbortSignal): Promise<Image[]> {
    return listImages(await this.#facts(signal), all);
  }

  /**
   * Removes exactly the named images, or tells which could go. Never what a slot needs or a container was made from.
   * @throws {AppError} `dependencies_unsatisfied` naming what has to stay and why, `invalid_argument` without ids.
   */
  async prune(
    request: { readonly dryRun: boolean; readonly ids: readonly string[] | null },
    actor: Actor,
    signal: AbortSignal,
  ): Promise<{ images: Image[]; removed: boolean }> {
    const facts = await this.#facts(signal);
    const candidates = prunable(facts);
    const { ids } = request;
    if (ids !== null) assertPrunable(ids, facts, candidates);
    const chosen = ids === null ? candidates : candidates.filter(({ id }) => id !== null && ids.includes(id));
    if (request.dryRun) return { images: chosen, removed: false };
    if (ids === null)
      throw new AppError('invalid_argument', 'Say which images shall go: nothing is removed without ids.', {
        hint: 'Ask with dry_run first and send back the ids that it names.',
        details: { fields: ['ids'] },
      });
    for (const image of chosen) await this.#remove(image, actor, signal);
    return { images: chosen, removed: true };
  }

  /** @throws {AppError} `image_missing` naming every reference that the engine does not have. */
  async require(
    references: readonly string[],
    signal: AbortSignal,
  ): Promise<{ reference: string; image: EngineImage }[]> {
    const found = await Promise.all(
      references.map(async (reference) => ({
        reference,
        image: await this.#deps.engine.inspect(reference, signal),
      })),
    );
    const missing = found.filter(({ image }) => image === null).map(({ reference }) => reference);
    if (missing.length > 0) {
      const is = missing.length === 1 ? 'is' : 'are';
      throw new AppError('image_missing', `${missing.join(', ')} ${is} not on this machine.`, {
        details: { references: missing },
      });
    }
    return found.flatMap(({ reference, image }) => (image === null ? [] : [{ reference, image }]));
  }

  /**
   * Records which image stands behind a reference now, journals what was done and, where another one stood there, the
   * change; then wakes the slots that waited.
   */
  async record(
    verb: Verb,
    images: readonly { readonly reference: string; readonly image: EngineImage }[],
    actorId: string | null,
  ): Promise<BroughtImage[]> {
    const { database, journal, store, specs } = this.#deps;
    const brought = await database.transact((unit) =>
      images.map(({ reference, image }): BroughtImage => {
        const before = store.recordImage(familiar(reference), image.id);
        journal.append(unit, {
          actorId,
          action: `image.${verb}`,
          subject: `image:${image.id}`,
          data: { image_id: image.id, digests: image.digests.map((one) => one.slice(one.indexOf('@') + 1)) },
        });
        if (before !== null)
          for (const { spec } of specs.all()) {
            const named = spec.image?.reference;
            if (named === undefined || familiar(named) !== familiar(reference)) continue;
            journal.append(unit, {
              actorId,
              action: 'runtime.image_changed',
              subject: `runtime:${spec.id}`,
              data: { from: before, to: image.id },
            });
          }
        return { reference, image_id: image.id, changed_from: before };
      }),
    );
    if (verb !== 'exported') this.#deps.onArrived();
    return brought;
  }

  async #remove(image: Image, actor: Actor, signal: AbortSignal): Promise<void> {
    const { engine, database, journal } = this.#deps;
    const { id } = image;
    if (id === null) return;
    // The last name takes the image with it; one without a name is removed by id.
    for (const reference of image.references) await engine.remove(reference, signal);
    if ((await engine.inspect(id, signal)) !== null) await engine.remove(id, signal);
    await database.transact((unit) =>
      journal.append(unit, {
        actorId: actor.principalId,
        action: 'image.removed',
        subject: `image:${id}`,
        data: { image_id: id },
      }),
    );
  }

  async #facts(signal: AbortSignal): Promise<ImageFacts> {
    const { engine, specs, store } = this.#deps;
    const [present, inUse] = await Promise.all([engine.list(signal), engine.inUse(signal)]);
    return {
      present,
      inUse,
      slots: this.#slotImages(),
      runtimes: specs.all().flatMap(({ spec }) => {
        const reference = spec.image?.reference;
        return spec.driver !== 'docker' || reference === undefined ? [] : [{ id: spec.id, reference }];
      }),
      recorded: store.recordedImages(),
    };
  }

  /** The image of each slot: what it says, else what its model's settings say, else what its runtime names. */
  #slotImages(): { id: string; reference: string }[] {
    const { store, specs, launcher, models } = this.#deps;
    return store.all().flatMap((slot) => {
      const spec = specs.find(slot.runtime_spec);
      if (spec !== undefined && spec.driver !== 'docker') return [];
      const model = slot.desired_model_id === null ? undefined : models.find(slot.desired_model_id);
      const effective = model === undefined ? null : launcher.effectiveOrNull(slot, model);
      const reference =
        effective?.values.image ?? slot.config.image ?? spec?.defaults.image ?? spec?.image?.reference;
      return reference === undefined ? [] : [{ id: slot.id, reference }];
    });
  }
}

function assertPrunable(ids: readonly string[], facts: ImageFacts, candidates: readonly Image[]): void {
  const all = listImages(facts, true);
  const kept = ids.flatMap((id) => {
    if (candidates.some((image) => image.id === id)) return [];
    const image = all.find((one) => one.id === id);
    return [{ id, reason: image === undefined ? 'there is no such image' : whyKept(image, facts) }];
  });
  const [first] = kept;
  if (first === undefined) return;
  throw new AppError('dependencies_unsatisfied', `${first.id} stays: ${first.reason ?? 'it is needed'}.`, {
    hint: 'Ask with dry_run again: what may go has changed. Nothing was removed.',
    details: { kept },
  });
}

/** Names to save images under, so that a load finds them by name: digests are lost in an archive. Pure. */
export function namesToSave(found: readonly { reference: string; image: EngineImage }[]): string[] {
  const all = found.map(({ reference, image }) => {
    if (
      !reference.includes('@') &&
      image.references.some((one) => names(reference, { ...image, references: [one] }))
    )
      return familiar(reference);
    return image.references[0] ?? image.id;
  });
  return [...new Set(all)];
}
