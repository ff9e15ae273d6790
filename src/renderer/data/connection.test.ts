import { describe, expect, it } from 'vitest';
import { phaseOf } from './connection.ts';

describe('a line that broke', () => {
  it.each([
    [null, 'fine'],
    [0, 'fine'],
    [1999, 'fine'],
    [2000, 'reconnecting'],
    [4999, 'reconnecting'],
    [5000, 'stale'],
  ])('%s ms ago is %s', (ago, phase) => {
    expect(phaseOf({ lostAt: ago === null ? null : 1_000_000 - ago }, 1_000_000)).toBe(phase);
  });
});
