import type { LifecycleState } from '../../shared/lifecycle/index.ts';
import type { Viewer } from '../access/index.ts';
import type { Database } from '../kernel/database/database.ts';
import { FacetTable, type FacetFilter, type FacetRow, type ViewerFacets } from './facet-table.ts';
import type { ModelSort } from './model-store.ts';
import { TextSearch } from './text-search.ts';

/** Read at once while the index is built; the event loop is free between two. */
const SLICE = 4000;
/** Above this, building anew in slices is kinder than catching up in one go. */
const CATCH_UP = 2000;
/** Callers whose assignments are kept, and questions whose counts are. */
const VIEWERS = 64;
const COUNTS = 256;

const CREDENTIAL_OK = `EXISTS (SELECT 1 FROM credentials WHERE id = models.credential_id AND revoked_at IS NULL)`;
const CURRENT = `EXISTS (SELECT 1 FROM current_validations WHERE model_id = models.id)`;
const SOUND = `(recall_reason IS NULL AND CASE hosting WHEN 'local' THEN artifact_status = 'ready' ELSE ${CREDENTIAL_OK} END)`;
const FACETS = `SELECT models.rowid_ AS row_id, lifecycle_state, models.task_key, hosting, provider, visibility_scope, models.owner_user_id,
  is_sample, models.updated_at, versions.family_id, versions.stage,
  lifecycle_state = 'active' AND ${CURRENT} AND ${SOUND} AS usable,
  lifecycle_state NOT IN ('deleted', 'unregistered') AND (NOT ${SOUND} OR (stale_reason IS NOT NULL AND NOT ${CURRENT})
    OR coalesce((SELECT result FROM validations WHERE id = last_validation_id) = 'failure', 0)
    OR coalesce((SELECT result FROM test_runs WHERE id = last_test_run_id) = 'failure', 0)) AS attention
  FROM models JOIN versions ON versions.id = models.version_id`;

/**
 * What changed since the index looked last. The tables live in this connection only, and they are written by triggers in
 * the transaction of the change: nothing can be missed, and a rollback takes its marks back.
 */
const WATCH: readonly string[] = [
  'CREATE TEMP TABLE IF NOT EXISTS index_changes (rowid_ INTEGER PRIMARY KEY) STRICT',
  // Of those, the ones whose text changed.
  'CREATE TEMP TABLE IF NOT EXISTS index_texts (rowid_ INTEGER PRIMARY KEY) STRICT',
  // Holds a row while assignments changed.
  'CREATE TEMP TABLE IF NOT EXISTS index_assigned (changed INTEGER PRIMARY KEY) STRICT',
  trigger('models_inserted', 'AFTER INSERT ON main.models', 'SELECT NEW.rowid_', 'text'),
  trigger('models_updated', 'AFTER UPDATE ON main.models', 'SELECT NEW.rowid_'),
  trigger('models_retold', 'AFTER UPDATE OF text_rev ON main.models', 'SELECT NEW.rowid_', 'text'),
  trigger(
    'versions_updated',
    'AFTER UPDATE ON main.versions',
    'SELECT rowid_ FROM models WHERE version_id = NEW.id',
  ),
  trigger(
    'validated',
    'AFTER INSERT ON main.current_validations',
    'SELECT rowid_ FROM models WHERE id = NEW.model_id',
  ),
  trigger(
    'invalidated',
    'AFTER DELETE ON main.current_validations',
    'SELECT rowid_ FROM models WHERE id = OLD.model_id',
  ),
  trigger(
    'credential',
    'AFTER UPDATE ON main.credentials',
    'SELECT rowid_ FROM models WHERE credential_id = NEW.id',
  ),
  ...['model_users', 'model_groups', 'group_members'].flatMap((table) =>
    ['INSERT', 'DELETE'].map((event) =>
      trigger(`${table}_${event.toLowerCase()}`, `AFTER ${event} ON main.${table}`, null, 'assignments'),
    ),
  ),
];

function trigger(
  name: string,
  event: string,
  rows: string | null,
  also: 'text' | 'assignments' | null = null,
): string {
  return `CREATE TEMP TRIGGER IF NOT EXISTS index_${name} ${event} BEGIN
    ${rows === null ? '' : `INSERT OR IGNORE INTO index_changes ${rows};`}
    ${also === 'text' ? `INSERT OR IGNORE INTO index_texts ${rows};` : ''}
    ${also === 'assignments' ? 'INSERT OR IGNORE INTO index_assigned VALUES (1);' : ''}
  END`;
}

/** [name, seq, id], [rowid], or [updated_at, rowid]: the sort key of the last row of a page. */
export type IndexCursor = readonly (string | number)[];

export interface IndexFilter extends FacetFilter {
  readonly q?: string | undefined;
  readonly tag?: readonly string[] | undefined;
}

export interface Found {
  /** In the order that was asked for. */
  readonly rowids: readonly number[];
  /** Exact, under the same filter without the state. */
  readonly counts: Partial<Record<LifecycleState, number>>;
}

