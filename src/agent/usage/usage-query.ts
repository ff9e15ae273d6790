import { AppError, USAGE_GROUPS, type UsageGroup, type UsageMetrics } from '../../shared/contract/index.ts';
import { roleCovers } from '../../shared/lifecycle/index.ts';
import type { Viewer } from '../access/index.ts';
import type { Database, SqlValue } from '../kernel/database/database.ts';
import { dayAfter, daysBetween } from './call.ts';

const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;

/** First and last UTC day, both counted. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

export interface UsageFilter extends DayRange {
  readonly modelId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly groups: readonly UsageGroup[];
}

/** A row as SQL sums it; what it is not grouped by is null. */
export interface UsageSumRow {
  readonly day: string | null;
  readonly model_id: string | null;
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly calls: number;
  readonly errors: number;
  readonly streams: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly latency_ms: number;
  readonly latency_max_ms: number;
}

export interface UsageEventRow {
  readonly seq: number;
  readonly at: number;
  readonly request_id: string;
  readonly model_id: string;
  readonly key_id: string;
  readonly key_name: string | null;
  readonly route: string;
  readonly ok: number;
  readonly error: string | null;
  readonly streamed: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly latency_ms: number;
  readonly first_byte_ms: number | null;
}

/**
 * The days somebody asks for: the last 30 unless he says more. Pure.
 * @throws {AppError} `invalid_argument` for a range that runs backwards or is longer than 400 days.
 */
export function dayRange(
  asked: { from?: string | undefined; to?: string | undefined },
  today: string,
): DayRange {
  const to = asked.to ?? (asked.from !== undefined && asked.from > today ? asked.from : today);
  const from = asked.from ?? dayAfter(to, 1 - DEFAULT_DAYS);
  if (from > to)
    throw new AppError('invalid_argument', `The first day ${from} lies after the last day ${to}.`, {
      details: { fields: ['from', 'to'] },
    });
  const days = daysBetween(from, to);
  if (days > MAX_DAYS)
    throw new AppError(
      'invalid_argument',
      `${from} to ${to} are ${days} days; ${MAX_DAYS} are the most at once.`,
      {
        hint: 'Ask for a shorter range.',
        details: { fields: ['from', 'to'] },
      },
    );
  return { from, to };
}

/** Without doubles and in one order, whatever order was asked for. Pure. */
export function groupsOf(asked: readonly UsageGroup[]): UsageGroup[] {
  return USAGE_GROUPS.filter((group) => asked.includes(group));
}

/** Pure. */
export function metricsOf(row: Omit<UsageSumRow, 'day' | 'model_id' | 'key_id' | 'key_name'>): UsageMetrics {
  const { calls, errors, streams, prompt_tokens, completion_tokens } = row;
  const good = calls - errors;
  return {
    calls,
    errors,
    streams,
    prompt_tokens,
    completion_tokens,
    latency_ms_mean: good === 0 ? null : Math.round((row.latency_ms / good) * 100) / 100,
    latency_ms_max: good === 0 ? null : row.latency_max_ms,
  };
}

const COLUMNS: Record<UsageGroup, string> = { day: 'day', model: 'model_id', key: 'key_id' };
const SUMS = `COALESCE(SUM(calls), 0) AS calls, COALESCE(SUM(errors), 0) AS errors, COALESCE(SUM(streams), 0) AS streams,
  COALESCE(SUM(prompt_tokens), 0) AS prompt_tokens, COALESCE(SUM(completion_tokens), 0) AS completion_tokens,
  COALESCE(SUM(latency_ms), 0) AS latency_ms, COALESCE(MAX(latency_max_ms), 0) AS latency_max_ms`;
/** A browser's session has no name of its own, so it is told by whose it is. */
const KEY_NAME = `CASE api_keys.kind WHEN 'session' THEN 'browser of ' || principals.name ELSE api_keys.name END AS key_name`;
const KEY_JOIN = `LEFT JOIN api_keys ON api_keys.id = found.key_id LEFT JOIN principals ON principals.id = api_keys.principal_id`;

