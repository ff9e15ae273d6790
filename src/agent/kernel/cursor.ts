import type { z } from 'zod';
import { AppError } from '../../shared/contract/index.ts';

/**
 * Keyset cursors: the sort key of the last row of a page, opaque to clients. Page 1,000 costs what page 1 costs, and
 * rows that come or go in between shift nothing.
 */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @returns null without a cursor. @throws {AppError} `invalid_argument` when it is not one of ours. */
export function decodeCursor<T>(cursor: string | undefined, schema: z.ZodType<T>): T | null {
  if (cursor === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new AppError('invalid_argument', 'This cursor is not one of this list.', {
      hint: 'Start again without a cursor.',
      details: { fields: ['cursor'] },
      cause,
    });
  }
}

/** Splits `limit + 1` rows into a page and the row that tells where the next one starts. */
export function pageOf<T>(found: readonly T[], limit: number): { rows: T[]; next: T | null } {
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? (rows.at(-1) ?? null) : null };
}