/**
 * Answers lists of models: the facets of every model lie in memory in columns, words and tags are asked of the full-text
 * index, and the three orders are kept as they change. Any filter, any page, any caller costs about the same, and the
 * counts are exact. The database stays the truth: this is built from it after the start and follows it change by change.
 */
export class ModelIndex {
  readonly #database: Database;
  readonly #text: TextSearch;
  #facets = new FacetTable();
  #byName: number[] = [];
  /** Oldest change first. */
  #byUpdated: number[] = [];
  #known = new Set<number>();
  #building: Promise<void> | null = null;
  readonly #viewers = new Map<string, ViewerFacets>();
  /** Counts by question, until anything changes: the pages of one list share them. */
  readonly #counts = new Map<string, Found['counts']>();

  constructor(database: Database) {
    this.#database = database;
    this.#text = new TextSearch(database);
    for (const statement of WATCH) database.prepare(statement).run({});
  }

  /** Builds the index, once. Every question waits for it. */
  async build(): Promise<void> {
    this.#building ??= this.#build().catch((error: unknown) => {
      this.#building = null;
      throw error;
    });
    return this.#building;
  }

  /** One page and the counts. @param limit one more than the page tells whether there is another */
  async list(
    viewer: Viewer,
    filter: IndexFilter,
    sort: ModelSort,
    cursor: IndexCursor | null,
    limit: number,
  ): Promise<Found> {
    await this.#current();
    const facets = this.#facets;
    const { passes: passesFacets, inState } = facets.test(filter, this.#viewer(viewer));
    const matching = this.#text.find(filter.q, filter.tag ?? [], facets.last + 1);
    const passes =
      matching === null ? passesFacets : (rowid: number) => matching[rowid] === 1 && passesFacets(rowid);
    const rowids: number[] = [];
    this.#walk(sort, cursor, (rowid) => {
      if (passes(rowid) && inState(rowid)) rowids.push(rowid);
      return rowids.length < limit;
    });
    return { rowids, counts: this.#countsOf(viewer, filter, () => facets.counts(passes)) };
  }

  /** Families by name that hold a model the viewer sees, as ids in order. */
  async families(
    viewer: Viewer,
    q: string | undefined,
    afterName: string | null,
    limit: number,
  ): Promise<number[]> {
    await this.#current();
    const { passes } = this.#facets.test({}, this.#viewer(viewer));
    const matching = this.#text.find(q, [], this.#facets.last + 1);
    const families = new Set<number>();
    const cursor = afterName === null ? null : [afterName, Number.MAX_SAFE_INTEGER, ''];
    this.#walk('name', cursor, (rowid) => {
      if ((matching === null || matching[rowid] === 1) && passes(rowid))
        families.add(this.#facets.familyOf(rowid));
      return families.size < limit;
    });
    return [...families];
  }

  #countsOf(viewer: Viewer, filter: IndexFilter, count: () => Found['counts']): Found['counts'] {
    const who = viewer.role === 'superadmin' ? null : viewer.principalId;
    const key = JSON.stringify([who, { ...filter, lifecycle_state: undefined }]);
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const counts = count();
    this.#counts.set(key, counts);
    dropOldest(this.#counts, COUNTS);
    return counts;
  }

  /** Visits rows in an order from a cursor on, until told to stop. A plain loop: it runs over all of them. */
  #walk(sort: ModelSort, cursor: IndexCursor | null, goesOn: (rowid: number) => boolean): void {
    if (sort === 'name') {
      const start = cursor === null ? 0 : this.#placeByName(cursor as NameKey, true);
      for (let i = start; i < this.#byName.length && goesOn(this.#byName[i]!); i += 1);
      return;
    }
    if (sort === 'created') {
      const first = cursor === null ? this.#facets.last : Math.min(this.#facets.last, Number(cursor[0]) - 1);
      for (let rowid = first; rowid > 0 && goesOn(rowid); rowid -= 1);
      return;
    }
    const end =
      cursor === null ? this.#byUpdated.length : this.#placeByUpdated(Number(cursor[0]), Number(cursor[1]));
    for (let i = end - 1; i >= 0 && goesOn(this.#byUpdated[i]!); i -= 1);
  }

  /** Brings the index up to what is committed. */
  async #current(): Promise<void> {
    for (;;) {
      await this.build();
      if (this.#catchUp()) return;
      this.#building = null;
    }
  }

  /** @returns false when so much changed that it is built anew. */
  #catchUp(): boolean {
    const { changes, texts, assigned } = this.#database
      .prepare<{ changes: number; texts: string; assigned: number }>(
        `SELECT (SELECT count(*) FROM (SELECT 1 FROM temp.index_changes LIMIT ${CATCH_UP + 1})) AS changes,
           (SELECT json_group_array(rowid_) FROM temp.index_texts) AS texts,
           EXISTS (SELECT 1 FROM temp.index_assigned) AS assigned`,
      )
      .get({})!;
    if (changes > 0 || assigned === 1) this.#counts.clear();
    if (changes > CATCH_UP) return false;
    if (texts !== '[]') {
      this.#text.changed(JSON.parse(texts) as number[]);
      this.#database.prepare('DELETE FROM temp.index_texts').run({});
    }
    if (assigned === 1) {
      this.#viewers.clear();
      this.#database.prepare('DELETE FROM temp.index_assigned').run({});
    }
    if (changes === 0) return true;
    const rows = this.#database
      .prepare<FacetRow>(`${FACETS} WHERE models.rowid_ IN (SELECT rowid_ FROM temp.index_changes)`)
      .all({});
    for (const row of rows) this.#apply(row);
    this.#database.prepare('DELETE FROM temp.index_changes').run({});
    return true;
  }

  async #build(): Promise<void> {
    this.#database.prepare('DELETE FROM temp.index_changes').run({});
    this.#database.prepare('DELETE FROM temp.index_texts').run({});
    const facets = new FacetTable();
    const slice = this.#database.prepare<FacetRow>(
      `${FACETS} WHERE models.rowid_ > :after ORDER BY models.rowid_ LIMIT ${SLICE}`,
    );
    for (let after = 0; ;) {
      const rows = slice.all({ after });
      for (const row of rows) facets.set(row);
      if (rows.length < SLICE) break;
      after = rows.at(-1)?.row_id ?? after;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#facets = facets;
    this.#byName = this.#order('name, seq, id');
    this.#byUpdated = this.#order('updated_at, rowid_').filter((rowid) => rowid <= facets.last);
    // What came while it was built is told by the triggers.
    this.#byName = this.#byName.filter((rowid) => rowid <= facets.last);
    this.#byUpdated.sort((a, b) => facets.updatedAt(a) - facets.updatedAt(b) || a - b);
    this.#known = new Set(this.#byName);
    this.#text.forget();
    this.#viewers.clear();
    this.#counts.clear();
  }

  #order(by: string): number[] {
    const row = this.#database
      .prepare<{ ids: string }>(
        `SELECT json_group_array(rowid_) AS ids FROM
           (SELECT rowid_ FROM models WHERE lifecycle_state <> 'deleted' ORDER BY ${by})`,
      )
      .get({});
    return JSON.parse(row?.ids ?? '[]') as number[];
  }

  #apply(row: FacetRow): void {
    const { row_id: rowid } = row;
    const known = this.#known.has(rowid);
    if (known) {
      const at = this.#placeByUpdated(this.#facets.updatedAt(rowid), rowid);
      if (this.#byUpdated[at] === rowid) this.#byUpdated.splice(at, 1);
    }
    this.#facets.set(row);
    this.#byUpdated.splice(this.#placeByUpdated(row.updated_at, rowid), 0, rowid);
    if (known) return;
    this.#known.add(rowid);
    this.#byName.splice(this.#placeByName(this.#nameOf(rowid), false), 0, rowid);
  }

  /** Where a key stands among the names; with `after`, behind an equal one. */
  #placeByName(key: NameKey, after: boolean): number {
    return partition(this.#byName, (rowid) => {
      const order = compare(this.#nameOf(rowid), key);
      return after ? order <= 0 : order < 0;
    });
  }

  #placeByUpdated(at: number, rowid: number): number {
    return partition(this.#byUpdated, (other) => {
      const updated = this.#facets.updatedAt(other);
      return updated < at || (updated === at && other < rowid);
    });
  }

  /** Names are not kept in memory: a search among a million of them asks for twenty. */
  #nameOf(rowid: number): NameKey {
    const row = this.#database
      .prepare<{ name: string; seq: number; id: string }>(
        'SELECT name, seq, id FROM models WHERE rowid_ = :rowid',
      )
      .get({ rowid });
    if (row === undefined) throw new Error(`there is no model row ${rowid}`);
    return [row.name, row.seq, row.id];
  }

  #viewer({ role, principalId }: Viewer): ViewerFacets | null {
    if (role === 'superadmin') return null;
    const known = this.#viewers.get(principalId);
    if (known !== undefined) return known;
    const rows = (from: string): ReadonlySet<number> =>
      new Set(
        this.#database
          .prepare<{ row_id: number }>(
            `SELECT models.rowid_ AS row_id FROM ${from} JOIN models ON models.id = model_id WHERE principal_id = :principalId`,
          )
          .all({ principalId })
          .map((row) => row.row_id),
      );
    const viewer = {
      principalId,
      byName: rows('model_users'),
      byGroup: rows('group_members JOIN model_groups USING (group_id)'),
    };
    this.#viewers.set(principalId, viewer);
    dropOldest(this.#viewers, VIEWERS);
    return viewer;
  }
}

function dropOldest<K>(map: Map<K, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

type NameKey = readonly [string, number, string];

function compare(a: NameKey, b: NameKey): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  if (a[1] !== b[1]) return a[1] - b[1];
  if (a[2] === b[2]) return 0;
  return a[2] < b[2] ? -1 : 1;
}

/** The first place whose element is not `before`; those before it are. */
function partition(values: readonly number[], before: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
