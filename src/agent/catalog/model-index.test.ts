import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MODEL_SORTS } from '../../shared/contract/index.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { openDatabase } from '../../../test/support/database.ts';
import { visibilityCondition, type Viewer } from '../access/index.ts';
import type { Database, SqlValue } from '../kernel/database/database.ts';
import { rangeOf } from './model-file.ts';
import { ModelIndex, type IndexCursor, type IndexFilter } from './model-index.ts';
import type { ModelSort } from './model-store.ts';
import { digestPrefix, matchExpression } from './text-search.ts';

const WORDS = ['llama', 'qwen', 'chat', 'coder', 'tiny'] as const;
const TAGS = ['prod', 'old', 'a-b'] as const;
const STATES = ['created', 'registered', 'active', 'unregistered'] as const;
const SCOPES = ['private', 'user', 'group', 'platform'] as const;
const PEOPLE = ['ada', 'bob'] as const;

type Change =
  | {
      readonly kind: 'add';
      readonly words: string[];
      readonly tags: string[];
      readonly scope: string;
      readonly owner: string | null;
    }
  | { readonly kind: 'state'; readonly pick: number; readonly state: string }
  | { readonly kind: 'tags'; readonly pick: number; readonly tags: string[] }
  | { readonly kind: 'delete'; readonly pick: number }
  | { readonly kind: 'assign'; readonly pick: number; readonly person: string }
  | { readonly kind: 'undone'; readonly pick: number };

const pick = fc.nat(30);
const subset = <T>(values: readonly T[]) => fc.subarray([...values]);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      words: subset(WORDS),
      tags: subset(TAGS),
      scope: fc.constantFrom(...SCOPES),
      owner: fc.constantFrom(null, ...PEOPLE),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('state' as const), pick, state: fc.constantFrom(...STATES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tags' as const), pick, tags: subset(TAGS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('assign' as const), pick, person: fc.constantFrom(...PEOPLE) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('undone' as const), pick }) },
);
const question = fc.record({
  role: fc.constantFrom('user' as const, 'superadmin' as const),
  person: fc.constantFrom(...PEOPLE),
  sort: fc.constantFrom(...MODEL_SORTS),
  word: fc.option(fc.constantFrom(...WORDS), { nil: undefined, freq: 2 }),
  tag: fc.option(fc.subarray([...TAGS], { maxLength: 1 }), { nil: undefined, freq: 2 }),
  states: fc.option(fc.subarray([...STATES], { minLength: 1 }), { nil: undefined, freq: 2 }),
  limit: fc.integer({ min: 1, max: 5 }),
});
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

describe('the index of the catalogue', () => {
  it('says page by page what a query over every row says, whatever changed before', async () => {
    await using directory = await temporaryDirectory();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(change, question), { minLength: 10, maxLength: 40 }),
        async (steps) => {
          const database = await openDatabase(join(directory.path, `${(run += 1)}.db`));
          const world = new World(database);
          const index = new ModelIndex(database);
          for (const [what, asked] of steps) {
            world.apply(what);
            await compare(database, index, asked);
          }
        },
      ),
      { numRuns: 20 },
    );
  }, 60_000);
});

async function compare(database: Database, index: ModelIndex, asked: Question): Promise<void> {
  const viewer: Viewer = { role: asked.role, principalId: asked.person };
  const filter: IndexFilter = { q: asked.word, tag: asked.tag, lifecycle_state: asked.states };
  const expected = brute(database, viewer, asked);
  const seen: number[] = [];
  for (let cursor: IndexCursor | null = null; ;) {
    const { rowids, counts } = await index.list(viewer, filter, asked.sort, cursor, asked.limit);
    seen.push(...rowids);
    expect(counts).toEqual(expected.counts);
    const last = rowids.at(-1);
    if (last === undefined || rowids.length < asked.limit) break;
    cursor = keyOf(database, asked.sort, last);
  }
  expect(seen).toEqual(expected.rowids);
}

