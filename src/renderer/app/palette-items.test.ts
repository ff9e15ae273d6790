import { describe, expect, it } from 'vitest';
import { actionsFor } from '../features/models/actions.ts';
import { matches, parseQuery } from './palette-items.ts';
import { placeOf } from './places.ts';

describe('what is typed into the palette', () => {
  it.each([
    ['> load', { prefix: '>', words: 'load' }],
    ['#Alpha', { prefix: '#', words: 'alpha' }],
    ['  doctor ', { prefix: '', words: 'doctor' }],
    ['', { prefix: '', words: '' }],
  ])('"%s"', (query, parsed) => {
    expect(parseQuery(query)).toEqual(parsed);
  });

  it('finds rows that hold every word, in any order', () => {
    const item = { label: 'Load alpha v1', detail: 'registered' };
    expect(matches(item, 'alpha load')).toBe(true);
    expect(matches(item, 'registered')).toBe(true);
    expect(matches(item, 'alpha delete')).toBe(false);
  });
});

describe('the actions that mean something', () => {
  it.each([
    ['created', ['register', 'load', 'test', 'validate', 'activate', 'unregister', 'delete']],
    ['active', ['load', 'test', 'validate', 'deactivate', 'unregister', 'delete']],
    ['unregistered', ['register', 'load', 'test', 'validate', 'activate', 'delete']],
  ] as const)('on a model that is %s', (lifecycle_state, actions) => {
    expect(actionsFor({ lifecycle_state, hosting: 'local' })).toEqual(actions);
  });
});

describe('the place of a path', () => {
  it.each([
    ['/', 'overview'],
    ['/models/alpha-v1/history', 'models'],
    ['/modelsx', undefined],
    ['/jobs/1', undefined],
  ])('%s', (path, id) => {
    expect(placeOf(path)?.id).toBe(id);
  });
});
