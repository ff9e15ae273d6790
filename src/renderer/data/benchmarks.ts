import { ENDPOINTS, type Benchmark, type EndpointInput } from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { liveFeed } from './live.ts';
import { listQuery, type List } from './lists.ts';
import type { Query } from './queries.ts';

const PAGE = 50;

/** What was measured on a slot, newest first. Read again when a job about the slot ends. */
export function slotBenchmarksQuery(slotId: string): Query<List<Benchmark>> {
  return benchmarksQuery({ slot_id: slotId }, [`slot:${slotId}`, 'model:*']);
}

/** What was measured of all versions and quants of a name, on any slot. */
export function familyBenchmarksQuery(name: string): Query<List<Benchmark>> {
  return benchmarksQuery({ name }, ['model:*']);
}

function benchmarksQuery(
  filter: { readonly slot_id: string } | { readonly name: string },
  about: readonly string[],
): Query<List<Benchmark>> {
  return listQuery(`benchmarks ${JSON.stringify(filter)}`, about, async (cursor, signal) => {
    const answer = await call(
      ENDPOINTS.listBenchmarks,
      { query: { limit: PAGE, ...filter, ...cursor } },
      { signal },
    );
    return { rows: answer.benchmarks, next: answer.next_cursor };
  });
}

/** @throws {AppError} the refusal. */
export async function startBenchmark(
  slotId: string,
  body: NonNullable<EndpointInput<typeof ENDPOINTS.startBenchmark>['body']>,
): Promise<void> {
  const { job } = await call(ENDPOINTS.startBenchmark, { params: { id: slotId }, body });
  liveFeed.putJob(job);
}
