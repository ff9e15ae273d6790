import type { Image } from '../../../shared/contract/index.ts';
import type { EngineImage } from '../../adapters/docker/index.ts';
import { toIsoOrNull } from '../../kernel/clock.ts';
import type { RecordedImage } from '../slots/slot-store.ts';
import { familiar, names, repositoryOf } from './references.ts';

/** Who needs which image, and what may go. Pure. */

export interface ImageFacts {
  readonly present: readonly EngineImage[];
  /** Ids that containers were made from, running or not. */
  readonly inUse: ReadonlySet<string>;
  /** The image each slot would start from. */
  readonly slots: readonly { readonly id: string; readonly reference: string }[];
  /** The image each runtime names. */
  readonly runtimes: readonly { readonly id: string; readonly reference: string }[];
  readonly recorded: readonly RecordedImage[];
}

/** Images that slots and runtimes name, here or not; with `all` every image of the engine. */
export function listImages(facts: ImageFacts, all: boolean): Image[] {
  const here = facts.present
    .map((image) => presentImage(image, facts))
    .filter((image) => all || image.needed_references.length > 0 || isOurs(image, facts));
  const absent = [...new Set([...facts.slots, ...facts.runtimes].map(({ reference }) => familiar(reference)))]
    .filter((reference) => !facts.present.some((image) => names(reference, image)))
    .map((reference) => absentImage(reference, facts));
  return [...here, ...absent].toSorted((a, b) => rank(a) - rank(b) || label(a).localeCompare(label(b)));
}

/** What slots need stands first, then what runtimes name. */
function rank(image: Image): number {
  if (image.needed_by_slots.length > 0) return 0;
  return image.needed_by_runtimes.length > 0 ? 1 : 2;
}

function label(image: Image): string {
  return image.needed_references[0] ?? image.references[0] ?? image.id ?? '';
}

function presentImage(image: EngineImage, facts: ImageFacts): Image {
  const slots = facts.slots.filter(({ reference }) => names(reference, image));
  const runtimes = facts.runtimes.filter(({ reference }) => names(reference, image));
  const recorded = facts.recorded.filter(({ reference }) => names(reference, image));
  // Recorded at the last start or import; another id may have come behind the same name since.
  const changed = recorded
    .map((row) => (row.image_id === image.id ? row.changed_from : row.image_id))
    .find((id) => id !== null && id !== image.id);
  return {
    id: image.id,
    references: [...image.references],
    digests: [...image.digests],
    size_bytes: image.sizeBytes,
    architecture: image.architecture,
    version: image.version,
    created_at: toIsoOrNull(image.createdAt),
    present: true,
    changed_from: changed ?? null,
    needed_references: unique([...slots, ...runtimes].map(({ reference }) => reference)),
    needed_by_slots: slots.map(({ id }) => id),
    needed_by_runtimes: runtimes.map(({ id }) => id),
    in_use: facts.inUse.has(image.id),
  };
}

function absentImage(reference: string, facts: ImageFacts): Image {
  const slots = facts.slots.filter((slot) => familiar(slot.reference) === reference);
  const runtimes = facts.runtimes.filter((runtime) => familiar(runtime.reference) === reference);
  return {
    id: null,
    references: [reference],
    digests: [],
    size_bytes: null,
    architecture: null,
    version: null,
    created_at: null,
    present: false,
    changed_from: facts.recorded.find((row) => familiar(row.reference) === reference)?.image_id ?? null,
    needed_references: unique([...slots, ...runtimes].map((one) => one.reference)),
    needed_by_slots: slots.map(({ id }) => id),
    needed_by_runtimes: runtimes.map(({ id }) => id),
    in_use: false,
  };
}

/**
 * Whether an image has to do with runtimes: one was started from it, it was brought here by this agent, or it is another
 * version of what a runtime names. Images of other programs are nobody's business.
 */
function isOurs(
  image: Pick<Image, 'id' | 'references' | 'digests' | 'needed_references'>,
  facts: ImageFacts,
): boolean {
  if (image.needed_references.length > 0) return true;
  if (facts.recorded.some((row) => row.image_id === image.id || row.changed_from === image.id)) return true;
  const repositories = new Set(
    [...facts.slots, ...facts.runtimes].map(({ reference }) => repositoryOf(reference)),
  );
  return [...image.references, ...image.digests].some((one) => repositories.has(repositoryOf(one)));
}

/** What a prune may remove: images of runtimes that no slot needs and no container was made from. */
export function prunable(facts: ImageFacts): Image[] {
  return listImages(facts, true).filter((image) => whyKept(image, facts) === null);
}

/** Why an image stays, as it reads in a sentence; null when it may go. */
export function whyKept(image: Image, facts: ImageFacts): string | null {
  if (!image.present) return 'it is not on this machine';
  if (image.needed_by_slots.length > 0)
    return `${image.needed_by_slots.join(', ')} ${image.needed_by_slots.length === 1 ? 'needs' : 'need'} it`;
  if (image.in_use) return 'a container was made from it';
  return isOurs(image, facts) ? null : 'it has nothing to do with a runtime of this node';
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
