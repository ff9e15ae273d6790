import type { Model } from '../../../shared/contract/index.ts';

/** A row of the list: a model, or a name with the models that bear it. */
export interface ListRow {
  readonly id: string;
  /** The model; of a name the newest that is listed. */
  readonly model: Model;
  /** All that stand under it, newest first; null for a row of one model. */
  readonly family: readonly Model[] | null;
  /** It stands under a name. */
  readonly inner: boolean;
}

/** One row a model, as they come. Pure. */
export function plainRows(models: readonly Model[]): ListRow[] {
  return models.map((model) => ({ id: model.id, model, family: null, inner: false }));
}

/** One row a name, with its models under it where it is unfolded; a name with one model is that model. Pure. */
export function groupedRows(models: readonly Model[], open: ReadonlySet<string>): ListRow[] {
  const families = new Map<string, Model[]>();
  for (const model of models) {
    const known = families.get(model.name);
    if (known === undefined) families.set(model.name, [model]);
    else known.push(model);
  }
  return [...families].flatMap(([name, unsorted]) => {
    const family = unsorted.toSorted((a, b) => b.seq - a.seq);
    const [newest] = family;
    if (newest === undefined) return [];
    if (family.length === 1) return plainRows(family);
    const row: ListRow = { id: `name:${name}`, model: newest, family, inner: false };
    if (!open.has(name)) return [row];
    return [row, ...family.map((model) => ({ id: model.id, model, family: null, inner: true }))];
  });
}

/** What a row stands for: itself, or every model under its name. Pure. */
export function modelsOf(row: ListRow): readonly Model[] {
  return row.family ?? [row.model];
}

/** Different values of the models of a row, in their order. Pure. */
export function valuesOf<T>(row: ListRow, value: (model: Model) => T): T[] {
  return [...new Set(modelsOf(row).map(value))];
}