/** The SQL that reads usage, each caller's part of it. */
export class UsageQuery {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Groups newest day first, then by model and key; `after` is the last group of the page before. */
  list(viewer: Viewer, filter: UsageFilter, after: readonly string[] | null, limit: number): UsageSumRow[] {
    const { where, params } = conditions(viewer, filter);
    const columns = filter.groups.map((group) => COLUMNS[group]);
    if (after !== null) {
      const beyond = columns.map((column, i) =>
        [
          ...columns.slice(0, i).map((before) => `${before} = ?`),
          `${column} ${column === 'day' ? '<' : '>'} ?`,
        ].join(' AND '),
      );
      where.push(`(${beyond.map((one) => `(${one})`).join(' OR ')})`);
      for (const [i] of columns.entries()) params.push(...after.slice(0, i + 1));
    }
    const order = columns.map((column) => (column === 'day' ? 'day DESC' : column)).join(', ');
    const selected = Object.values(COLUMNS).map((column) =>
      columns.includes(column) ? column : `NULL AS ${column}`,
    );
    return this.#database.query<UsageSumRow>(
      `SELECT found.*, ${KEY_NAME} FROM (
         SELECT ${selected.join(', ')}, ${SUMS} FROM usage_daily WHERE ${where.join(' AND ')}
         GROUP BY ${columns.join(', ')} ORDER BY ${order} LIMIT ?) AS found ${KEY_JOIN} ORDER BY ${order}`,
      [...params, limit],
    );
  }

  /** The sum over all groups of the filter. */
  total(viewer: Viewer, filter: UsageFilter): UsageMetrics {
    const { where, params } = conditions(viewer, filter);
    const [row] = this.#database.query<UsageSumRow>(
      `SELECT ${SUMS} FROM usage_daily WHERE ${where.join(' AND ')}`,
      params,
    );
    if (row === undefined) throw new Error('a sum came back without a row');
    return metricsOf(row);
  }

  /** Keys that called a model since then, the busiest first, as far as the ring of the latest calls reaches. */
  callersOf(modelId: string, since: number): { name: string; calls: number }[] {
    const rows = this.#database.query<{ key_name: string | null; calls: number }>(
      `SELECT ${KEY_NAME}, calls FROM (
         SELECT key_id, COUNT(*) AS calls FROM usage_events WHERE model_id = ? AND at >= ? GROUP BY key_id) AS found ${KEY_JOIN}
       ORDER BY calls DESC, key_name`,
      [modelId, since],
    );
    return rows.map((row) => ({ name: row.key_name ?? 'a deleted key', calls: row.calls }));
  }

  /** The ring, newest first. The sample's calls are in it: it is a list of what happened, not a count. */
  events(
    viewer: Viewer,
    filter: { modelId?: string | undefined; keyId?: string | undefined },
    beforeSeq: number | null,
    limit: number,
  ): UsageEventRow[] {
    const scope = scopeOf(viewer, 'usage_events');
    const where = [scope.sql];
    const params = [...scope.params];
    const only = (column: string, value: SqlValue | undefined): void => {
      if (value === undefined) return;
      where.push(column);
      params.push(value);
    };
    only('model_id = ?', filter.modelId);
    only('key_id = ?', filter.keyId);
    only('seq < ?', beforeSeq ?? undefined);
    return this.#database.query<UsageEventRow>(
      `SELECT found.*, ${KEY_NAME} FROM (
         SELECT * FROM usage_events WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ?) AS found ${KEY_JOIN}
       ORDER BY seq DESC`,
      [...params, limit],
    );
  }
}

function conditions(viewer: Viewer, filter: UsageFilter): { where: string[]; params: SqlValue[] } {
  const scope = scopeOf(viewer, 'usage_daily');
  const where = ['day BETWEEN ? AND ?', scope.sql];
  const params: SqlValue[] = [filter.from, filter.to, ...scope.params];
  if (filter.modelId === undefined) {
    // The sample is no model of anybody's; who asks for it by name gets it.
    where.push('model_id NOT IN (SELECT id FROM models WHERE is_sample = 1)');
  } else {
    where.push('model_id = ?');
    params.push(filter.modelId);
  }
  if (filter.keyId !== undefined) {
    where.push('key_id = ?');
    params.push(filter.keyId);
  }
  return { where, params };
}

/** Administrators read all, others what their own keys and their own models did. */
function scopeOf(viewer: Viewer, table: string): { sql: string; params: SqlValue[] } {
  if (roleCovers(viewer.role, 'admin')) return { sql: '1 = 1', params: [] };
  return {
    sql: `(key_id IN (SELECT id FROM api_keys WHERE principal_id = ?)
      OR EXISTS (SELECT 1 FROM models WHERE models.id = ${table}.model_id AND models.owner_user_id = ?))`,
    params: [viewer.principalId, viewer.principalId],
  };
}
