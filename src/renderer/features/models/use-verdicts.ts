import { useEffect, useState } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { allModels, modelQuery, modelStore, type ModelFilter } from '../../data/models.ts';
import { queries } from '../../data/queries.ts';

/** So many are asked for one by one; more come with the list they are in. */
const ONE_BY_ONE = 12;

type Known = ReadonlyMap<string, Model>;
const NONE: Known = new Map();

/**
 * The agent's verdicts on the models of a selection, by id: read as they are selected, again when one changed.
 * @param filter the list they were selected in
 */
export function useVerdicts(
  selected: ReadonlySet<string>,
  filter: ModelFilter,
): { readonly known: Known; readonly complete: boolean } {
  const [known, setKnown] = useState<Known>(NONE);
  const missing = [...selected].filter((id) => isOutdated(id, known));
  // By id and revision: a row that changed has new verdicts.
  const question = missing.length === 0 ? '' : missing.join(' ');
  const list = JSON.stringify(filter);
  useEffect(() => {
    if (question === '') return undefined;
    let current = true;
    const wanted = question.split(' ');
    const read = async (): Promise<void> => {
      const found =
        wanted.length > ONE_BY_ONE ? await fromList(JSON.parse(list) as ModelFilter) : await oneByOne(wanted);
      if (!current) return;
      // One that is gone, or not to be seen any more, is known as it was: it can do nothing.
      setKnown((before) => merged(before, found, wanted));
    };
    void read();
    return () => {
      current = false;
    };
  }, [question, list]);
  return { known, complete: missing.length === 0 };
}

function isOutdated(id: string, known: Known): boolean {
  const verdicts = known.get(id);
  if (verdicts === undefined) return true;
  const row = modelStore.getState().models[id];
  return row !== undefined && row.rev > verdicts.rev;
}

async function fromList(filter: ModelFilter): Promise<readonly Model[]> {
  try {
    return await allModels(filter, { include: 'actions' });
  } catch {
    // The agent is away; the bar then says that nothing is known.
    return [];
  }
}

async function oneByOne(ids: readonly string[]): Promise<readonly Model[]> {
  const all = await Promise.allSettled(ids.map((id) => queries.fetch(modelQuery(id))));
  return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

function merged(before: Known, found: readonly Model[], wanted: readonly string[]): Known {
  const next = new Map(before);
  for (const model of found) next.set(model.id, model);
  for (const id of wanted) {
    const row = modelStore.getState().models[id];
    const verdicts = next.get(id);
    if (row !== undefined && (verdicts === undefined || verdicts.rev < row.rev)) next.set(id, row);
  }
  return next;
}
