import { describe, expect, it } from 'vitest';
import type { Model } from '../../../shared/contract/index.ts';
import { withTail } from '../../parts/use-held.ts';
import { groupedRows, modelsOf, plainRows, valuesOf } from './list-rows.ts';

const model = (name: string, seq: number, quantization = 'Q4_K_M'): Model =>
  ({ id: `${name}-v${seq}`, name, seq, quantization }) as Model;
const LISTED = [model('alpha', 1), model('beta', 1, 'Q4_K_M'), model('beta', 2, 'Q8_0'), model('gamma', 1)];

describe('the rows of the list', () => {
  it('are one a model', () => {
    expect(plainRows(LISTED).map((row) => row.id)).toEqual(['alpha-v1', 'beta-v1', 'beta-v2', 'gamma-v1']);
  });

  it('fold the models of one name, and no name of one model', () => {
    const rows = groupedRows(LISTED, new Set());
    expect(rows.map((row) => row.id)).toEqual(['alpha-v1', 'name:beta', 'gamma-v1']);
    const beta = rows[1]!;
    expect(modelsOf(beta).map((one) => one.id)).toEqual(['beta-v2', 'beta-v1']);
    expect(valuesOf(beta, (one) => one.quantization)).toEqual(['Q8_0', 'Q4_K_M']);
  });

  it('unfold newest first under the name', () => {
    const rows = groupedRows(LISTED, new Set(['beta']));
    expect(rows.map((row) => row.id)).toEqual(['alpha-v1', 'name:beta', 'beta-v2', 'beta-v1', 'gamma-v1']);
    expect(rows.map((row) => row.inner)).toEqual([false, false, true, true, false]);
  });
});

describe('rows that are held', () => {
  it('take what follows after the last one, and nothing between', () => {
    const shown = ['a', 'b'];
    expect(withTail(shown, ['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd']);
    expect(withTail(shown, ['a', 'new', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(withTail(shown, ['new', 'a', 'b'])).toBe(shown);
    expect(withTail(shown, ['c', 'd'])).toBe(shown);
    expect(withTail(shown, ['b', 'a'])).toBe(shown);
  });
});
