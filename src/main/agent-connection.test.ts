import { expect, it } from 'vitest';
import { NAME_PATTERN } from '../shared/contract/index.ts';
import { desktopKeyName } from './agent-connection.ts';

it.each([
  ['alice', 'desktop-alice'],
  ['Alice Miller', 'desktop-alice-miller'],
  ['CORP\\alice', 'desktop-corp-alice'],
  ['a/b', 'desktop-a-b'],
  ['Ünï', 'desktop-n'],
  ['', 'desktop'],
])('the key of the account %s is called %s', (account, name) => {
  expect(desktopKeyName(account)).toBe(name);
  expect(name).toMatch(NAME_PATTERN);
});
