import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Endpoints, UsageEvent, UsageRow } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { Viewer } from '../access/index.ts';
import type { ModelLifecycle } from '../catalog/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor, pageOf } from '../kernel/cursor.ts';
import { dayOf } from './call.ts';
import { csvRecord } from './csv.ts';
import type { UsageRecorder } from './recorder.ts';
import {
  dayRange,
  groupsOf,
  metricsOf,
  type UsageEventRow,
  type UsageFilter,
  type UsageQuery,
  type UsageSumRow,
} from './usage-query.ts';

export interface UsageRouteDeps {
  readonly usage: UsageRecorder;
  readonly query: UsageQuery;
  readonly lifecycle: ModelLifecycle;
  readonly clock: Clock;
}

const EventCursor = z.tuple([z.int()]);
const EXPORT_ROWS = 500;
const CSV_HEADER = [
  'day',
  'model_id',
  'key_id',
  'key_name',
  'calls',
  'errors',
  'streams',
  'prompt_tokens',
  'completion_tokens',
  'latency_ms_mean',
  'latency_ms_max',
] as const satisfies readonly (keyof UsageRow)[];

/** Usage summed, as CSV, and call by call. */
export function usageRoutes(router: Router<Endpoints>, deps: UsageRouteDeps): void {
  const { usage, query, lifecycle, clock } = deps;
  const today = (): string => dayOf(clock.now());

  const pageFor = (viewer: Viewer, filter: UsageFilter, cursor: string | undefined, limit: number) => {
    usage.flush();
    const after = decodeCursor(cursor, z.array(z.string()).length(filter.groups.length));
    const { rows, next } = pageOf(query.list(viewer, filter, after, limit + 1), limit);
    return {
      usage: rows.map(toRow),
      next_cursor: next === null ? null : encodeCursor(keyOf(next, filter)),
      from: filter.from,
      to: filter.to,
      total: query.total(viewer, filter),
    };
  };

  router.implement('listUsage', ({ query: asked }, { caller }) =>
    pageFor(
      caller,
      {
        ...dayRange(asked, today()),
        modelId: asked.model_id,
        keyId: asked.key_id,
        groups: groupsOf(asked.group_by),
      },
      asked.cursor,
      asked.limit,
    ),
  );
  router.implement('getModelUsage', ({ params, query: asked }, { caller }) => {
    const { id } = lifecycle.visible(params.id, caller);
    const filter = { ...dayRange(asked, today()), modelId: id, groups: groupsOf(asked.group_by) };
    return { model_id: id, ...pageFor(caller, filter, asked.cursor, asked.limit) };
  });
  router.implementRaw('exportUsage', async ({ query: asked }, { caller, reply, requestId }) => {
    const filter = {
      ...dayRange(asked, today()),
      modelId: asked.model_id,
      keyId: asked.key_id,
      groups: groupsOf(asked.group_by),
    };
    usage.flush();
    await reply
      .header('content-type', 'text/csv; charset=utf-8; header=present')
      .header('content-disposition', `attachment; filename="usage-${filter.from}-to-${filter.to}.csv"`)
      .header('x-request-id', requestId)
      .send(Readable.from(csvOf(query, caller, filter)));
  });
  router.implement('listUsageEvents', ({ query: asked }, { caller }) => {
    usage.flush();
    const before = decodeCursor(asked.cursor, EventCursor)?.[0] ?? null;
    const found = query.events(
      caller,
      { modelId: asked.model_id, keyId: asked.key_id },
      before,
      asked.limit + 1,
    );
    const { rows, next } = pageOf(found, asked.limit);
    return { events: rows.map(toEvent), next_cursor: next === null ? null : encodeCursor([next.seq]) };
  });
}

/** Page by page, so that neither the rows nor their text lie in memory together. */
function* csvOf(query: UsageQuery, viewer: Viewer, filter: UsageFilter): Generator<string> {
  yield csvRecord(CSV_HEADER);
  let after: string[] | null = null;
  for (;;) {
    const rows = query.list(viewer, filter, after, EXPORT_ROWS);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows
      .map(toRow)
      .map((row) => csvRecord(CSV_HEADER.map((column) => row[column])))
      .join('');
    if (rows.length < EXPORT_ROWS) return;
    after = keyOf(last, filter);
  }
}

function keyOf(row: UsageSumRow, { groups }: UsageFilter): string[] {
  const values = { day: row.day, model: row.model_id, key: row.key_id };
  return groups.map((group) => values[group] ?? '');
}

function toRow(row: UsageSumRow): UsageRow {
  const { day, model_id, key_id, key_name } = row;
  return { day, model_id, key_id, key_name, ...metricsOf(row) };
}

function toEvent(row: UsageEventRow): UsageEvent {
  return { ...row, at: toIso(row.at), ok: row.ok === 1, streamed: row.streamed === 1 };
}