/** The same question as one plain query. */
function brute(database: Database, viewer: Viewer, { sort, word, tag = [], states }: Question) {
  const visible = visibilityCondition(viewer);
  const where = ["lifecycle_state <> 'deleted'", visible.sql];
  const params: SqlValue[] = [...visible.params];
  if (word !== undefined) {
    where.push(
      "(' ' || description || ' ' LIKE ? OR EXISTS (SELECT 1 FROM model_tags WHERE model_id = models.id AND tag LIKE ?))",
    );
    params.push(`% ${word}%`, `${word}%`);
  }
  for (const one of tag) {
    where.push('EXISTS (SELECT 1 FROM model_tags WHERE model_id = models.id AND tag = ?)');
    params.push(one);
  }
  const order = { name: 'name, seq, id', created: 'rowid_ DESC', updated: 'updated_at DESC, rowid_ DESC' }[
    sort
  ];
  const rows = database.query<{ row_id: number; lifecycle_state: (typeof STATES)[number] }>(
    `SELECT rowid_ AS row_id, lifecycle_state FROM models WHERE ${where.join(' AND ')} ORDER BY ${order}`,
    params,
  );
  const counts: Record<string, number> = {};
  for (const { lifecycle_state: state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  return {
    rowids: rows.filter((row) => states?.includes(row.lifecycle_state) !== false).map((row) => row.row_id),
    counts,
  };
}

function keyOf(database: Database, sort: ModelSort, rowid: number): IndexCursor {
  const [row] = database.query<{ name: string; seq: number; id: string; updated_at: number }>(
    'SELECT name, seq, id, updated_at FROM models WHERE rowid_ = ?',
    [rowid],
  );
  if (row === undefined) throw new Error('a listed row is not there');
  return { name: [row.name, row.seq, row.id], created: [rowid], updated: [row.updated_at, rowid] }[sort];
}

/** Changes models by SQL, as every use case of the agent does in the end. */
class World {
  readonly #database: Database;
  #count = 0;
  #now = 1000;

  constructor(database: Database) {
    this.#database = database;
    for (const id of PEOPLE)
      this.#run(
        "INSERT INTO principals (id, kind, name, role, created_at) VALUES (?, 'person', ?, 'user', 0)",
        id,
        id,
      );
    this.#run(
      "INSERT INTO families (id, uid, name, task_key, created_at) VALUES (1, 'f', 'family', 'llm', 0)",
    );
    this.#run(
      "INSERT INTO versions (id, family_id, seq, content_id, kind, source, published_at) VALUES (1, 1, 1, 'c', 'local', 'import', 0)",
    );
  }

  apply(what: Change): void {
    const id = 'pick' in what && this.#count > 0 ? `m${what.pick % this.#count}` : '';
    // Clocks go back, too.
    this.#now += this.#count % 3 === 0 ? -7 : 5;
    switch (what.kind) {
      case 'add':
        this.#add(what);
        break;
      case 'state':
        this.#run(
          'UPDATE models SET lifecycle_state = ?, updated_at = ? WHERE id = ? AND lifecycle_state <> ?',
          what.state,
          this.#now,
          id,
          'deleted',
        );
        break;
      case 'tags':
        this.#tags(id, what.tags);
        break;
      case 'delete':
        this.#run(
          "UPDATE models SET lifecycle_state = 'deleted', updated_at = ? WHERE id = ?",
          this.#now,
          id,
        );
        break;
      case 'assign':
        this.#run(
          'INSERT OR IGNORE INTO model_users (model_id, principal_id) SELECT id, ? FROM models WHERE id = ?',
          what.person,
          id,
        );
        break;
      case 'undone':
        this.#undone(id);
    }
  }

  /** A change that is rolled back leaves no mark. */
  #undone(id: string): void {
    try {
      this.#database.transactLazily(() => {
        this.#run(
          "UPDATE models SET lifecycle_state = 'active', text_rev = text_rev + 1, updated_at = 1 WHERE id = ?",
          id,
        );
        throw new Error('undone');
      });
    } catch (error) {
      if ((error as Error).message !== 'undone') throw error;
    }
  }

  #add({ words, tags, scope, owner }: Extract<Change, { kind: 'add' }>): void {
    const id = `m${this.#count}`;
    this.#run(
      `INSERT INTO models (id, version_id, name, seq, task_key, hosting, provider, visibility_scope, owner_type, owner_user_id,
         lifecycle_state, artifact_status, description, created_at, updated_at)
       VALUES (?, 1, ?, 1, 'llm', 'local', 'x', ?, 'user', ?, 'created', 'ready', ?, ?, ?)`,
      id,
      `n${(this.#count * 7) % 5}`,
      scope,
      owner,
      words.join(' '),
      this.#now,
      this.#now,
    );
    this.#count += 1;
    this.#tags(id, tags);
  }

  #tags(id: string, tags: readonly string[]): void {
    this.#run('DELETE FROM model_tags WHERE model_id = ?', id);
    for (const tag of tags)
      this.#run('INSERT INTO model_tags (model_id, tag) SELECT id, ? FROM models WHERE id = ?', tag, id);
    this.#run('UPDATE models SET text_rev = text_rev + 1 WHERE id = ?', id);
  }

  #run(sql: string, ...values: SqlValue[]): void {
    let next = 0;
    const named = sql.replace(/\?/g, () => `:p${(next += 1)}`);
    this.#database
      .prepare(named)
      .run(Object.fromEntries(values.map((value, index) => [`p${index + 1}`, value])));
  }
}

describe('what is asked of the full-text index', () => {
  it.each([
    ['llama chat', [], '"llama"* AND "chat"*'],
    ['say "hi" NEAR(*', [], '"say"* AND "hi"* AND "NEAR(*"*'],
    [undefined, ['prod'], '"\uE00070726f64"'],
    ['x', ['é'], '"\uE000c3a9" AND "x"*'],
    ['\uE00070726f64', [], '"70726f64"*'],
    [' \0 ', [], null],
  ])('%j with tags %j is %j', (q, tags, expression) => {
    expect(matchExpression(q, tags)).toBe(expression);
  });

  it.each([
    ['sha256:ABCDEF12', 'abcdef12'],
    [`urn:modelops:content:sha256:${'0'.repeat(64)}`, '0'.repeat(64)],
    ['abcde', null],
    ['facade model', null],
  ])('%j is the digest %j', (q, digest) => {
    expect(digestPrefix(q)).toBe(digest);
  });
});

describe('the range of a file', () => {
  it.each([
    [undefined, null],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=2-', { start: 2, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-30', { start: 0, end: 9 }],
    ['bytes=5-99', { start: 5, end: 9 }],
    ['bytes=10-', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=5-2', null],
    ['bytes=1-2,4-5', null],
    ['lines=1-2', null],
    ['bytes=-', null],
  ])('%j of ten bytes is %j', (header, range) => {
    expect(rangeOf(header, 10)).toEqual(range);
  });
});
