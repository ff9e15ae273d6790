import {
  ENDPOINTS,
  type EndpointOutput,
  type UsageEvent,
  type UsageGroup,
  type UsageMetrics,
  type UsageRow,
} from '../../shared/contract/index.ts';
import { call, readText } from './api.ts';
import { listQuery, type List } from './lists.ts';
import type { Query } from './queries.ts';

/** Calls, errors, latency and tokens. Administrators see all, others what their own keys and models did. */

/** First and last UTC day, both counted: `2026-11-01`. */
export interface UsageRange {
  readonly from: string;
  readonly to: string;
}

export interface UsageFilter extends UsageRange {
  readonly model_id?: string;
  readonly key_id?: string;
}

export interface Usage {
  readonly rows: readonly UsageRow[];
  readonly total: UsageMetrics;
  /** More rows exist than were read. */
  readonly cut: boolean;
}

const PAGE = 200;
/** A year of days and a thousand models or keys are read whole; the CSV has the rest. */
const MOST_PAGES = 5;

/** Sums of a range by day, model or key. */
export function usageQuery(filter: UsageFilter, by: UsageGroup): Query<Usage> {
  return {
    key: `usage ${by} ${JSON.stringify(filter)}`,
    about: [],
    read: async (signal) => {
      const rows: UsageRow[] = [];
      let next: string | null = null;
      for (let page = 0; ; page += 1) {
        const cursor: { cursor?: string } = next === null ? {} : { cursor: next };
        const answer: EndpointOutput<typeof ENDPOINTS.listUsage> = await call(
          ENDPOINTS.listUsage,
          { query: { ...filter, group_by: [by], limit: PAGE, ...cursor } },
          { signal },
        );
        rows.push(...answer.usage);
        next = answer.next_cursor;
        if (next === null || page + 1 === MOST_PAGES)
          return { rows, total: answer.total, cut: next !== null };
      }
    },
  };
}

/** The latest calls, newest first; the ring keeps the last 10,000. */
export function usageEventsQuery(filter: {
  readonly model_id?: string;
  readonly key_id?: string;
}): Query<List<UsageEvent>> {
  return listQuery(`usage-events ${JSON.stringify(filter)}`, [], async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listUsageEvents,
      { query: { limit: PAGE, ...filter, ...cursor } },
      { signal },
    );
    return { rows: answer.events, next: answer.next_cursor };
  });
}

/** The sums by day, model and key as CSV. @throws {AppError} the refusal. */
export async function usageCsv(filter: UsageFilter): Promise<string> {
  return readText(ENDPOINTS.exportUsage, { query: { ...filter, group_by: ['day', 'model', 'key'] } });
}
