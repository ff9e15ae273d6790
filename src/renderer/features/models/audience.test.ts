import { describe, expect, it } from 'vitest';
import type { Group, Principal } from '../../../shared/contract/index.ts';
import { audience, countOf, sameRule, type Rule } from './audience.ts';

const person = (id: string, more: Partial<Principal> = {}): Principal =>
  ({ id, name: id, kind: 'person', role: 'user', key_count: 1, disabled_at: null, ...more }) as Principal;
const PEOPLE = [
  person('ann'),
  person('bob', { key_count: 3 }),
  person('ci', { kind: 'service' }),
  person('boss', { role: 'superadmin' }),
  person('gone', { disabled_at: '2026-11-01T00:00:00.000Z' }),
  person('node', { kind: 'system' }),
];
const GROUPS = [
  { id: 'g1', name: 'analysts', members: [{ id: 'ann' }, { id: 'ci' }] },
  { id: 'g2', name: 'others', members: [{ id: 'bob' }] },
] as Group[];
const rule = (scope: Rule['scope'], more: Partial<Rule> = {}): Rule => ({
  scope,
  users: [],
  groups: [],
  ...more,
});
const seenBy = (wanted: Rule, owner: string | null = null): string[] =>
  audience(wanted, owner, PEOPLE, GROUPS).map(
    ({ principal, through }) => `${principal.id} ${through.by === 'group' ? through.group : through.by}`,
  );

describe('who sees a model', () => {
  it.each<[string, Rule, string | null, string[]]>([
    ['private', rule('private'), 'ann', ['ann owner', 'boss superadmin']],
    ['named people', rule('user', { users: ['bob'] }), null, ['bob name', 'boss superadmin']],
    [
      'a group, of which names count nothing',
      rule('group', { groups: ['g1'], users: ['bob'] }),
      null,
      ['ann analysts', 'ci analysts', 'boss superadmin'],
    ],
    ['everybody', rule('platform'), null, ['ann everyone', 'bob everyone', 'ci everyone', 'boss everyone']],
  ])('%s', (_name, wanted, owner, seen) => {
    expect(seenBy(wanted, owner)).toEqual(seen);
  });

  it('is counted in people and keys, without whoever is let in no more', () => {
    expect(countOf(audience(rule('platform'), null, PEOPLE, GROUPS))).toEqual({ people: 4, keys: 6 });
  });

  it('does not change by a list that the scope does not use', () => {
    expect(sameRule(rule('platform'), rule('platform', { users: ['ann'] }))).toBe(true);
    expect(sameRule(rule('user', { users: ['a', 'b'] }), rule('user', { users: ['b', 'a'] }))).toBe(true);
    expect(sameRule(rule('user', { users: ['a'] }), rule('user', { users: ['b'] }))).toBe(false);
  });
});
