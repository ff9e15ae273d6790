import type { LifecycleState, Stage } from '../../shared/lifecycle/index.ts';
import { LIFECYCLE_STATES, STAGES } from '../../shared/lifecycle/index.ts';
import {
  TaskKeySchema,
  VISIBILITY_SCOPES,
  type TaskKey,
  type VisibilityScope,
} from '../../shared/contract/index.ts';

/** What lists filter by, of one model, as the database tells it. */
export interface FacetRow {
  readonly row_id: number;
  readonly lifecycle_state: LifecycleState;
  readonly task_key: TaskKey;
  readonly hosting: 'local' | 'cloud';
  readonly provider: string;
  readonly visibility_scope: VisibilityScope;
  readonly owner_user_id: string | null;
  readonly is_sample: number;
  readonly updated_at: number;
  readonly family_id: number;
  readonly stage: Stage;
  /** Active, validated, with its files or its credential, not recalled. */
  readonly usable: number;
  readonly attention: number;
}

/** 0 is a row that is not there. */
const STATE_CODE = codes(LIFECYCLE_STATES);
const TASK_CODE = codes(TaskKeySchema.options);
const STAGE_CODE = codes(STAGES);
const SCOPE_CODE = codes(VISIBILITY_SCOPES);
const CLOUD = 1;
const SAMPLE = 2;
const USABLE = 4;
const ATTENTION = 8;

function codes<T extends string>(values: readonly T[]): Map<T, number> {
  return new Map(values.map((value, index) => [value, index + 1]));
}

export interface FacetFilter {
  readonly lifecycle_state?: readonly LifecycleState[] | undefined;
  readonly task_key?: readonly TaskKey[] | undefined;
  readonly hosting?: 'local' | 'cloud' | undefined;
  readonly stage?: readonly Stage[] | undefined;
  readonly provider?: string | undefined;
  readonly visibility_scope?: readonly VisibilityScope[] | undefined;
  readonly usable?: boolean | undefined;
  readonly attention?: boolean | undefined;
  readonly familyId?: number | undefined;
}

/** Whom a non-superadmin is: his own models, and those assigned to him, by rowid. */
export interface ViewerFacets {
  readonly principalId: string;
  readonly byName: ReadonlySet<number>;
  readonly byGroup: ReadonlySet<number>;
}

type Test = (rowid: number) => boolean;

/** The facets of every model in columns of small numbers, one place a rowid: any filter is a walk over them. */
export class FacetTable {
  #capacity = 0;
  #state = new Uint8Array(0);
  #task = new Uint8Array(0);
  #stage = new Uint8Array(0);
  #scope = new Uint8Array(0);
  #flags = new Uint8Array(0);
  #provider = new Uint32Array(0);
  #owner = new Uint32Array(0);
  #family = new Uint32Array(0);
  #updated = new Float64Array(0);
  /** Numbers of providers and owners; 0 is none. */
  readonly #names = new Map<string, number>();
  #last = 0;

  /** The highest rowid there is. */
  get last(): number {
    return this.#last;
  }

