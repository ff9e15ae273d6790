import { describe, expect, it } from 'vitest';
import { fromSearch, parseFilter, toModelFilter, toSearch } from './filter.ts';

describe('the filter of models', () => {
  it('reads tokens and words in any order', () => {
    expect(parseFilter('qwen state:active  tag:prod 8b task:llm hosting:local')).toEqual({
      states: ['active'],
      tasks: ['llm'],
      tags: ['prod'],
      hosting: 'local',
      words: 'qwen 8b',
      tokens: ['qwen', 'state:active', 'tag:prod', '8b', 'task:llm', 'hosting:local'],
    });
  });

  it('takes a token that means nothing as words', () => {
    expect(parseFilter('state:flying').words).toBe('state:flying');
    expect(parseFilter('tag:').words).toBe('tag:');
  });

  it('asks the agent for it', () => {
    expect(toModelFilter(parseFilter('qwen tag:a tag:b'), 'all', 'name')).toEqual({
      sort: 'name',
      q: 'qwen',
      tag: 'a,b',
    });
    expect(toModelFilter(parseFilter(''), 'active', 'created')).toEqual({
      sort: 'created',
      lifecycle_state: 'active',
    });
    expect(toModelFilter(parseFilter('state:inactive'), 'active', 'name').lifecycle_state).toBe('inactive');
  });

  it('survives the address bar', () => {
    const text = 'state:active tag:prod qwen';
    const search = toSearch(text, 'attention', 'created');
    expect(search.toString()).toBe('view=attention&q=qwen&state=active&tag=prod&sort=created');
    expect(fromSearch(search)).toEqual({ text, view: 'attention', sort: 'created' });
    expect(fromSearch(new URLSearchParams('view=nonsense'))).toEqual({ text: '', view: 'all', sort: 'name' });
  });
});
