import { GLOBAL_MODEL_ID_PREFIX } from '../../shared/contract/index.ts';
import type { Database } from '../kernel/database/database.ts';

/** Starts the token of a tag in the index; nobody's words hold it, because it is taken out of them. */
const TAG_MARK = '\uE000';
const DIGEST = /^(?:urn:modelops:content:)?(?:sha256:)?([0-9a-f]{6,64})$/i;
const KEPT = 64;
/** With more changed rows than this, looking everything up again is cheaper. */
const RECHECKED = 200;
/** More words than a person types; each costs a look into the index. */
const MAX_WORDS = 16;

/** A set of rowids: 1 where a row is in it. */
export type RowSet = Uint8Array;

/**
 * The question for the index: every word has to be there, the end of each may be missing; every tag exactly. Whatever a
 * person types stands in quotes, so nothing of it is syntax. Null when there is nothing to ask for. Pure.
 */
export function matchExpression(q: string | undefined, tags: readonly string[]): string | null {
  const words = (q ?? '')
    .replaceAll(/[\p{C}"]/gu, ' ')
    .split(/\s+/u)
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS)
    .map((word) => `"${word}"*`);
  const exact = tags.map((tag) => `"${TAG_MARK}${Buffer.from(tag).toString('hex')}"`);
  const terms = [...exact, ...words];
  return terms.length === 0 ? null : terms.join(' AND ');
}

/** The hex digits when a text is a digest or the beginning of one, else null. Pure. */
export function digestPrefix(q: string | undefined): string | null {
  return DIGEST.exec((q ?? '').trim())?.[1]?.toLowerCase() ?? null;
}

interface Kept {
  readonly found: RowSet;
  /** Rows whose text changed since. */
  readonly changed: Set<number>;
}

/**
 * Finds models by words, tags and digests. Answers are kept, because the pages of one question share one and a broad word
 * is dear to look up; rows whose text changed are asked about again when a kept answer is next used.
 */
export class TextSearch {
  readonly #database: Database;
  readonly #kept = new Map<string, Kept>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Nothing that was found need hold. */
  forget(): void {
    this.#kept.clear();
  }

  /** The texts of these rows changed. */
  changed(rowids: readonly number[]): void {
    for (const [key, { changed }] of this.#kept) {
      for (const rowid of rowids) changed.add(rowid);
      if (changed.size > RECHECKED) this.#kept.delete(key);
    }
  }

  /** Rows that match; null when the question has neither words nor tags. @param size one more than the last rowid */
  find(q: string | undefined, tags: readonly string[], size: number): RowSet | null {
    const asked = q !== undefined && q.trim() !== '';
    if (!asked && tags.length === 0) return null;
    const key = JSON.stringify([asked ? q.trim() : '', ...tags]);
    const kept = this.#kept.get(key);
    const words = asked ? q : undefined;
    const found =
      (kept === undefined ? null : this.#caughtUp(kept, words, tags, size)) ?? this.#look(words, tags, size);
    this.#kept.delete(key);
    this.#kept.set(key, { found, changed: new Set() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return found;
  }

  /** A kept answer with the rows that changed asked about again; null when it has to be looked up anew. */
  #caughtUp(
    { found, changed }: Kept,
    q: string | undefined,
    tags: readonly string[],
    size: number,
  ): RowSet | null {
    if (changed.size === 0 && found.length >= size) return found;
    const expression = matchExpression(q, tags);
    if (expression === null || digestPrefix(q) !== null) return null;
    const now = found.length >= size ? found : new Uint8Array(size);
    if (now !== found) now.set(found);
    // Not `rowid = :rowid`: beside a match of a prefix FTS5 takes any row for that one (seen with SQLite 3.54.1).
    const matches = this.#database.prepare<object>(
      'SELECT 1 FROM model_text WHERE model_text MATCH :expression AND rowid BETWEEN :rowid AND :rowid',
    );
    for (const rowid of changed) now[rowid] = matches.get({ expression, rowid }) === undefined ? 0 : 1;
    return now;
  }

  #look(q: string | undefined, tags: readonly string[], size: number): RowSet {
    const found = new Uint8Array(size);
    const expression = matchExpression(q, tags);
    // Words that are nothing but signs ask for something, and nothing is that.
    const empty = expression === null || (q !== undefined && matchExpression(q, []) === null);
    if (!empty) for (const rowid of this.#matching(expression)) found[rowid] = 1;
    const digest = digestPrefix(q);
    if (digest === null) return found;
    const tagged = tags.length === 0 ? null : new Set(this.#matching(matchExpression(undefined, tags) ?? ''));
    for (const rowid of this.#ofDigest(digest)) if (tagged?.has(rowid) !== false) found[rowid] = 1;
    return found;
  }

  /** One string with all rowids: far cheaper than a row for each. */
  #matching(expression: string): number[] {
    const row = this.#database
      .prepare<{ ids: string }>(
        'SELECT json_group_array(rowid) AS ids FROM model_text WHERE model_text MATCH :expression',
      )
      .get({ expression });
    return JSON.parse(row?.ids ?? '[]') as number[];
  }

  #ofDigest(prefix: string): number[] {
    const row = this.#database
      .prepare<{ ids: string }>(
        `SELECT json_group_array(models.rowid_) AS ids FROM versions JOIN models ON models.version_id = versions.id
         WHERE content_id >= :from AND content_id < :to`,
      )
      .get({ from: GLOBAL_MODEL_ID_PREFIX + prefix, to: `${GLOBAL_MODEL_ID_PREFIX}${prefix}g` });
    return JSON.parse(row?.ids ?? '[]') as number[];
  }
}
