import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageOf } from './cursor.ts';
import { refusal } from '../../../test/support/refusals.ts';

describe('cursors', () => {
  const schema = z.tuple([z.string(), z.int()]);
  it('come back as they went', () => {
    expect(decodeCursor(encodeCursor(['a/ä', 7]), schema)).toEqual(['a/ä', 7]);
    expect(decodeCursor(undefined, schema)).toBeNull();
  });
  it.each(['x', '', Buffer.from('[1]').toString('base64url'), Buffer.from('{').toString('base64url')])(
    'refuse %s',
    (cursor) => {
      expect(refusal(() => decodeCursor(cursor, schema))).toMatchObject({
        code: 'invalid_argument',
        details: { fields: ['cursor'] },
      });
    },
  );
  it('split a page from the row after it', () => {
    expect(pageOf([1, 2, 3], 2)).toEqual({ rows: [1, 2], next: 2 });
    expect(pageOf([1, 2], 2)).toEqual({ rows: [1, 2], next: null });
  });
});