  set(row: FacetRow): void {
    const at = row.row_id;
    if (at >= this.#capacity) this.#grow(at + 1);
    if (at > this.#last) this.#last = at;
    this.#state[at] = row.lifecycle_state === 'deleted' ? 0 : code(STATE_CODE, row.lifecycle_state);
    this.#task[at] = code(TASK_CODE, row.task_key);
    this.#stage[at] = code(STAGE_CODE, row.stage);
    this.#scope[at] = code(SCOPE_CODE, row.visibility_scope);
    this.#flags[at] =
      (row.hosting === 'cloud' ? CLOUD : 0) |
      (row.is_sample === 1 ? SAMPLE : 0) |
      (row.usable === 1 ? USABLE : 0) |
      (row.attention === 1 ? ATTENTION : 0);
    this.#provider[at] = this.#number(row.provider);
    this.#owner[at] = row.owner_user_id === null ? 0 : this.#number(row.owner_user_id);
    this.#family[at] = row.family_id;
    this.#updated[at] = row.updated_at;
  }

  updatedAt(rowid: number): number {
    return this.#updated[rowid] ?? 0;
  }

  familyOf(rowid: number): number {
    return this.#family[rowid] ?? 0;
  }

  /** What a row has to pass, as one function; the state is apart because counts leave it out. */
  test(filter: FacetFilter, viewer: ViewerFacets | null): { passes: Test; inState: Test } {
    const states = allowed(STATE_CODE, filter.lifecycle_state);
    const tasks = allowed(TASK_CODE, filter.task_key);
    const stages = allowed(STAGE_CODE, filter.stage);
    const scopes = allowed(SCOPE_CODE, filter.visibility_scope);
    const mask =
      (filter.usable === true ? USABLE : 0) |
      (filter.attention === true ? ATTENTION : 0) |
      (filter.hosting === undefined ? 0 : CLOUD);
    const wanted = filter.hosting === 'local' ? mask & ~CLOUD : mask;
    const provider = filter.provider === undefined ? null : (this.#names.get(filter.provider) ?? -1);
    const family = filter.familyId ?? null;
    const visible = this.#visible(viewer);
    const passes: Test = (rowid) =>
      this.#state[rowid] !== 0 &&
      (this.#flags[rowid]! & mask) === wanted &&
      (tasks === null || tasks[this.#task[rowid]!] === 1) &&
      (stages === null || stages[this.#stage[rowid]!] === 1) &&
      (scopes === null || scopes[this.#scope[rowid]!] === 1) &&
      (provider === null || this.#provider[rowid] === provider) &&
      (family === null || this.#family[rowid] === family) &&
      (visible === null || visible(rowid));
    return { passes, inState: (rowid) => states === null || states[this.#state[rowid]!] === 1 };
  }

  /** How many pass in each state. The sample is no model of anybody's. */
  counts(passes: Test): Partial<Record<LifecycleState, number>> {
    const counts = new Uint32Array(LIFECYCLE_STATES.length + 1);
    for (let rowid = 1; rowid <= this.#last; rowid += 1) {
      if ((this.#flags[rowid]! & SAMPLE) === 0 && passes(rowid)) counts[this.#state[rowid]!]! += 1;
    }
    return Object.fromEntries(
      [...STATE_CODE].flatMap(([state, number]) => {
        const count = counts[number] ?? 0;
        return count === 0 ? [] : [[state, count]];
      }),
    );
  }

  /** The same rule as `Visibility.seesThrough`; null when everything is visible. */
  #visible(viewer: ViewerFacets | null): Test | null {
    if (viewer === null) return null;
    const me = this.#names.get(viewer.principalId) ?? -1;
    const platform = code(SCOPE_CODE, 'platform');
    const user = code(SCOPE_CODE, 'user');
    const group = code(SCOPE_CODE, 'group');
    return (rowid) => {
      const scope = this.#scope[rowid];
      return (
        scope === platform ||
        this.#owner[rowid] === me ||
        (scope === user && viewer.byName.has(rowid)) ||
        (scope === group && viewer.byGroup.has(rowid))
      );
    };
  }

  #number(name: string): number {
    let number = this.#names.get(name);
    if (number === undefined) {
      number = this.#names.size + 1;
      this.#names.set(name, number);
    }
    return number;
  }

  #grow(least: number): void {
    this.#capacity = Math.max(1024, least + (least >> 1));
    const bytes = (old: Uint8Array): Uint8Array<ArrayBuffer> => {
      const grown = new Uint8Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    const words = (old: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    this.#state = bytes(this.#state);
    this.#task = bytes(this.#task);
    this.#stage = bytes(this.#stage);
    this.#scope = bytes(this.#scope);
    this.#flags = bytes(this.#flags);
    this.#provider = words(this.#provider);
    this.#owner = words(this.#owner);
    this.#family = words(this.#family);
    const updated = new Float64Array(this.#capacity);
    updated.set(this.#updated);
    this.#updated = updated;
  }
}

function code<T extends string>(table: ReadonlyMap<T, number>, value: T): number {
  const found = table.get(value);
  if (found === undefined) throw new Error(`${value} has no number`);
  return found;
}

/** A table that says 1 for the codes of the values; null when every one is allowed. */
function allowed<T extends string>(
  table: ReadonlyMap<T, number>,
  values: readonly T[] | undefined,
): Uint8Array | null {
  if (values === undefined) return null;
  const marks = new Uint8Array(table.size + 1);
  for (const value of values) marks[code(table, value)] = 1;
  return marks;
}
