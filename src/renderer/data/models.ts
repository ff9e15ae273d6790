import { useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { ENDPOINTS, type EndpointOutput, type MODEL_SORTS, type Model } from '../../shared/contract/index.ts';
import type { LifecycleState } from '../../shared/lifecycle/states.ts';
import { call } from './api.ts';
import { queries, useQuery, type Query, type QueryState } from './queries.ts';

/** Models by id, whatever answer they came in. An older version never replaces a newer one. */
export const modelStore = createStore<{ readonly models: Readonly<Record<string, Model>> }>(() => ({
  models: {},
}));

function putModels(models: readonly Model[]): void {
  modelStore.setState(({ models: before }) => {
    const next = { ...before };
    for (const model of models) if (!isOlder(model, before[model.id])) next[model.id] = model;
    return { models: next };
  });
}

/** Pure. */
function isOlder(model: Model, than: Model | undefined): boolean {
  if (than === undefined) return false;
  return model.rev < than.rev || (model.rev === than.rev && model.observed_at < than.observed_at);
}

export type ModelSort = (typeof MODEL_SORTS)[number];

/** Lists are joined by commas, as the agent reads them. */
export interface ModelFilter {
  readonly q?: string;
  readonly lifecycle_state?: string;
  readonly task_key?: string;
  readonly tag?: string;
  readonly hosting?: 'local' | 'cloud';
  readonly provider?: string;
  readonly visibility_scope?: string;
  readonly attention?: true;
  readonly capability?: 'llm_inference' | 'embeddings' | 'rerank';
  readonly name?: string;
  readonly sort?: ModelSort;
}

export interface ModelPage {
  readonly ids: readonly string[];
  readonly next: string | null;
  readonly counts: Partial<Record<LifecycleState, number>>;
}

const PAGE = 200;

/** How many pages of a list somebody scrolled through. */
const wantedPages = new Map<string, number>();
/** Lists whose next page is on its way. */
const reading = new Set<string>();

type Answer = EndpointOutput<typeof ENDPOINTS.listModels>;

async function readPage(
  filter: ModelFilter,
  cursor: string | null,
  { signal, include }: { readonly signal?: AbortSignal | undefined; readonly include?: string } = {},
): Promise<Answer> {
  const answer = await call(
    ENDPOINTS.listModels,
    {
      query: {
        ...filter,
        limit: PAGE,
        ...(cursor === null ? {} : { cursor }),
        ...(include === undefined ? {} : { include }),
      },
    },
    signal === undefined ? {} : { signal },
  );
  putModels(answer.models);
  return answer;
}

/** Models that match, as many pages as were scrolled to. The counts are of all that match but for the state. */
export function modelListQuery(filter: ModelFilter): Query<ModelPage> {
  const key = `models ${JSON.stringify(filter)}`;
  return {
    key,
    about: ['model:*'],
    read: async (signal) => {
      let page: ModelPage = { ids: [], next: null, counts: {} };
      for (let read = 0; read < (wantedPages.get(key) ?? 1); read += 1) {
        page = joined(page, await readPage(filter, page.next, { signal }));
        if (page.next === null) break;
      }
      return page;
    },
  };
}

/** Pure. A model that was renamed between two pages stands in both; it is listed once. */
function joined(before: ModelPage, answer: Answer): ModelPage {
  return {
    ids: [...new Set([...before.ids, ...answer.models.map((model) => model.id)])],
    next: answer.next_cursor,
    counts: answer.counts,
  };
}

/** Reads one page more of a list and puts it under what is there. */
export async function moreModels(filter: ModelFilter): Promise<void> {
  const query = modelListQuery(filter);
  const { key } = query;
  const { data, fetching } = queries.get<ModelPage>(key);
  if (fetching || reading.has(key) || data === undefined || data.next === null) return;
  reading.add(key);
  wantedPages.set(key, (wantedPages.get(key) ?? 1) + 1);
  try {
    const page = joined(data, await readPage(filter, data.next));
    const now = queries.get<ModelPage>(key);
    // Read again meanwhile: then that has the page, too.
    if (now.data === data && !now.fetching) queries.put(query, page);
  } catch {
    // What went wrong is told by the list when it is read as a whole.
    queries.refresh(key);
  } finally {
    reading.delete(key);
  }
}

/**
 * Every model that matches, however many there are.
 * @param onProgress told how many are here after each page
 * @throws {AppError} the refusal
 */
export async function allModels(
  filter: ModelFilter,
  {
    onProgress,
    ...options
  }: {
    readonly onProgress?: (count: number) => void;
    readonly signal?: AbortSignal;
    readonly include?: string;
  } = {},
): Promise<readonly Model[]> {
  const models = new Map<string, Model>();
  let cursor: string | null = null;
  do {
    const answer: Answer = await readPage(filter, cursor, options);
    for (const model of answer.models) models.set(model.id, model);
    cursor = answer.next_cursor;
    onProgress?.(models.size);
  } while (cursor !== null);
  return [...models.values()];
}

/** One model with its actions, its files and what is missing. */
export function modelQuery(id: string): Query<Model> {
  return {
    key: `model ${id}`,
    about: [`model:${id}`, 'profile:runtime'],
    read: async (signal) => {
      const { model } = await call(ENDPOINTS.getModel, { params: { id } }, { signal });
      putModels([model]);
      return model;
    },
  };
}

/** The same with what is missing for somebody else. Its actions are those of whoever asks. */
export function modelForQuery(id: string, principalId: string): Query<Model> {
  return {
    key: `model ${id} for ${principalId}`,
    about: [`model:${id}`, 'profile:runtime', `principal:${principalId}`, 'group:*'],
    read: async (signal) =>
      (await call(ENDPOINTS.getModel, { params: { id }, query: { for: principalId } }, { signal })).model,
  };
}

/** Takes a model that came as the answer to a change. */
export function putModelDetail(model: Model): void {
  putModels([model]);
  queries.put(modelQuery(model.id), model);
  queries.invalidate(new Set([`model:${model.id}:history`]));
}

/** A list that stays on the screen until the answer to the next question is there. */
export function useModelList(filter: ModelFilter): QueryState<ModelPage> & { refresh: () => void } {
  const state = useQuery(modelListQuery(filter));
  const [kept, setKept] = useState(state.data);
  if (state.data !== undefined && state.data !== kept) setKept(state.data);
  return { ...state, data: state.data ?? kept };
}

export function useModelDetail(id: string | null): QueryState<Model> & { refresh: () => void } {
  return useQuery(id === null ? null : modelQuery(id));
}

/** A model as it was last seen, from whatever answer. */
export function useModel(id: string | null): Model | undefined {
  return useStore(modelStore, ({ models }) => (id === null ? undefined : models[id]));
}

export function useModels(ids: readonly string[]): readonly Model[] {
  const models = useStore(modelStore, (state) => state.models);
  return useMemo(() => ids.flatMap((id) => models[id] ?? []), [ids, models]);
}
