import { useState } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { ENDPOINTS, type EndpointOutput, type Model } from '../../shared/contract/index.ts';
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

export interface ModelFilter {
  readonly q?: string;
  readonly lifecycle_state?: string;
  readonly task_key?: string;
  readonly tag?: string;
  readonly hosting?: 'local' | 'cloud';
  readonly capability?: 'llm_inference' | 'embeddings' | 'rerank';
  readonly name?: string;
  readonly sort?: 'name' | 'created';
}

export interface ModelPage {
  readonly ids: readonly string[];
  readonly next: string | null;
  readonly counts: Partial<Record<LifecycleState, number>>;
}

const PAGE = 200;

/** How many pages of a list somebody scrolled through. */
const wantedPages = new Map<string, number>();

/** Models that match, as many pages as were scrolled to. The counts are of all that match but for the state. */
export function modelListQuery(filter: ModelFilter): Query<ModelPage> {
  const key = `models ${JSON.stringify(filter)}`;
  return {
    key,
    about: ['model:*'],
    read: async (signal) => {
      const ids: string[] = [];
      let next: string | null = null;
      let counts: ModelPage['counts'] = {};
      for (let page = 0; page < (wantedPages.get(key) ?? 1); page += 1) {
        const cursor: { cursor?: string } = next === null ? {} : { cursor: next };
        const answer: EndpointOutput<typeof ENDPOINTS.listModels> = await call(
          ENDPOINTS.listModels,
          { query: { ...filter, limit: PAGE, ...cursor } },
          { signal },
        );
        putModels(answer.models);
        ids.push(...answer.models.map((model) => model.id));
        next = answer.next_cursor;
        ({ counts } = answer);
        if (next === null) break;
      }
      return { ids, next, counts };
    },
  };
}

/** Asks for one page more of a list. */
export function moreModels(filter: ModelFilter): void {
  const { key } = modelListQuery(filter);
  const { data, fetching } = queries.get<ModelPage>(key);
  if (fetching || data === undefined || data.next === null) return;
  wantedPages.set(key, (wantedPages.get(key) ?? 1) + 1);
  queries.refresh(key);
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
  return ids.flatMap((id) => models[id] ?? []);
}
