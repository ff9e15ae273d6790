import { TaskKeySchema } from '../../../shared/contract/resources/tasks.ts';
import { LIFECYCLE_STATES, type LifecycleState } from '../../../shared/lifecycle/states.ts';
import type { ModelFilter } from '../../data/models.ts';

/** The filter as it is typed: words and `key:value` tokens, in any order. The address carries the same. */

export const VIEWS = ['all', 'active', 'attention'] as const;
export type View = (typeof VIEWS)[number];

export interface ParsedFilter {
  readonly states: readonly LifecycleState[];
  readonly tasks: readonly string[];
  readonly tags: readonly string[];
  readonly hosting: 'local' | 'cloud' | null;
  readonly words: string;
  /** The pieces as they stand in the text, to offer leaving one out. */
  readonly tokens: readonly string[];
}

const TASK_KEYS = new Set<string>(TaskKeySchema.options);

/** Tokens with values that do not exist are words: the list then says that nothing matches them. Pure. */
export function parseFilter(text: string): ParsedFilter {
  const states: LifecycleState[] = [];
  const tasks: string[] = [];
  const tags: string[] = [];
  const words: string[] = [];
  let hosting: ParsedFilter['hosting'] = null;
  const tokens = text
    .trim()
    .split(/\s+/)
    .filter((token) => token !== '');
  for (const token of tokens) {
    const [key = '', ...rest] = token.split(':');
    const value = rest.join(':');
    if (key === 'state' && (LIFECYCLE_STATES as readonly string[]).includes(value))
      states.push(value as LifecycleState);
    else if (key === 'task' && TASK_KEYS.has(value)) tasks.push(value);
    else if (key === 'tag' && value !== '') tags.push(value);
    else if (key === 'hosting' && (value === 'local' || value === 'cloud')) hosting = value;
    else words.push(token);
  }
  return { states, tasks, tags, hosting, words: words.join(' '), tokens };
}

/** The question for the agent. Pure. */
export function toModelFilter(parsed: ParsedFilter, view: View, sort: 'name' | 'created'): ModelFilter {
  const states = view === 'active' && parsed.states.length === 0 ? ['active'] : parsed.states;
  return {
    sort,
    ...(parsed.words === '' ? {} : { q: parsed.words }),
    ...(states.length === 0 ? {} : { lifecycle_state: states.join(',') }),
    ...(parsed.tasks.length === 0 ? {} : { task_key: parsed.tasks.join(',') }),
    ...(parsed.tags.length === 0 ? {} : { tag: parsed.tags.join(',') }),
    ...(parsed.hosting === null ? {} : { hosting: parsed.hosting }),
  };
}

/** The address of a filter: `?q=qwen&state=active&tag=prod`. Pure. */
export function toSearch(text: string, view: View, sort: 'name' | 'created'): URLSearchParams {
  const { states, tasks, tags, hosting, words } = parseFilter(text);
  const search = new URLSearchParams();
  if (view !== 'all') search.set('view', view);
  if (words !== '') search.set('q', words);
  if (states.length > 0) search.set('state', states.join(','));
  if (tasks.length > 0) search.set('task', tasks.join(','));
  if (tags.length > 0) search.set('tag', tags.join(','));
  if (hosting !== null) search.set('hosting', hosting);
  if (sort !== 'name') search.set('sort', sort);
  return search;
}

/** What a person would have typed for an address. Pure. */
export function fromSearch(search: URLSearchParams): { text: string; view: View; sort: 'name' | 'created' } {
  const tokens = (key: string): string[] =>
    (search.get(key) ?? '')
      .split(',')
      .filter((value) => value !== '')
      .map((value) => `${key}:${value}`);
  const view = search.get('view') ?? 'all';
  return {
    text: [
      ...tokens('state'),
      ...tokens('task'),
      ...tokens('tag'),
      ...tokens('hosting'),
      search.get('q') ?? '',
    ]
      .filter((part) => part !== '')
      .join(' '),
    view: (VIEWS as readonly string[]).includes(view) ? (view as View) : 'all',
    sort: search.get('sort') === 'created' ? 'created' : 'name',
  };
}
