import { describe, expect, it } from 'vitest';
import { fromSearch, parseFilter, toggleToken, toModelFilter, toSearch, type ListState } from './filter.ts';

const state = (over: Partial<ListState> = {}): ListState => ({
  text: '',
  view: 'all',
  sort: 'name',
  grouped: false,
  ...over,
});
const asked = (text: string, over: Partial<ListState> = {}) =>
  toModelFilter(parseFilter(text), state({ text, ...over }));

describe('the filter of models', () => {
  it('reads tokens and words in any order', () => {
    expect(parseFilter('qwen state:active  tag:prod 8b task:llm hosting:local')).toEqual({
      values: { state: ['active'], tag: ['prod'], task: ['llm'], hosting: ['local'] },
      words: 'qwen 8b',
      tokens: ['qwen', 'state:active', 'tag:prod', '8b', 'task:llm', 'hosting:local'],
    });
  });

  it('takes a token that means nothing as words', () => {
    expect(parseFilter('state:flying').words).toBe('state:flying');
    expect(parseFilter('tag:').words).toBe('tag:');
    expect(parseFilter('attention:no').words).toBe('attention:no');
    expect(parseFilter('constructor:x http://host').words).toBe('constructor:x http://host');
  });

  it('takes a value with spaces in quotes', () => {
    expect(parseFilter('tag:"for the lab" x')).toEqual({
      values: { tag: ['for the lab'] },
      words: 'x',
      tokens: ['tag:"for the lab"', 'x'],
    });
  });

  it('asks the agent for it', () => {
    expect(asked('qwen tag:a tag:b')).toEqual({ sort: 'name', q: 'qwen', tag: 'a,b' });
    expect(asked('', { view: 'active', sort: 'created' })).toEqual({
      sort: 'created',
      lifecycle_state: 'active',
    });
    expect(asked('state:inactive', { view: 'active' }).lifecycle_state).toBe('inactive');
    expect(asked('', { view: 'cloud' })).toEqual({ sort: 'name', hosting: 'cloud' });
    expect(asked('', { view: 'attention' })).toEqual({ sort: 'name', attention: true });
    expect(asked('provider:openai visibility:group attention:yes name:qwen')).toEqual({
      sort: 'name',
      provider: 'openai',
      visibility_scope: 'group',
      attention: true,
      name: 'qwen',
    });
    expect(asked('', { sort: 'updated', grouped: true })).toEqual({ sort: 'name' });
  });

  it('survives the address bar', () => {
    const list = state({
      text: 'state:active tag:prod tag:"for the lab" qwen',
      view: 'attention',
      sort: 'updated',
      grouped: true,
    });
    const search = toSearch(list);
    expect(search.toString()).toBe(
      'view=attention&q=qwen&state=active&tag=prod%2Cfor+the+lab&sort=updated&group=name',
    );
    expect(fromSearch(search)).toEqual(list);
    expect(fromSearch(new URLSearchParams('view=nonsense&sort=size'))).toEqual(state());
  });

  it('adds and takes away a token', () => {
    expect(toggleToken('qwen', 'state', 'active')).toBe('qwen state:active');
    expect(toggleToken('state:active qwen', 'state', 'active')).toBe('qwen');
  });
});
