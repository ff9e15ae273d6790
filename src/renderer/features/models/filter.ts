import { TaskKeySchema } from '../../../shared/contract/resources/tasks.ts';
import { MODEL_SORTS, VISIBILITY_SCOPES } from '../../../shared/contract/endpoints/models.ts';
import { LIFECYCLE_STATES } from '../../../shared/lifecycle/states.ts';
import type { ModelFilter, ModelSort } from '../../data/models.ts';

/** The filter as it is typed: words and `key:value` tokens, in any order. The address carries the same. */

export const VIEWS = ['all', 'active', 'attention', 'cloud'] as const;
export type View = (typeof VIEWS)[number];

/** Everything a list of models is asked for; the address and a saved view carry all of it. */
export interface ListState {
  /** As typed: words and tokens. */
  readonly text: string;
  readonly view: View;
  readonly sort: ModelSort;
  /** Models of one name under one row. */
  readonly grouped: boolean;
}

const YES = new Set(['yes', 'true', '1']);

interface TokenKind {
  /** Which values mean something; others make the token a word, and the list says that nothing matches it. */
  readonly takes: (value: string) => boolean;
  /** The last one counts. */
  readonly single?: true;
}
const oneOf = (values: readonly string[]): TokenKind['takes'] => {
  const known = new Set(values);
  return (value) => known.has(value);
};
const anything = (value: string): boolean => value !== '';

/** The tokens, in the order in which an address lists them. */
const TOKENS = {
  state: { takes: oneOf(LIFECYCLE_STATES) },
  task: { takes: oneOf(TaskKeySchema.options) },
  tag: { takes: anything },
  hosting: { takes: oneOf(['local', 'cloud']), single: true },
  provider: { takes: anything, single: true },
  visibility: { takes: oneOf(VISIBILITY_SCOPES) },
  attention: { takes: (value) => YES.has(value), single: true },
  name: { takes: anything, single: true },
} as const satisfies Record<string, TokenKind>;
export type TokenKey = keyof typeof TOKENS;
const TOKEN_KEYS = Object.keys(TOKENS) as TokenKey[];

export interface ParsedFilter {
  readonly values: Readonly<Partial<Record<TokenKey, readonly string[]>>>;
  readonly words: string;
  /** The pieces as they stand in the text, to offer leaving one out. */
  readonly tokens: readonly string[];
}

/** Pieces of a text; a value with spaces stands in quotes. Pure. */
function piecesOf(text: string): string[] {
  return text.match(/[a-z]+:"[^"]*"|\S+/g) ?? [];
}

/** Pure. */
export function parseFilter(text: string): ParsedFilter {
  const values: Partial<Record<TokenKey, string[]>> = {};
  const words: string[] = [];
  const tokens = piecesOf(text);
  for (const token of tokens) {
    const at = token.indexOf(':');
    const key = token.slice(0, Math.max(0, at)) as TokenKey;
    const value = token.slice(at + 1).replaceAll('"', '');
    const kind: TokenKind | undefined = Object.hasOwn(TOKENS, key) ? TOKENS[key] : undefined;
    if (kind === undefined || !kind.takes(value)) words.push(token);
    else if (kind.single === true) values[key] = [value];
    else values[key] = [...new Set([...(values[key] ?? []), value])];
  }
  return { values, words: words.join(' '), tokens };
}

/** The question for the agent. Pure. */
export function toModelFilter(
  { values, words }: ParsedFilter,
  { view, sort, grouped }: Omit<ListState, 'text'>,
): ModelFilter {
  const states = view === 'active' && values.state === undefined ? ['active'] : values.state;
  const hosting = view === 'cloud' ? 'cloud' : values.hosting?.[0];
  return {
    // The models of one name have to follow each other.
    sort: grouped ? 'name' : sort,
    ...(words === '' ? {} : { q: words }),
    ...(states === undefined ? {} : { lifecycle_state: states.join(',') }),
    ...(values.task === undefined ? {} : { task_key: values.task.join(',') }),
    ...(values.tag === undefined ? {} : { tag: values.tag.join(',') }),
    ...(hosting === undefined ? {} : { hosting: hosting as 'local' | 'cloud' }),
    ...(values.provider === undefined ? {} : { provider: values.provider.join(',') }),
    ...(values.visibility === undefined ? {} : { visibility_scope: values.visibility.join(',') }),
    ...(view === 'attention' || values.attention !== undefined ? { attention: true } : {}),
    ...(values.name === undefined ? {} : { name: values.name.join(',') }),
  };
}

/** The address of a list: `?q=qwen&state=active&tag=prod`. Pure. */
export function toSearch({ text, view, sort, grouped }: ListState): URLSearchParams {
  const { values, words } = parseFilter(text);
  const search = new URLSearchParams();
  if (view !== 'all') search.set('view', view);
  if (words !== '') search.set('q', words);
  for (const key of TOKEN_KEYS) if (values[key] !== undefined) search.set(key, values[key].join(','));
  if (sort !== 'name') search.set('sort', sort);
  if (grouped) search.set('group', 'name');
  return search;
}

/** What a person would have typed for an address. Pure. */
export function fromSearch(search: URLSearchParams): ListState {
  const tokens = TOKEN_KEYS.flatMap((key) =>
    (search.get(key) ?? '')
      .split(',')
      .filter((value) => value !== '')
      .map((value) => tokenOf(key, value)),
  );
  const view = search.get('view') ?? 'all';
  const sort = search.get('sort') ?? 'name';
  return {
    text: [...tokens, search.get('q') ?? ''].filter((part) => part !== '').join(' '),
    view: (VIEWS as readonly string[]).includes(view) ? (view as View) : 'all',
    sort: (MODEL_SORTS as readonly string[]).includes(sort) ? (sort as ModelSort) : 'name',
    grouped: search.get('group') === 'name',
  };
}

/** `tag:prod`, `tag:"two words"`. Pure. */
function tokenOf(key: TokenKey, value: string): string {
  return /\s/.test(value) ? `${key}:"${value}"` : `${key}:${value}`;
}

/** The text with a token added or taken away. Pure. */
export function toggleToken(text: string, key: TokenKey, value: string): string {
  const token = tokenOf(key, value);
  const pieces = piecesOf(text);
  return (pieces.includes(token) ? pieces.filter((one) => one !== token) : [...pieces, token]).join(' ');
}
