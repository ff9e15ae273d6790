import type { DriverProblem } from '../adapters/nvidia/index.ts';
import { isOn } from './bus-id.ts';
import type { GpuState } from './gpu-view.ts';

/** By UUID. */
export const byUuid = <T extends { readonly uuid: string }>(all: readonly T[]): Map<string, T> =>
  new Map(all.map((one) => [one.uuid, one]));

export const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));

/** Cards that are gone stay known, so that somebody can be told; those that are there are as they are now. */
export function mergeCards(known: GpuState['cards'], now: GpuState['cards']): GpuState['cards'] {
  const gone = known.filter(({ uuid }) => !now.some((card) => card.uuid === uuid));
  return [...now, ...gone].toSorted((a, b) => a.index - b.index || a.uuid.localeCompare(b.uuid));
}

/** Cards that a failure of the driver is about: the one that it names, else all of them. Pure. */
export function lostBy({ busId }: DriverProblem, cards: GpuState['cards']): Set<string> {
  const named = cards.filter((card) => busId === undefined || isOn(card.busId, busId));
  return new Set(named.map(({ uuid }) => uuid));
}
